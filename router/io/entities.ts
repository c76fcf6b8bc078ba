/**
 * The entities of a running router: what a configuration file or management creates, updates and deletes, as sockets
 * and as entries of the core. Each change takes effect at once and touches nothing else.
 */
import { isIP } from 'node:net';
import { SkuprtError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { LogModule } from '../core/log-modules.ts';
import type { ConfigChange } from '../management/diff.ts';
import { changedAttributes, changesInPlace } from '../management/live.ts';
import {
  type ConnectorEntity,
  type Entity,
  type EntityOf,
  type EntityType,
  type ListenerEntity,
  portNumber,
  type RouterEntity,
} from '../management/schema.ts';
import type { LinkSpans } from '../telemetry/trace/link-spans.ts';
import { setPolicy } from './access-policies.ts';
import { AmqpConnector } from './amqp-connector.ts';
import { AmqpListener } from './amqp-listener.ts';
import type { Backend } from './backend.ts';
import { connectorSettings } from './connector-settings.ts';
import type { Driver } from './driver.ts';
import { EntityError } from './entity-error.ts';
import type { HttpOptions } from './http.ts';
import { type HttpProxy, proxyOf } from './http-proxy.ts';
import { keepListening, type Listening } from './keep-listening.ts';
import { meshOptions } from './mesh-options.ts';
import { ownSite } from './own-site.ts';
import type { ProxyFaultCount } from './proxied-connections.ts';
import { Quota } from './quota.ts';
import type { RouterLog } from './router-log.ts';
import { TcpListenerSocket } from './tcp-listener.ts';
import type { TlsProfiles } from './tls-profiles.ts';

export interface EntitiesParts {
  driver: Driver;
  profiles: TlsProfiles;
  log: Logger;
  /** Each part's own log; `log` for all of them when absent. */
  logs?: RouterLog;
  random: Random;
  router: RouterEntity;
  http: Pick<HttpOptions, 'render' | 'healthy' | 'ready'>;
  linkSpans?: LinkSpans;
  /** `adminStatus` of the router: it is to leave the network, or to come back. */
  drain?(draining: boolean): void;
}

/** Data connections of a group when the configuration says `auto`: bulk keeps off the control connection. */
const DATA_CONNECTIONS_AUTO = 1;
/** Of all listeners together while the policy says nothing. */
const CONNECTIONS_MAX = 65_535;
const OUTDATED = 'the credentials of this connection are older than the oldest valid ones';

export class Entities {
  /** Configured entities by type and name, as management shows them. */
  readonly configured = new Map<EntityType, Map<string, Entity>>();
  readonly connectors = new Map<string, AmqpConnector>();
  readonly tcpListeners = new Map<string, TcpListenerSocket>();
  readonly listening = new Map<string, Listening>();
  /** Connections that did not begin as those of a load balancer do, where they must. */
  readonly headers: ProxyFaultCount = { refusedCount: 0 };
  /** `maxConnections` of the policy. */
  readonly quota = new Quota(CONNECTIONS_MAX);
  private readonly amqpListeners = new Map<string, AmqpListener>();
  private readonly parts: EntitiesParts;
  private router: RouterEntity;
  private serving = true;
  private readonly stopping = new AbortController();

  constructor(parts: EntitiesParts) {
    this.parts = parts;
    this.router = parts.router;
  }

  /** Applies changes in order; one that cannot be made is logged and the others go on. */
  apply(changes: readonly ConfigChange[]): void {
    for (const change of changes) {
      try {
        this.change(change);
      } catch (error) {
        if (!(error instanceof SkuprtError) || error.fault === 'ours') throw error;
        this.parts.log.error({ err: error, type: change.type, name: change.name }, 'configuration change not applied');
      }
    }
    this.parts.driver.schedule();
  }

  /** @throws SkuprtError when the change cannot be made; nothing has changed then */
  change({ op, type, name, entity, restart }: ConfigChange): void {
    const known = this.configured.get(type) ?? new Map<string, Entity>();
    this.configured.set(type, known);
    if (op === 'delete') {
      this.remove(type, name, known.get(name));
      known.delete(name);
      this.learnSite(type);
      return;
    }
    if (op === 'create') {
      if (known.has(name)) throw new EntityError(`${type} ${name} exists already`, { next: 'Delete it first' });
      this.create(entity!);
    } else this.update(entity!, known.get(name), restart);
    // The only one of a kind may go by its type so far.
    known.delete(name);
    known.set(entity!.name, entity!);
    this.learnSite(type);
  }

  /** @throws ProxyError */
  proxyOf(name: string): HttpProxy | undefined {
    const entity = this.find('proxyProfile', name);
    return entity && proxyOf(entity);
  }

  /** @throws TlsProfileError */
  backendOf(connector: string): Backend | undefined {
    const entity = this.find('tcpConnector', connector);
    if (!entity) return undefined;
    const { host, port, sslProfile, verifyHostname, proxyProtocol: told } = entity;
    const tls = sslProfile
      ? {
          secureContext: this.parts.profiles.publicContext(sslProfile),
          servername: isIP(host) ? undefined : host,
          ...(verifyHostname ? {} : { checkServerIdentity: () => undefined }),
        }
      : undefined;
    const credentials = sslProfile
      ? { profile: sslProfile, ordinal: this.parts.profiles.ordinal(sslProfile) }
      : undefined;
    const proxyProtocol = told === 'none' ? undefined : told;
    return { host, port: portNumber(port), tls, credentials, proxyProtocol };
  }

  listen(tcpListener: string, on: boolean): void {
    const socket = this.tcpListeners.get(tcpListener);
    if (on && this.serving) socket?.open();
    else socket?.close();
  }

  /** Whether sockets of services are open as far as their addresses can be reached; open connections go on in any case. */
  setServing(on: boolean): void {
    this.serving = on;
    const { listeners } = this.parts.driver.router.bridge;
    for (const [name, { listening }] of listeners) {
      if (on && listening) this.listen(name, true);
      else if (!on) this.tcpListeners.get(name)?.leave();
    }
  }

  /** Clients may still be accepted. */
  get accepts(): boolean {
    for (const socket of this.tcpListeners.values()) if (socket.accepts) return true;
    return false;
  }

  /** Accepts no more AMQP connections; open ones go on. */
  stopAccepting(): void {
    for (const listener of this.amqpListeners.values()) listener.stopAccepting();
  }

  stop(): void {
    this.stopping.abort();
    for (const listening of this.listening.values()) listening.stop();
    for (const connector of this.connectors.values()) connector.close();
    for (const listener of this.tcpListeners.values()) listener.close();
  }

  all<T extends EntityType>(type: T): Iterable<EntityOf<T>> {
    return (this.configured.get(type)?.values() ?? []) as Iterable<EntityOf<T>>;
  }

  find<T extends EntityType>(type: T, name: string): EntityOf<T> | undefined {
    return this.configured.get(type)?.get(name) as EntityOf<T> | undefined;
  }

  private create(entity: Entity): void {
    const { driver, profiles } = this.parts;
    const { bridge } = driver.router;
    switch (entity.type) {
      case 'sslProfile':
        profiles.set(entity);
        this.closeOutdated(entity);
        break;
      case 'address':
        this.setTreatment(entity);
        break;
      case 'listener':
        this.createListener(entity);
        break;
      case 'connector':
        this.createConnector(entity);
        break;
      case 'tcpListener':
        this.tcpListeners.set(
          entity.name,
          new TcpListenerSocket(entity, { ...this.parts, log: this.logOf('TCP_ADAPTOR'), headers: this.headers }),
        );
        bridge.tcpListeners.add(entity);
        break;
      case 'tcpConnector':
        bridge.addConnector(entity.name, entity.address, connectorSettings(entity));
        break;
      case 'listenerAddress':
        bridge.tcpListeners.addAddress(entity.listener, entity.name, entity.address, entity);
        break;
      case 'log':
        this.setLog(entity);
        break;
      case 'policy':
        this.quota.countMax = entity.maxConnections;
        break;
      case 'accessPolicy':
        setPolicy(bridge, entity);
        break;
      default:
        // The others are read at start or have no effect, which parsing has warned about.
        break;
    }
    driver.router.step(driver.now());
    driver.schedule();
  }

  private update(entity: Entity, before: Entity | undefined, restart: readonly string[] | undefined): void {
    if (before !== undefined && !changesInPlace(entity.type, changedAttributes(before, entity))) {
      this.remake(entity, before);
      return;
    }
    switch (entity.type) {
      case 'sslProfile':
        this.parts.profiles.set(entity);
        this.closeOutdated(entity);
        break;
      case 'log':
        this.setLog(entity);
        break;
      case 'router':
        this.updateRouter(entity);
        break;
      case 'policy':
        this.quota.countMax = entity.maxConnections;
        break;
      case 'accessPolicy':
        setPolicy(this.parts.driver.router.bridge, entity);
        break;
      case 'address':
        this.setTreatment(entity);
        break;
      case 'connector':
        this.connectors.get(entity.name)?.setCost(entity);
        break;
      case 'listener':
        this.amqpListeners.get(entity.name)?.setCost(entity);
        break;
      case 'tcpListener':
        this.tcpListeners.get(entity.name)?.update(entity);
        this.parts.driver.router.bridge.tcpListeners.adjust(entity.name, entity);
        break;
      case 'tcpConnector':
        this.parts.driver.router.bridge.adjustConnector(entity.name, connectorSettings(entity));
        this.parts.driver.router.step(this.parts.driver.now());
        break;
      case 'listenerAddress':
        this.parts.driver.router.bridge.tcpListeners.rankAddress(entity.listener, entity.name, entity);
        break;
      default:
        // The others are only shown, or looked up when they are used.
        break;
    }
    this.parts.driver.schedule();
    if (restart && restart.length > 0) {
      this.parts.log.warn({ attributes: restart }, 'changed attributes of router take effect at the next start');
    }
  }

  private remake(entity: Entity, before: Entity): void {
    this.remove(entity.type, entity.name, before);
    this.create(entity);
    if (entity.type !== 'tcpListener') return;
    for (const address of this.configured.get('listenerAddress')?.values() ?? []) {
      if (address.type === 'listenerAddress' && address.listener === entity.name) this.create(address);
    }
  }

  private updateRouter(entity: RouterEntity): void {
    const { router, now } = { router: this.parts.driver.router, now: this.parts.driver.now() };
    this.router = entity;
    this.parts.drain?.(entity.adminStatus === 'draining');
    router.mesh.configure(meshOptions(entity));
    router.treatments.setDefault(entity.defaultDistribution);
    router.treatmentsChanged(now);
    for (const connector of this.connectors.values()) connector.setDataConnectionCount(this.dataConnectionCount);
  }

  private learnSite(changed: EntityType): void {
    if (changed !== 'router' && changed !== 'site') return;
    const [site] = this.all('site');
    this.parts.driver.router.site = ownSite({ env: process.env, router: this.router, site });
  }

  private setTreatment({ name, prefix, pattern, distribution, priority }: EntityOf<'address'>): void {
    const { router } = this.parts.driver;
    const known = priority === undefined || priority < 0 ? undefined : priority;
    router.treatments.set(name, { prefix, pattern }, distribution, known);
    router.treatmentsChanged(this.parts.driver.now());
  }

  /** Ends what was secured by credentials that are no longer valid. */
  private closeOutdated({ name, oldestValidOrdinal }: EntityOf<'sslProfile'>): void {
    const { driver } = this.parts;
    const oldest = Number(oldestValidOrdinal ?? 0);
    for (const { id, options } of [...driver.router.peers.values()]) {
      if (options.sslProfile !== name || (options.tlsOrdinal ?? 0) >= oldest) continue;
      driver.router.close(id, 'amqp:connection:forced', OUTDATED, driver.now());
    }
    for (const { id, credentials } of [...driver.flows.values()]) {
      if (credentials?.profile === name && credentials.ordinal < oldest) driver.router.bridge.flows.get(id)?.reset();
    }
    driver.schedule();
  }

  private get dataConnectionCount(): number {
    const { dataConnectionCount } = this.router;
    return dataConnectionCount === 'auto' ? DATA_CONNECTIONS_AUTO : Number(dataConnectionCount);
  }

  private remove(type: EntityType, name: string, entity: Entity | undefined): void {
    const { driver, profiles } = this.parts;
    const { bridge, treatments } = driver.router;
    const keepFlows = !this.router.dropTcpConnections;
    if (type === 'sslProfile') profiles.delete(name);
    else if (type === 'accessPolicy') bridge.policies.table.delete(name);
    else if (type === 'address') {
      treatments.delete(name);
      driver.router.treatmentsChanged(driver.now());
    } else if (type === 'listener') {
      this.listening.get(name)?.stop();
      this.listening.delete(name);
      this.amqpListeners.delete(name);
    } else if (type === 'connector') {
      this.connectors.get(name)?.close();
      this.connectors.delete(name);
    } else if (type === 'tcpListener') {
      bridge.tcpListeners.delete(name, keepFlows);
      this.tcpListeners.get(name)?.close();
      this.tcpListeners.delete(name);
    } else if (type === 'tcpConnector') bridge.deleteConnector(name, keepFlows);
    else if (entity?.type === 'listenerAddress') bridge.tcpListeners.deleteAddress(entity.listener, name);
    driver.router.step(driver.now());
    driver.schedule();
  }

  private createListener(entity: ListenerEntity): void {
    const { name } = entity;
    if (entity.http || isServed(entity.httpRootDir)) {
      this.listening.set(name, this.keepHttp(entity));
      return;
    }
    const listener = this.amqpListener(entity);
    this.amqpListeners.set(name, listener);
    this.listening.set(
      name,
      keepListening(
        () => listener.listen(),
        () => listener.close(),
        { ...this.parts, log: this.logOf('SERVER'), name },
      ),
    );
  }

  private amqpListener(entity: ListenerEntity): AmqpListener {
    const log = this.logOf('SERVER');
    return new AmqpListener(entity, { ...this.parts, log, quota: this.quota, saslConfig: this.router });
  }

  private keepHttp(entity: ListenerEntity): Listening {
    const { name } = entity;
    const { profiles } = this.parts;
    const log = this.logOf('HTTP');
    const stop = new AbortController();
    const overWebSockets = entity.websockets ? this.amqpListener(entity) : undefined;
    let unwatch = (): void => {};
    return keepListening(
      async () => {
        // A router without such a listener has no need of the memory.
        const { startHttp } = await import('./http.ts');
        const server = await startHttp(this.httpOptions(entity, overWebSockets), stop.signal);
        const { sslProfile } = entity;
        if (sslProfile) unwatch = profiles.watch(sslProfile, () => server.setTls(profiles.publicMaterial(sslProfile)));
        log.info({ name, port: server.port }, 'serving health and metrics');
      },
      () => {
        unwatch();
        stop.abort();
        overWebSockets?.close();
      },
      { ...this.parts, log, name },
    );
  }

  /** @throws TlsProfileError while the profile has no files */
  private httpOptions(entity: ListenerEntity, overWebSockets: AmqpListener | undefined): HttpOptions {
    const { name, host, port, healthz, metrics, sslProfile, requireSsl, requireEncryption, authenticatePeer } = entity;
    return {
      ...this.parts.http,
      entity: `listener ${name}`,
      host,
      port: portNumber(port),
      healthz,
      metrics,
      rootDir: isServed(entity.httpRootDir) ? entity.httpRootDir : undefined,
      webSocket: overWebSockets && ((stream, socket) => overWebSockets.take(stream, socket)),
      tls: sslProfile
        ? {
            material: this.parts.profiles.publicMaterial(sslProfile),
            certificateRequired: authenticatePeer,
            plainToo: !requireSsl && !requireEncryption,
          }
        : undefined,
    };
  }

  private createConnector(entity: ConnectorEntity): void {
    const connector = new AmqpConnector(entity, {
      ...this.parts,
      log: this.logOf('CONN_MGR'),
      dataConnectionCount: this.dataConnectionCount,
      proxyOf: (name) => this.proxyOf(name),
    });
    this.connectors.set(entity.name, connector);
    connector.start();
  }

  /** @throws LogFileError */
  private setLog(entity: EntityOf<'log'>): void {
    this.parts.logs?.set(entity);
  }

  /** Of the module that a part logs under. */
  private logOf(module: LogModule): Logger {
    return this.parts.logs?.of(module) ?? this.parts.log;
  }
}

/** Skupper writes `disabled` where no files are to be served. */
function isServed(httpRootDir: string | undefined): boolean {
  return httpRootDir !== undefined && httpRootDir !== '' && httpRootDir !== 'disabled';
}
