/** One local site in the foreground: wires the controller's parts and runs them until told to stop. */
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Secret } from '../../../config/api/secret.ts';
import { CREDENTIAL } from '../../../config/names.ts';
import { ROUTER_NODE_OPTION } from '../../../config/router-node-option.ts';
import { systemClock } from '../../../lib/clock.ts';
import { AssertionError } from '../../../lib/errors.ts';
import { exists } from '../../../lib/files.ts';
import type { Logger, LogLevel } from '../../../lib/log.ts';
import { systemRandom } from '../../../lib/random.ts';
import { RouterClient, type RouterEndpoint } from '../../../lib/router-client/client.ts';
import { RouterPoller } from '../../../lib/router-client/poller.ts';
import { whoIsAt } from '../../../lib/router-client/probe.ts';
import { type SeenProcess, seenProcess } from '../../../lib/seen-process.ts';
import type { Tracer } from '../../../lib/trace/tracer.ts';
import { readVersion } from '../../../lib/version.ts';
import { Wakeup } from '../../../lib/wakeup.ts';
import { ExchangeDriver } from '../../exchange/driver.ts';
import { Exchange } from '../../exchange/exchange.ts';
import { EXCHANGE_ADDRESS, type SiteContent } from '../../exchange/record.ts';
import { FlowSpeaker } from '../../exchange/vanflow/speaker.ts';
import { LinkRenewals } from '../../grants/link-renewals.ts';
import type { NetworkView } from '../../reconcile/observed.ts';
import { AMQPS_PORT } from '../../reconcile/router-config.ts';
import { routerEnvironment } from '../../reconcile/router-environment.ts';
import { isAccessPurpose } from '../../reconcile/routeraccess/plan.ts';
import { activeSite } from '../../reconcile/site/identity.ts';
import { type Companion, type SiteLoan, shared, withCompanion } from './companion.ts';
import { makeDirectories, SiteController } from './controller.ts';
import { Credentials } from './credentials.ts';
import { GrantFiles } from './grant-store.ts';
import { machineHosts } from './hosts.ts';
import { lockSite } from './lock.ts';
import { type SitePaths, sitePaths } from './paths.ts';
import { canBind, Ports } from './ports.ts';
import { RedemptionServer } from './redemption-server.ts';
import { routerEndpoint } from './router-endpoint.ts';
import { RouterProcess } from './router-process.ts';
import { LocalStore } from './store.ts';
import { TokenRedeemer } from './token-redeemer.ts';

/** A pass at least this often, for what nothing notifies: the machine's addresses, endpoints of links that do not answer. */
const PASS_INTERVAL_MS = 5000;
const RETRY_MS = 1000;
/** A router that is not there for this long may have lost its port to another program. */
const PORT_DOUBT_MS = 3000;
/** The same when whoever listens there says nothing: on a busy machine a router takes its time. */
const SILENCE_DOUBT_MS = 30_000;

export interface SiteRunOptions {
  namespace: string;
  /** As given by `dataHomeOf`. */
  dataHome: string;
  logLevel: LogLevel;
  /** The command whose `router` verb runs the router; this very program unless given. */
  command?: readonly string[];
  /** What runs beside the site, in its process. */
  companion?: Companion;
}

/**
 * Runs the site of `namespace` until `signal` aborts; resolves when its router has drained and everything is closed.
 * Throws SiteRunningError when another process runs it already.
 */
export async function runSite(options: SiteRunOptions, signal: AbortSignal): Promise<void> {
  const paths = sitePaths(options.dataHome, options.namespace);
  const unlock = await lockSite(paths.sitePid, options.namespace);
  try {
    await makeDirectories(paths);
    await rm(paths.ready, { force: true });
    const { namespace } = options;
    const seen = await seenProcess('site-controller', options.logLevel, { 'service.instance.id': namespace });
    await new LocalSite(paths, options, seen).run(signal).finally(() => seen.stop());
  } finally {
    await rm(paths.ready, { force: true });
    await unlock();
  }
}

class LocalSite {
  private readonly paths: SitePaths;
  private readonly log: Logger;
  private readonly tracer: Tracer;
  private readonly dirty = new Wakeup();
  private readonly configured = new Wakeup();
  private readonly store: LocalStore;
  private readonly ports: Ports;
  private readonly redeemer: TokenRedeemer;
  private readonly redemptionServer: RedemptionServer;
  private readonly renewals: LinkRenewals;
  private readonly router: RouterProcess;
  private readonly client: RouterClient;
  private readonly poller: RouterPoller;
  private readonly controller: SiteController;
  /** Made when the id of the site is known. */
  private exchange: { machine: Exchange; driver: ExchangeDriver } | undefined;
  /** For Skupper's sites, which do not take part in the exchange. */
  private readonly flow: FlowSpeaker;
  private readonly companion: Companion | undefined;
  /** Something that the companion was lent changed. */
  private onLoanChange = () => {};
  private readonly look = () => {
    this.dirty.notify();
    this.onLoanChange();
  };
  /** Since when the router should be there and is not, or has its present port. */
  private downSince = Infinity;

  constructor(paths: SitePaths, options: SiteRunOptions, { log, tracer }: SeenProcess) {
    this.tracer = tracer;
    const { dataHome, command = ownCommand() } = options;
    const clock = systemClock;
    const base = { clock, log, tracer };
    this.paths = paths;
    this.log = log;
    this.companion = options.companion;
    this.store = storeOf(paths, () => this.onLoanChange(), { log, tracer });
    this.ports = new Ports(paths, dataHome);
    const credentials = new Credentials(paths);
    this.redeemer = redeemerOf(paths, this.store, credentials, this.look, { log, tracer });
    const grants = new GrantFiles({ store: this.store, directory: paths.grants, onRedeemed: this.look });
    this.redemptionServer = new RedemptionServer({ grants, credentials, ...base });
    this.renewals = renewalsOf(this.store, this.look, { log, tracer });
    this.router = new RouterProcess({
      command: [...command, 'router', '--config', paths.routerConfig, '--exit-with-stdin'],
      environment: () => this.routerVariables(),
      pidFile: paths.routerPid,
      logFile: paths.routerLog,
      random: systemRandom,
      log,
    });
    this.client = new RouterClient({
      containerId: 'skuprt-site-controller',
      endpoint: () => this.endpoint(),
      multicastAddress: EXCHANGE_ADDRESS,
      onUp: () => {
        this.exchange?.driver.connected();
        this.flow.connected();
        this.poller.look();
      },
      onDown: () => {
        this.downSince = clock.now();
        this.exchange?.driver.disconnected();
        this.flow.disconnected();
        this.poller.look();
      },
      onMessage: (text) => this.exchange?.driver.receive(text),
      onHeard: (message, address) => this.flow.receive(message, address),
      log,
    });
    this.flow = new FlowSpeaker({ client: this.client, clock, onChange: this.look });
    this.poller = new RouterPoller({
      client: this.client,
      clock,
      log,
      onChange: (before, after) => {
        if (after !== undefined && before?.routerIds.join() !== after.routerIds.join()) {
          this.exchange?.driver.topologyChanged(after.routerIds);
          // A router that is back should be seen in time.
          this.poller.look();
        }
        if (after !== undefined) this.flow.routerState(after);
        this.look();
      },
    });
    this.controller = new SiteController({
      paths,
      version: readVersion(),
      store: this.store,
      ports: this.ports,
      credentials,
      renewals: this.renewals,
      grants,
      redeemer: this.redeemer,
      redemptionServer: this.redemptionServer,
      routerState: () => this.poller.state,
      network: () => this.network(),
      hosts: machineHosts,
      newCode: () => randomBytes(18).toString('base64url'),
      ...base,
      onConfig: () => {
        this.configured.notify();
        // Before it answers it may not listen for signals yet, and reads the file by itself.
        if (this.client.isUp) this.router.reload();
        this.poller.look();
      },
      onContent: (content) => this.tell(content),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.router.endOrphan();
    await this.ports.load(isAccessPurpose);
    const stopping = new AbortController();
    const stop = () => stopping.abort();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    // The router ends after its users: the other sites hear the good-bye through it.
    const routerEnd = new AbortController();
    const clientEnd = new AbortController();
    const guarded = (task: Promise<void>) => task.finally(stop);
    this.log.info({ namespace: this.paths.namespace }, 'site started');
    const passes = guarded(this.passes(stopping.signal));
    const configured = this.untilConfigured(stopping.signal).then(() => {
      this.downSince = systemClock.now();
    });
    const router = guarded(configured.then(() => this.router.run(routerEnd.signal)));
    const client = guarded(configured.then(() => this.client.run(clientEnd.signal)));
    const tasks = [
      passes,
      guarded(this.poller.run(stopping.signal)),
      guarded(this.store.watch(this.look, stopping.signal)),
    ];
    const { companion } = this;
    if (companion !== undefined)
      tasks.push(guarded(configured.then(() => withCompanion(companion, this.loan(), stopping.signal))));
    const results = await Promise.allSettled(tasks);
    this.exchange?.driver.stop();
    this.flow.stop(false);
    await this.redemptionServer.stop();
    await this.redeemer.idle();
    await this.renewals.idle();
    await this.client.close();
    clientEnd.abort();
    routerEnd.abort();
    results.push(...(await Promise.allSettled([client, router])));
    this.log.info('site stopped');
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  private loan(): SiteLoan {
    return {
      paths: this.paths,
      store: this.store,
      resources: shared(this.store, () => this.dirty.notify()),
      version: readVersion(),
      routerState: () => this.poller.state,
      endpoint: () => this.endpoint(),
      onChange: (look) => {
        this.onLoanChange = look;
      },
      clock: systemClock,
      log: this.log,
      tracer: this.tracer,
    };
  }

  /** One pass at a time, each after something changed. Only a bug ends this; everything else is tried again. */
  private async passes(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let waitMs = PASS_INTERVAL_MS;
      const startMs = systemClock.now();
      try {
        const dueAt = await this.tracer.span('pass', {}, () => {
          this.tracer.drop();
          return this.controller.pass(signal, () => this.dirty.isDue);
        });
        waitMs = Math.max(0, Math.min(waitMs, dueAt - systemClock.wall()));
        this.log.debug({ durationMs: Math.round(systemClock.now() - startMs) }, 'reconciled');
        await this.leaveTakenPort();
      } catch (err) {
        if (err instanceof AssertionError) throw err;
        this.log.error({ err }, 'pass failed, trying again');
        waitMs = RETRY_MS;
      }
      await this.dirty.wait(waitMs, signal);
    }
  }

  /** The next pass gives another port when another program has that of the router. */
  private async leaveTakenPort(): Promise<void> {
    const { host, purpose } = AMQPS_PORT;
    const now = systemClock.now();
    if (this.client.isUp || now < this.downSince + PORT_DOUBT_MS) return;
    const endpoint = await this.endpoint();
    if (await canBind(endpoint.port, host)) return;
    const who = await whoIsAt(endpoint);
    if (who === 'router' || (who === 'silent' && now < this.downSince + SILENCE_DOUBT_MS)) return;
    this.log.warn({ port: endpoint.port }, 'another program has the port of the router, which gets another one');
    await this.ports.release(purpose);
    this.downSince = now;
    this.dirty.notify();
  }

  /** Resolves when there is a configuration to start the router with; one of an earlier run will do. */
  private async untilConfigured(signal: AbortSignal): Promise<void> {
    while (!this.ports.all().has(AMQPS_PORT.purpose) || !(await exists(this.paths.routerConfig))) {
      if (signal.aborted) return;
      await this.configured.wait(PASS_INTERVAL_MS, signal);
    }
  }

  private network(): NetworkView {
    const machine = this.exchange?.machine;
    return {
      sites: [...(machine?.records() ?? []), ...this.flow.sites()],
      settled: machine?.isSettled(systemClock.now()) ?? false,
      gone: machine?.goneSites() ?? new Set(),
    };
  }

  private tell(content: SiteContent): void {
    if (this.exchange === undefined) {
      const identity = { siteId: content.site.id, instance: systemClock.wall() };
      const machine = new Exchange(identity);
      const driver = new ExchangeDriver({
        exchange: machine,
        clock: systemClock,
        send: (text) => this.client.send(text),
        onChange: () => {
          this.flow.setOthers(machine.records());
          this.dirty.notify();
        },
      });
      this.exchange = { machine, driver };
      if (this.client.isUp) {
        driver.connected();
        if (this.poller.state !== undefined) driver.topologyChanged(this.poller.state.routerIds);
      }
    }
    this.exchange.driver.setOwn(content);
    // The router tells of the site.
    this.flow.setOwn(content, false);
  }

  /** Of the Site as its files say it; without them, a router that starts is better than none. */
  private async routerVariables(): Promise<Record<string, string>> {
    try {
      return routerEnvironment(activeSite({ resources: await this.store.all() })).variables;
    } catch (err) {
      this.log.warn({ err }, 'router starts without the settings of its site');
      return {};
    }
  }

  private endpoint(): Promise<RouterEndpoint> {
    return routerEndpoint(this.ports, this.paths);
  }
}

/** `onLent`: something changed that only the companion looks at, or that the site itself did. */
function storeOf(
  paths: SitePaths,
  onLent: () => void,
  { log, tracer }: Pick<SeenProcess, 'log' | 'tracer'>,
): LocalStore {
  return new LocalStore(paths, {
    tracer,
    onExports: onLent,
    onStatus: onLent,
    onNoSpace: (err, file) => log.error({ err, file }, 'disk full, status kept in memory'),
    onWrite: (verb, key) => {
      const [kind, name] = key.split('/');
      log.debug({ verb, kind, name }, 'written');
    },
  });
}

function redeemerOf(
  { requests: directory }: SitePaths,
  store: LocalStore,
  credentials: Credentials,
  onDone: () => void,
  seen: Pick<SeenProcess, 'log' | 'tracer'>,
): TokenRedeemer {
  const siteCa = () => credentials.keyPair(CREDENTIAL.siteCa);
  return new TokenRedeemer({ store, directory, siteCa, clock: systemClock, onDone, ...seen });
}

function renewalsOf(store: LocalStore, onRenewed: () => void, seen: Pick<SeenProcess, 'log' | 'tracer'>): LinkRenewals {
  const keep = (_namespace: string, secret: Secret) => store.apply(secret);
  return new LinkRenewals({ keep, clock: systemClock, random: systemRandom, onRenewed, ...seen });
}

/** This very program, from source or compiled, as it is to run a router. */
function ownCommand(): string[] {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return [
    process.execPath,
    ROUTER_NODE_OPTION,
    ...process.execArgv,
    fileURLToPath(new URL(`../../../cli/main.${extension}`, import.meta.url)),
  ];
}
