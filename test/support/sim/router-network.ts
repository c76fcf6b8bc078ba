/**
 * Whole routers, the links between them, and applications at their tcpListeners and tcpConnectors, all virtual.
 *
 * One seed decides everything. Faults are what operators meet: links cut, frozen, half closed; routers that die and return.
 */
import { randomInt, SeededRandom } from '../../../lib/random.ts';
import { FLOW_WINDOW_BYTES, LINK_CAPACITY } from '../../../router/core/limits.ts';
import { ClientApp, type FlowPlan, ServerApp } from './apps.ts';
import { Scheduler } from './scheduler.ts';
import { FLOW_MEMORY_BYTES, type SimMode, SimRouter, type SimSite } from './sim-router.ts';
import { SimConnection, type SimSocket, type WireOptions } from './sockets.ts';

const LINK_WIRE: WireOptions = { delayMs: [0.2, 3], windowBytes: 256 * 1024, pieceBytesMax: 64 * 1024 };
const LOCAL_WIRE: WireOptions = { delayMs: [0.02, 0.2], windowBytes: 128 * 1024, pieceBytesMax: 32 * 1024 };
const REDIAL_MS = 50;
/** Of one flow in one place: the widest window that the memory for flows allows, and what its socket had at hand when that closed. */
const QUEUED_BYTES_MAX = Math.max(FLOW_WINDOW_BYTES, FLOW_MEMORY_BYTES / 8) + LOCAL_WIRE.windowBytes;

/** Dialled by `ends[0]`, as a connector entity does: one control connection and some for data. */
export interface NetworkLink {
  readonly ends: readonly [string, string];
  readonly cost: number;
  readonly connections: (SimConnection | undefined)[];
  isCut: boolean;
  isFrozen: boolean;
  correlator: string;
}

export class RouterNetwork {
  readonly scheduler = new Scheduler();
  readonly random: SeededRandom;
  readonly routers = new Map<string, SimRouter>();
  readonly links: NetworkLink[] = [];
  /** By flow id. */
  readonly clients = new Map<number, ClientApp>();
  /** Clients that found nobody listening. */
  refusedCount = 0;
  /** `router service` whose backend refuses connections. */
  readonly refusing = new Set<string>();
  /** The same whose backend does not answer at all, as an address that has gone. */
  readonly swallowing = new Set<string>();
  /** What lies between two routers, for links dialled from now on. */
  linkWire: WireOptions = LINK_WIRE;
  /** The tcpConnectors of all backends that were dialled, in order, those that refused too. */
  readonly dialled: string[] = [];
  /** The same of looks at backends by the routers themselves. */
  readonly probes: string[] = [];
  /** Of routers that are added from now on: for how long a flow may be without a way. */
  flowPauseLimitMs: number | undefined;
  /** Told `router listener` for each listening socket that opens or closes. */
  onListening: (entry: string, on: boolean) => void = () => {};
  /** By router, of those that have keys: set before they are added. */
  readonly sites = new Map<string, SimSite>();
  /** `router service`: where the service has a backend. */
  private readonly backends = new Set<string>();
  private readonly services = new Set<string>();
  /** `router service` whose listening socket is open. */
  private readonly open = new Set<string>();
  private readonly dataConnectionCount: number;
  private readonly modes = new Map<string, SimMode>();

  constructor(seed: number, dataConnectionCount = 1) {
    this.random = new SeededRandom(seed);
    this.dataConnectionCount = dataConnectionCount;
  }

  get now(): number {
    return this.scheduler.now;
  }

  addRouter(id: string, mode: SimMode = this.modes.get(id) ?? 'interior'): void {
    this.modes.set(id, mode);
    const parts = {
      scheduler: this.scheduler,
      random: this.random,
      flowPauseLimitMs: this.flowPauseLimitMs,
      site: this.sites.get(id),
      dialBackend: (connector: string) => this.backend(connector),
      swallows: (connector: string) => this.swallowing.has(connector),
      refuses: (connector: string) => this.refusing.has(connector),
      probed: (connector: string) => this.probes.push(connector),
      listening: (listener: string, on: boolean) => {
        this.onListening(`${id} ${listener}`, on);
        if (on) this.open.add(`${id} ${listener}`);
        else this.open.delete(`${id} ${listener}`);
      },
    };
    const router = new SimRouter(id, parts, mode);
    this.routers.set(id, router);
    for (const service of this.services) this.configure(router, service);
  }

  /** A tcpListener for it everywhere, and a tcpConnector with a backend at some. */
  addService(service: string, backends: readonly string[]): void {
    this.services.add(service);
    for (const id of backends) this.backends.add(`${id} ${service}`);
    for (const router of this.routers.values()) this.configure(router, service);
  }

  /** From an edge router it is an uplink or leads to another edge router; neither has data connections. */
  connect(from: string, to: string, cost = 1): NetworkLink {
    const dataConnectionCount = this.modes.get(from) === 'edge' ? 0 : this.dataConnectionCount;
    const link: NetworkLink = {
      ends: [from, to],
      cost,
      connections: new Array(dataConnectionCount + 1).fill(undefined),
      isCut: false,
      isFrozen: false,
      correlator: `group${this.links.length}`,
    };
    this.links.push(link);
    for (let line = 0; line <= dataConnectionCount; line++) this.dial(link, line);
    return link;
  }

  // ---- faults

  cut(link: NetworkLink): void {
    link.isCut = true;
    for (const connection of link.connections) connection?.break();
  }

  restore(link: NetworkLink): void {
    link.isCut = false;
  }

  freeze(link: NetworkLink): void {
    link.isFrozen = true;
    for (const connection of link.connections) connection?.freeze();
  }

  thaw(link: NetworkLink): void {
    link.isFrozen = false;
    for (const connection of link.connections) connection?.thaw();
  }

  /** One connection loses its connection state at one end only, by FIN. */
  halfClose(link: NetworkLink): void {
    const connection = this.pick(link.connections);
    connection?.sockets[randomInt(this.random, 2)]?.end();
  }

  /** One of a link's connections breaks; the others go on. */
  breakOne(link: NetworkLink): void {
    this.pick(link.connections)?.break();
  }

  restart(id: string, downMs: number): void {
    const router = this.router(id);
    if (router.stopped) return;
    router.kill();
    for (const entry of [...this.open]) if (entry.startsWith(`${id} `)) this.open.delete(entry);
    this.scheduler.after(downMs, () => {
      this.addRouter(id);
      for (const link of this.links) {
        if (link.ends[0] !== id) continue;
        link.correlator = `${link.correlator}'`;
        for (let line = 0; line < link.connections.length; line++) this.dial(link, line);
      }
    });
  }

  // ---- flows

  isListening(id: string, service: string): boolean {
    return this.open.has(`${id} ${service}`);
  }

  /** A client at a router's tcpListener, with its address if that binds it; undefined when nobody listens there. */
  startFlow(at: string, service: string, plan: Partial<FlowPlan> = {}, boundTo?: string): ClientApp | undefined {
    const router = this.router(at);
    if (!this.isListening(at, service) || router.stopped) {
      this.refusedCount++;
      return undefined;
    }
    const connection = this.localConnection();
    const full: FlowPlan = {
      id: this.clients.size + 1,
      requestBytes: 0,
      responseBytes: 0,
      answers: 'after the request',
      clientPauseMs: 0,
      serverPauseMs: 0,
      ...plan,
    };
    const client = new ClientApp(full, connection.sockets[1], this.scheduler);
    this.clients.set(full.id, client);
    this.scheduler.after(connection.delay(), () => {
      if (router.stopped) connection.sockets[0].reset();
      else router.accept(service, connection.sockets[0], boundTo);
    });
    return client;
  }

  // ---- what is true

  /** Faults of flows that show at any time. */
  flowFaults(): string[] {
    return [...this.clients.values()].flatMap((client) => client.fault ?? []);
  }

  /** What waits in a router for longer than it should: queues of one flow, and credit. */
  overLimits(): string[] {
    const over: string[] = [];
    for (const { id, router, sockets } of this.routers.values()) {
      for (const socket of sockets.values()) {
        if (socket.queuedBytes > QUEUED_BYTES_MAX) over.push(`${id}: ${socket.queuedBytes} octets wait for a socket`);
      }
      for (const peer of router.peers.values()) {
        for (const { delivery } of peer.ends) {
          const waiting = 'queuedBytes' in delivery ? delivery.queuedBytes : 0;
          if (waiting > QUEUED_BYTES_MAX) over.push(`${id}: ${waiting} octets wait for ${peer.containerId}`);
          if (delivery.link.credit > LINK_CAPACITY) over.push(`${id}: a link has ${delivery.link.credit} credit`);
        }
      }
    }
    return over;
  }

  /** What must be gone when all flows are over. */
  leftovers(): string[] {
    const left: string[] = [];
    for (const { id, router } of this.routers.values()) {
      const { flows, budget } = router.bridge;
      if (flows.size > 0) left.push(`${id}: ${flows.size} flows`);
      else if (budget.usedBytes !== 0) left.push(`${id}: ${budget.usedBytes} octets of flows that are over`);
      const pausedCount = router.bridge.survivals.agenda.count;
      if (pausedCount > 0) left.push(`${id}: ${pausedCount} paused flows`);
      for (const { name, openCount } of router.bridge.connectors.values()) {
        if (openCount !== 0) left.push(`${id}: connector ${name} counts ${openCount} open`);
      }
      for (const peer of router.peers.values()) {
        if (peer.ends.size > 0) left.push(`${id}: ${peer.ends.size} deliveries to or from ${peer.containerId}`);
      }
      for (const address of router.addresses.all()) {
        for (const hop of address.hops.values()) {
          if (hop.openCount !== 0) left.push(`${id}: ${address.key} counts ${hop.openCount} open`);
        }
      }
    }
    for (const client of this.clients.values()) if (!client.isOver) left.push(`flow ${client.plan.id} is not over`);
    return left;
  }

  pick<T>(items: readonly T[]): T {
    return items[randomInt(this.random, items.length)] as T;
  }

  router(id: string): SimRouter {
    const router = this.routers.get(id);
    if (router === undefined) throw new Error(`no router ${id}`);
    return router;
  }

  private configure({ id, router }: SimRouter, service: string): void {
    router.bridge.tcpListeners.add({ name: service, address: service, multiAddressStrategy: 'none' });
    if (this.backends.has(`${id} ${service}`)) router.bridge.addConnector(`${id} ${service}`, service);
    router.step(this.now);
    this.router(id).input(() => {});
  }

  private backend(connector: string): SimSocket | undefined {
    this.dialled.push(connector);
    if (this.refusing.has(connector) || this.swallowing.has(connector)) return undefined;
    const connection = this.localConnection();
    new ServerApp(this.clients, connection.sockets[1], this.scheduler);
    return connection.sockets[0];
  }

  /** The first socket is the router's, which reads nothing before it is told to. */
  private localConnection(): SimConnection {
    const connection = new SimConnection(this.scheduler, this.random, LOCAL_WIRE);
    connection.sockets[0].pause();
    return connection;
  }

  private roleOf({ ends: [from, to] }: NetworkLink): 'inter-router' | 'edge' | 'inter-edge' {
    if (this.modes.get(from) !== 'edge') return 'inter-router';
    return this.modes.get(to) === 'edge' ? 'inter-edge' : 'edge';
  }

  /** One connection of a link: dials until it stands, and again when it is lost. */
  private dial(link: NetworkLink, line: number): void {
    const dialling = this.router(link.ends[0]);
    const redial = (): void => {
      link.connections[line] = undefined;
      this.scheduler.after(REDIAL_MS * (0.5 + this.random.next()), () => {
        if (!dialling.stopped) this.dial(link, line);
      });
    };
    const accepting = this.router(link.ends[1]);
    if (link.isCut || link.isFrozen || accepting.stopped) {
      redial();
      return;
    }
    const connection = new SimConnection(this.scheduler, this.random, this.linkWire);
    link.connections[line] = connection;
    const data = line > 0;
    const role = this.roleOf(link);
    const group = { role, cost: link.cost, data, groupCorrelator: link.correlator };
    const [from, to] = [this.certifiedSite(link.ends[0]), this.certifiedSite(link.ends[1])];
    dialling.connect(connection.sockets[0], { dir: 'out', ...group, site: to }, redial);
    accepting.connect(connection.sockets[1], { role, dir: 'in', cost: link.cost, data: false, site: from }, () => {});
  }

  /** What the other end of a link reads in a router's certificate. */
  private certifiedSite(id: string): string | undefined {
    const { siteId, certified = siteId } = this.sites.get(id) ?? {};
    return certified ?? undefined;
  }
}
