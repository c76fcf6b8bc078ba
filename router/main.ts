/**
 * One router as a process: reads its configuration, wires the parts together, and runs until it is told to stop.
 *
 * SIGTERM and SIGINT drain (`io/drain.ts`): others learn first, then sockets close, open flows go on until they end or the time is
 * over. SIGHUP or a changed file applies the difference. This is the only place where parts are constructed.
 */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock as clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { type Random, systemRandom as random } from '../lib/random.ts';
import { readVersion } from '../lib/version.ts';
import { parseHead } from './amqp/message/head.ts';
import { mayManage } from './core/may-manage.ts';
import { Router } from './core/router.ts';
import type { RouterOptions } from './core/router-options.ts';
import { ConfigFile, loadConfig } from './io/config-file.ts';
import { countersOf } from './io/counters.ts';
import { Drain } from './io/drain.ts';
import { Driver } from './io/driver.ts';
import { Entities } from './io/entities.ts';
import { watchEventLoop } from './io/event-loop-delay.ts';
import { makeEvents } from './io/events.ts';
import { flowCountMax } from './io/flow-count.ts';
import { flowMemoryBytes } from './io/flow-memory.ts';
import { flowPauseLimitMs } from './io/flow-pause.ts';
import { makeKeyring } from './io/identity-keys.ts';
import { managedRouter } from './io/managed.ts';
import { meshOptions } from './io/mesh-options.ts';
import { ProtocolTrace } from './io/protocol-trace.ts';
import { Readiness, type ReadinessParts } from './io/readiness.ts';
import { RouterLog } from './io/router-log.ts';
import type { Shown } from './io/show.ts';
import { startText } from './io/start-config.ts';
import { TlsProfiles } from './io/tls-profiles.ts';
import { traceRouter } from './io/tracing.ts';
import { ManagementAgent } from './management/agent.ts';
import { entitiesOf, parseConfig, type RouterConfig } from './management/config.ts';
import { diffConfig } from './management/diff.ts';
import { firstSequence } from './mesh/mesh.ts';
import { LogBook } from './telemetry/log-book.ts';
import { renderMetrics } from './telemetry/metrics.ts';

export interface RouterRunOptions {
  /** Path of a configuration file in either of skrouterd's forms; without it the environment says (start-config.ts). */
  config?: string;
  /** How long open flows may go on after a signal to stop, and services' sockets accept at least, within that. */
  drainMs?: number;
  graceMs?: number;
  /** Also stop when standard input ends: a router does not outlive the process that started it. */
  exitWithStdin?: boolean;
  /** Modules of which the configuration says nothing log from debug on. */
  isVerbose?: boolean;
}

const DRAIN_MS = 5000;
/** Within this the last words have been taken by those who listen. */
const FAREWELL_MS = 500;
const FAREWELL_POLL_MS = 10;

/**
 * Runs a router until `stop` is aborted.
 * @throws ConfigFileError, StartConfigError, ConfigError, TraceSettingsError before anything is started
 */
export async function runRouter(options: RouterRunOptions, stop: AbortSignal): Promise<void> {
  const signal = options.exitWithStdin ? AbortSignal.any([stop, standardInputEnded()]) : stop;
  const loaded = options.config === undefined ? loadStart() : loadConfig(options.config);
  const version = readVersion();
  const { config } = loaded;
  const logs = logsOf(config, () => clock.wall(), options.isVerbose);
  const log = logs.of('ROUTER');
  const startedAt = clock.wall();
  const startedAtMs = clock.now();
  const wall = (ms: number): number => startedAt + (ms - startedAtMs);

  const router = new Router(routerOptions(config, { startedAt, version, random, wall }), clock.now());
  const now = () => clock.now();
  const tracing = await traceRouter({ router, log, random, wall, now, env: process.env, entity: config.router });
  const { counts: spans, links: linkSpans } = tracing ?? {};
  const driver: Driver = new Driver({
    router,
    clock,
    log,
    logOf: (module) => logs.of(module),
    backendOf: (connector) => entities.backendOf(connector),
    listen: (listener, on) => entities.listen(listener, on),
  });
  const profiles = new TlsProfiles(logs.of('SERVER'));
  const delay = watchEventLoop(clock.now(), signal);
  const entities = new Entities({
    driver,
    profiles,
    log: logs.of('AGENT'),
    logs,
    random,
    router: config.router,
    linkSpans,
    http: {
      render: (format) => {
        const { connectors, headers } = entities;
        const sources = { router, driver, profiles, startedAt, wall, delay, connectors, headers, spans };
        return renderMetrics(countersOf({ ...sources, now: clock.now() }), format);
      },
      healthy: () => (signal.aborted ? 'the router is stopping' : undefined),
      ready: () => readiness.problem,
    },
    drain: (draining) => (draining ? drain.begin() : drain.cancel()),
  });
  const drain = drainOf({ router, driver, entities, log, now });
  const readiness = readinessOf({ router, entities, drain, startedAtMs, now });
  driver.protocolTrace = protocolTrace(driver, entities, logs);
  const { mode, metadata } = config.router;
  const events = makeEvents({ router, entities, mode, metadata, random, env: process.env, wall });
  serveManagement(router, entities, { driver, logs, startedAtMs, now, wall, drainState: () => drain.state });

  for (const warning of config.warnings) log.warn({ ...warning }, 'configuration without effect');
  entities.apply(diffConfig(undefined, config));
  if (config.router.adminStatus === 'draining') drain.begin();
  events.start();
  logs.book.listen((entry) => events.logged(entry) && driver.schedule());
  const file = watched(options.config, loaded, { log, apply: (changes) => entities.apply(changes) });
  const onHangup = (): void => void file?.reload();
  process.on('SIGHUP', onHangup);
  log.info({ router: config.router.id, mode: config.router.mode, version }, 'router started');

  await aborted(signal);
  file?.stop();
  await drain.finish({ drainMs: options.drainMs ?? DRAIN_MS, graceMs: options.graceMs ?? 0 });
  await farewell({ router, driver, entities, now }, () => events.stop(now()));
  process.off('SIGHUP', onHangup);
  entities.stop();
  profiles.stop();
  driver.stop();
  await tracing?.stop();
  // An open standard input would keep the process.
  if (options.exitWithStdin) process.stdin.destroy();
  log.info({ router: config.router.id }, 'router stopped');
}

function routerOptions(
  { router }: RouterConfig,
  {
    startedAt,
    version,
    random,
    wall,
  }: { startedAt: number; version: string; random: Random; wall: (ms: number) => number },
): RouterOptions {
  const memoryBytes = flowMemoryBytes(process.env);
  return {
    id: router.id,
    instance: Math.floor(startedAt / 1000),
    firstSequence: firstSequence(startedAt),
    version,
    mode: router.mode,
    defaultDistribution: router.defaultDistribution,
    mesh: meshOptions(router),
    random: () => random.next(),
    flowMemoryBytes: memoryBytes,
    flowCountMax: flowCountMax(process.env, memoryBytes),
    flowPauseLimitMs: flowPauseLimitMs(process.env),
    identity: { keys: makeKeyring(), wall },
  };
}

/** What is still open is broken off, so that its other ends need not find out; then `last` is called and all peers are told. */
async function farewell({ router, driver, entities, now }: Running, last: () => void): Promise<void> {
  entities.stopAccepting();
  router.bridge.resetFlows('the router is shutting down');
  router.step(now());
  last();
  driver.schedule();
  await sleep(0);
  for (const id of [...router.peers.keys()])
    router.close(id, 'amqp:connection:forced', 'the router is shutting down', now());
  driver.schedule();
  const until = now() + FAREWELL_MS;
  while (driver.transports.size > 0 && now() < until) await sleep(FAREWELL_POLL_MS);
}

interface Running {
  router: Router;
  driver: Driver;
  entities: Entities;
  now: () => number;
}

function drainOf({ driver, entities, ...parts }: Running & { log: Logger }): Drain {
  const setServing = (on: boolean): void => entities.setServing(on);
  return new Drain({ ...parts, setServing, accepts: () => entities.accepts, schedule: () => driver.schedule() });
}

function readinessOf({
  router,
  entities,
  drain,
  ...times
}: Omit<Running, 'driver'> & { drain: Drain } & Pick<ReadinessParts, 'startedAtMs'>): Readiness {
  return new Readiness({
    ...times,
    lastTopologyChangeMs: () => router.lastTopologyChangeMs,
    drainState: () => drain.state,
    connected: () => [...entities.connectors.values()].every(({ status }) => status === 'SUCCESS'),
  });
}

function serveManagement(
  router: Router,
  entities: Entities,
  { logs, ...parts }: Omit<Shown, 'router' | 'entities' | 'hostName' | 'logBook' | 'log'> & { logs: RouterLog },
): void {
  const shown = { router, entities, hostName: hostname(), logBook: logs.book, log: logs.of('AGENT'), ...parts };
  const agent = new ManagementAgent({ routerId: router.id, home: router.home, router: managedRouter(shown) });
  router.serve('$management', (message, transit) => {
    const head = parseHead(message, 'body', true);
    const answer = head && agent.handle(head, mayManage(router, transit));
    if (!answer) return false;
    router.send(answer.to, answer.message, parts.now());
    return true;
  });
}

/**
 * The log as its entities say it from the first line on.
 * @throws LogFileError
 */
function logsOf(config: RouterConfig, wall: () => number, isVerbose = false): RouterLog {
  const logs = new RouterLog(new LogBook(), wall, { isVerbose });
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
