/**
 * One router as a process: reads its configuration, wires the parts together, and runs until it is told to stop.
 *
 * SIGTERM and SIGINT drain: no new connections, services withdrawn, open flows go on until they end or the time is
 * over. SIGHUP or a changed file applies the difference. This is the only place where parts are constructed.
 */
import { hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { systemClock as clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { type Random, systemRandom } from '../lib/random.ts';
import { readVersion } from '../lib/version.ts';
import { parseHead } from './amqp/message/head.ts';
import { Router } from './core/router.ts';
import { ConfigFile, loadConfig } from './io/config-file.ts';
import { countersOf } from './io/counters.ts';
import { Driver } from './io/driver.ts';
import { Entities } from './io/entities.ts';
import { makeEvents } from './io/events.ts';
import { flowMemoryBytes } from './io/flow-memory.ts';
import { flowPauseLimitMs } from './io/flow-pause.ts';
import { managedRouter } from './io/managed.ts';
import { meshOptions } from './io/mesh-options.ts';
import { ProtocolTrace } from './io/protocol-trace.ts';
import { RouterLog } from './io/router-log.ts';
import type { Shown } from './io/show.ts';
import { startText } from './io/start-config.ts';
import { TlsProfiles } from './io/tls-profiles.ts';
import { ManagementAgent } from './management/agent.ts';
import { entitiesOf, parseConfig, type RouterConfig } from './management/config.ts';
import { diffConfig } from './management/diff.ts';
import { firstSequence } from './mesh/mesh.ts';
import { LogBook } from './telemetry/log-book.ts';
import { renderMetrics } from './telemetry/metrics.ts';

export interface RouterRunOptions {
  /** Path of a configuration file in either of skrouterd's forms; without it the environment says (start-config.ts). */
  config?: string;
  /** How long open flows may go on after a signal to stop. */
  drainMs?: number;
  /** Also stop when standard input ends: a router does not outlive the process that started it. */
  exitWithStdin?: boolean;
}

const DRAIN_MS = 5000;
const DRAIN_POLL_MS = 50;

/**
 * Runs a router until `stop` is aborted.
 * @throws ConfigFileError, StartConfigError, ConfigError before anything is started
 */
export async function runRouter(options: RouterRunOptions, stop: AbortSignal): Promise<void> {
  const signal = options.exitWithStdin ? AbortSignal.any([stop, standardInputEnded()]) : stop;
  const loaded = options.config === undefined ? loadStart() : loadConfig(options.config);
  const version = readVersion();
  const { config } = loaded;
  const logs = logsOf(config, () => clock.wall());
  const log = logs.of('ROUTER');
  const random: Random = systemRandom;
  const startedAt = clock.wall();
  const startedAtMs = clock.now();
  const wall = (ms: number): number => startedAt + (ms - startedAtMs);

  const router = new Router(
    {
      id: config.router.id,
      instance: Math.floor(startedAt / 1000),
      firstSequence: firstSequence(startedAt),
      version,
      mode: config.router.mode,
      defaultDistribution: config.router.defaultDistribution,
      mesh: meshOptions(config.router),
      random: () => random.next(),
      flowMemoryBytes: flowMemoryBytes(process.env),
      flowPauseLimitMs: flowPauseLimitMs(process.env),
    },
    clock.now(),
  );
  const driver: Driver = new Driver({
    router,
    clock,
    log,
    logOf: (module) => logs.of(module),
    backendOf: (connector) => entities.backendOf(connector),
    listen: (listener, on) => entities.listen(listener, on),
  });
  const profiles = new TlsProfiles(logs.of('SERVER'));
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const entities = new Entities({
    driver,
    profiles,
    log: logs.of('AGENT'),
    logs,
    random,
    router: config.router,
    http: {
      render: () =>
        renderMetrics(
          countersOf({ router, driver, profiles, startedAt, wall, delay, now: clock.now(), headers: entities.headers }),
        ),
      healthy: () => (signal.aborted ? 'the router is stopping' : undefined),
    },
  });
  driver.protocolTrace = protocolTrace(driver, entities, logs);
  const { mode, metadata } = config.router;
  const events = makeEvents({ router, entities, mode, metadata, random, env: process.env, wall });
  serveManagement(router, entities, { driver, logs, startedAtMs, now: () => clock.now(), wall });

  for (const warning of config.warnings) log.warn({ ...warning }, 'configuration without effect');
  entities.apply(diffConfig(undefined, config));
  events.start();
  logs.book.listen((entry) => events.logged(entry) && driver.schedule());
  const file = watched(options.config, loaded, { log, apply: (changes) => entities.apply(changes) });
  const onHangup = (): void => void file?.reload();
  process.on('SIGHUP', onHangup);
  log.info({ router: config.router.id, mode: config.router.mode, version }, 'router started');

  await aborted(signal);
  file?.stop();
  await drain({ router, driver, entities, log, now: () => clock.now() }, options.drainMs ?? DRAIN_MS, () =>
    events.stop(clock.now()),
  );
  process.off('SIGHUP', onHangup);
  entities.stop();
  profiles.stop();
  delay.disable();
  driver.stop();
  // An open standard input would keep the process.
  if (options.exitWithStdin) process.stdin.destroy();
  log.info({ router: config.router.id }, 'router stopped');
}

/** No new connections; flows go on until they end or the time is over, then `last` is called and all peers are told. */
async function drain(
  {
    router,
    driver,
    entities,
    log,
    now,
  }: { router: Router; driver: Driver; entities: Entities; log: Logger; now: () => number },
  drainMs: number,
  last: () => void,
): Promise<void> {
  log.info({ flowCount: router.bridge.flows.size }, 'router draining');
  entities.stopAccepting();
  router.withdraw(now());
  driver.schedule();
  await drained(router, drainMs);
  last();
  for (const id of [...router.peers.keys()])
    router.close(id, 'amqp:connection:forced', 'the router is shutting down', now());
  driver.schedule();
  await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
}

function serveManagement(
  router: Router,
  entities: Entities,
  { logs, ...parts }: Omit<Shown, 'router' | 'entities' | 'hostName' | 'logBook' | 'log'> & { logs: RouterLog },
): void {
  const shown = { router, entities, hostName: hostname(), logBook: logs.book, log: logs.of('AGENT'), ...parts };
  const agent = new ManagementAgent({ routerId: router.id, home: router.home, router: managedRouter(shown) });
  router.serve('$management', (message) => {
    const head = parseHead(message, 'body', true);
    const answer = head && agent.handle(head);
    if (!answer) return false;
    router.send(answer.to, answer.message, parts.now());
    return true;
  });
}

/**
 * The log as its entities say it from the first line on.
 * @throws LogFileError
 */
function logsOf(config: RouterConfig, wall: () => number): RouterLog {
  const logs = new RouterLog(new LogBook(), wall);
  logs.setTimes(config.router);
  for (const entity of entitiesOf(config, 'log').values()) logs.set(entity);
  return logs;
}

function protocolTrace({ router, transports }: Driver, entities: Entities, logs: RouterLog): ProtocolTrace {
  return new ProtocolTrace({
    logs,
    transports,
    betweenFrames: (id) => router.peers.get(id)?.connection.betweenFrames === true,
    components: (id) => {
      const { entity = '', dir } = router.peers.get(id)?.options ?? {};
      return entities.find(dir === 'in' ? 'listener' : 'connector', entity)?.messageLoggingComponents ?? 'none';
    },
  });
}

/** What the environment named is read once: from then on changes come over management. */
function watched(
  file: string | undefined,
  loaded: ReturnType<typeof loadConfig>,
  parts: ConstructorParameters<typeof ConfigFile>[2],
): ConfigFile | undefined {
  return file === undefined ? undefined : new ConfigFile(file, loaded, parts);
}

/** @throws StartConfigError, ConfigError */
function loadStart(): { text: string; config: RouterConfig } {
  const { text, source, form } = startText();
  return { text, config: parseConfig(text, source, form) };
}

function standardInputEnded(): AbortSignal {
  const ended = new AbortController();
  process.stdin.on('end', () => ended.abort());
  process.stdin.on('error', () => ended.abort());
  process.stdin.resume();
  return ended.signal;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function drained(router: Router, withinMs: number): Promise<void> {
  for (let waitedMs = 0; router.bridge.flows.size > 0 && waitedMs < withinMs; waitedMs += DRAIN_POLL_MS) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }
}
