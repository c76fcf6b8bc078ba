/**
 * The router, without input or output: connections, addresses, the mesh and the bridge, wired together.
 *
 * It is driven by calls that carry what has happened and the time, and it answers with effects and with octets to
 * transmit. One call is one step: when it returns, every invariant holds and nothing is pending but what `effects`,
 * `transmit` and `deadline` say. Nothing in it knows sockets, so a simulation drives hundreds of routers in one
 * process. A driver's turn is: feed what was read, then `transmit` each connection, then carry out `effects`.
 */
import { randomId } from '../../lib/random.ts';
import { Bridge } from '../bridge/bridge.ts';
import type { SocketEnd } from '../bridge/flow-owner.ts';
import type { DialFailure } from '../bridge/refusals.ts';
import { NO_END } from '../bridge/resume/streams.ts';
import { Clients, type OwnSite } from '../identity/client.ts';
import { WorkloadTable } from '../identity/workloads.ts';
import { MESH_ID_LENGTH } from '../mesh/limits.ts';
import { Mesh, type MeshEvent } from '../mesh/mesh.ts';
import { type Address, AddressTable, type AddressTableOwner } from './address-table.ts';
import { type ClientLinkParts, CreditQueue } from './client-links.ts';
import { ConnectionEvents } from './connection-events.ts';
import { StuckDeliveries } from './delivery-age.ts';
import { type DeliveryCounters, newDeliveryCounters } from './delivery-counters.ts';
import { costOf } from './drain.ts';
import { EdgeMesh } from './edge-mesh.ts';
import { EdgeNames } from './edge-names.ts';
import { type Effect, Effects } from './effects.ts';
import { Forwarder } from './forwarder.ts';
import { hashKey } from './hash-key.ts';
import { type IngressParts, ingressOf, originOf } from './ingress.ts';
import { InterEdge } from './inter-edge.ts';
import { LocalEndpoint, type LocalHandler } from './local-endpoint.ts';
import { Names } from './names.ts';
import { makeConnection, type TransportOptions } from './open.ts';
import { Peer, type PeerOptions } from './peer.ts';
import { PeerFaults } from './peer-faults.ts';
import { ReachedRouters } from './reached-routers.ts';
import { Receiving } from './receiving.ts';
import type { Recorder } from './recorder.ts';
import { makeIdentity, type RouterIdentity } from './router-identity.ts';
import type { RouterOptions } from './router-options.ts';
import { type Candidate, Transit } from './transit.ts';
import { Treatment, TreatmentTable } from './treatment.ts';
import { Uplinks } from './uplinks.ts';

export class Router implements AddressTableOwner {
  readonly id: string;
  readonly version: string;
  readonly mesh: Mesh;
  readonly treatments: TreatmentTable;
  readonly addresses: AddressTable;
  readonly forwarder: Forwarder;
  readonly bridge: Bridge;
  /** Who clients are. */
  readonly clients: Clients;
  /** What addresses of this router alone begin with: `amqp:/_topo/0/<id>/`. */
  readonly home: string;
  /** At an edge router only. */
  readonly uplinks: Uplinks | undefined;
  readonly interEdge: InterEdge | undefined;
  readonly peers = new Map<number, Peer>();
  /** Closed connections whose transports still have our last frames to take. */
  readonly closing = new Map<number, Peer>();
  readonly deliveries: DeliveryCounters = newDeliveryCounters();
  /** Connections closed for the peer's fault, by AMQP condition. */
  readonly protocolErrors = new Map<string, number>();
  /** Time of the last change of paths, in the driver's milliseconds. */
  lastTopologyChangeMs = 0;
  private readonly pending = new Effects();
  /** What peers did against the rules without being closed for it. */
  readonly faults = new PeerFaults(this.pending);
  private readonly stuck: StuckDeliveries;
  private readonly credits = new CreditQueue();
  private readonly locals = new Map<string, LocalEndpoint>();
  private readonly events: ConnectionEvents;
  private readonly edgeNames: EdgeNames;
  /** Of an edge router: the edge mesh that it is in, maybe alone. */
  private readonly edgeMesh: EdgeMesh | undefined;
  recorder: Recorder | undefined;
  /** The site that it is of, as it is configured. */
  site: OwnSite = {};
  readonly workloads = new WorkloadTable();
  /** Absent where the router has no key. */
  readonly identity: RouterIdentity | undefined;
  private readonly reached: ReachedRouters;
  private nextConnection = 1;
  readonly names: Names;

  constructor(options: RouterOptions, now: number) {
    this.id = options.id;
    this.version = options.version;
    this.names = new Names(options.random);
    const isEdge = options.mode === 'edge';
    this.home = isEdge ? `amqp:/_edge/${options.id}/` : `amqp:/_topo/0/${options.id}/`;
    this.stuck = new StuckDeliveries(this.deliveries, now, ({ delivery }) => {
      this.pending.log('info', 'at least one delivery of this link is stuck', { link: delivery.link.name });
    });
    const { id: routerId, instance, firstSequence } = options;
    this.mesh = new Mesh({ routerId, instance, firstSequence }, options.mesh, now);
    this.treatments = new TreatmentTable(options.defaultDistribution);
    this.addresses = new AddressTable(this);
    this.reached = new ReachedRouters(options.id, this.addresses);
    this.edgeNames = new EdgeNames(options.id, this.addresses);
    if (isEdge) {
      const mesh = this.makeEdgeMesh(options);
      const parts = { routerId: options.id, addresses: this.addresses, mesh, linkName: this.names.link };
      this.edgeMesh = mesh;
      this.uplinks = new Uplinks(parts);
      const meshChanged = (): void => this.uplinks?.tellMesh();
      this.interEdge = new InterEdge({ ...parts, peer: (id) => this.peers.get(id), meshChanged });
    }
    this.forwarder = new Forwarder({
      routerId: options.id,
      addresses: this.addresses,
      mesh: this.mesh,
      peer: (siteLink) => this.peers.get(siteLink),
      uplink: () => this.uplinks?.active,
      isEdge,
      local: (key) => this.localTarget(key),
      deliveries: this.deliveries,
      now: () => this.bridge.now,
    });
    this.identity = options.identity && makeIdentity(this, options.identity, now);
    const { workloads, identity } = this;
    this.clients = new Clients({ site: () => this.site, workloads, believer: identity?.claims });
    this.bridge = new Bridge({
      clients: this.clients,
      ingressOf: (transit) => originOf(transit, this.ingressParts),
      routerId: options.id,
      home: this.home,
      addresses: this.addresses,
      effects: this.pending,
      deliveries: this.deliveries,
      dispatcher: this.forwarder,
      random: options.random,
      temporaryName: this.names.temporary,
      flowMemoryBytes: options.flowMemoryBytes,
      flowCountMax: options.flowCountMax,
      flowPauseLimitMs: options.flowPauseLimitMs,
      knowsOthers: !isEdge,
    });
    this.events = new ConnectionEvents(this, {
      effects: this.pending,
      receiving: new Receiving(
        {
          routerId: options.id,
          forwarder: this.forwarder,
          treatments: this.treatments,
          edgeNames: this.edgeNames,
          now: () => this.bridge.now,
          faulty: (peer, detail) => this.faults.record(peer, 'annotations', detail, this.bridge.now),
        },
        this.deliveries,
      ),
      clientLinks: this.clientLinkParts(isEdge),
    });
  }

  private clientLinkParts(isEdge: boolean): ClientLinkParts {
    return {
      routerId: this.id,
      home: this.home,
      addresses: this.addresses,
      isDraining: () => this.draining,
      temporaryName: this.names.temporary,
      // An edge router leaves to the interior which other routers there are.
      isLocal: (key) => this.localTarget(key) !== undefined || (isEdge && ELSEWHERE.includes(key.charCodeAt(0))),
      droppedPreSettled: () => {
        this.deliveries.droppedPresettled++;
      },
      credits: this.credits,
      ingressOf: (transit) => this.ingressOf(transit),
    };
  }

  /** Of an edge router: by which edge mesh its messages enter the network. */
  get edgeMeshId(): string | undefined {
    return this.edgeMesh?.id;
  }

  // ---- connections

  /** A transport is up. @returns the connection's id */
  connect(options: PeerOptions, transport: TransportOptions, now: number): number {
    const id = this.nextConnection++;
    const connection = makeConnection(this, id, options, transport, now);
    const peer = new Peer(id, connection, options, {
      routerId: this.id,
      mesh: this.edgeMesh,
      edgeNames: this.edgeNames,
      linkName: this.names.link,
    });
    this.peers.set(id, peer);
    this.step(now);
    return id;
  }

  receive(id: number, bytes: Buffer, now: number): void {
    const peer = this.peers.get(id);
    if (!peer) return;
    this.bridge.now = now;
    peer.connection.receive(bytes, now);
    this.events.drain(peer, now);
    this.step(now);
  }

  /**
   * Octets for a connection's transport, oldest first.
   * @param budgetBytes about how many: what the transport can take without queueing much
   * @returns how many octets were pushed to `into`
   */
  transmit(id: number, budgetBytes: number, into: Buffer[], now: number): number {
    const peer = this.peers.get(id) ?? this.closing.get(id);
    if (!peer?.connection.wantsTransmit) return 0;
    const count = peer.connection.transmit(budgetBytes, into, now);
    this.events.drain(peer, now);
    return count;
  }

  wantsTransmit(id: number): boolean {
    const peer = this.peers.get(id) ?? this.closing.get(id);
    return peer?.connection.wantsTransmit ?? false;
  }

  /** The transport is gone. */
  disconnected(id: number, now: number): void {
    this.closing.delete(id);
    const peer = this.peers.get(id);
    if (!peer) return;
    this.bridge.now = now;
    peer.connection.peerGone();
    this.events.lost(peer, now);
    this.step(now);
  }

  /** Ends a connection in order, telling the peer why. */
  close(id: number, condition: string, description: string, now: number): void {
    const peer = this.peers.get(id);
    if (!peer) return;
    peer.closeError = { condition, description };
    peer.connection.close(peer.closeError);
    this.events.lost(peer, now);
    this.closing.set(id, peer);
    this.pending.push({ type: 'connection-close', connection: id });
    this.step(now);
  }

  /** What a connection costs from now on; the other end's own cost counts where it is higher. */
  setCost(id: number, cost: number, now: number): void {
    const peer = this.peers.get(id);
    if (!peer) return;
    peer.options.cost = cost;
    peer.cost = Math.max(cost, peer.remoteCost);
    this.mesh.setCost(id, costOf(this, peer), now);
    this.step(now);
  }

  // ---- TCP flows

  /**
   * @param boundTo the client's address, when its connections are to go where its others go
   * @param client the other end of the socket, which is told to who collects events
   * @returns the id of the flow, or undefined when the socket is to be reset
   */
  flowAccepted(listener: string, now: number, boundTo?: string, client?: SocketEnd): number | undefined {
    this.bridge.now = now;
    const flow = this.bridge.accepted(listener, boundTo, client);
    this.step(now);
    return flow;
  }

  /** @param local this router's end of the connection to the backend */
  flowConnected(flow: number, now: number, local?: SocketEnd): void {
    this.bridge.now = now;
    this.bridge.connected(flow, local);
    this.step(now);
  }

  /** @param reason for people */
  flowConnectFailed(flow: number, reason: string, now: number, failure: DialFailure = 'refused'): void {
    this.bridge.now = now;
    this.bridge.connectFailed(flow, reason, failure);
    this.step(now);
  }

  /** The router has looked at a backend. @param problem why it is not well; undefined when it is */
  probed(connector: string, problem: string | undefined, now: number): void {
    this.bridge.now = now;
    this.bridge.probed(connector, problem);
    this.step(now);
  }

  /** @returns false when the flow's socket is to stop reading at once */
  flowReceived(flow: number, bytes: Buffer, now: number): boolean {
    this.bridge.now = now;
    return this.bridge.flows.get(flow)?.received(bytes) ?? false;
  }

  flowReceivedEnd(flow: number, now: number): void {
    this.bridge.now = now;
    this.bridge.flows.get(flow)?.receivedEnd();
  }

  /** Its socket has handed over `total` octets since it was opened. */
  flowWritten(flow: number, total: number, now: number): void {
    this.bridge.now = now;
    this.bridge.flows.get(flow)?.socketWritten(total);
  }

  /** @param reason for people, if it is known */
  flowLost(flow: number, now: number, reason?: string): void {
    this.bridge.now = now;
    this.bridge.flows.get(flow)?.socketLost(reason);
  }

  // ---- the router's own messages

  /** Answers whole messages for an address of this router (`$management`); it is not announced to others. */
  serve(address: string, handler: LocalHandler): void {
    this.locals.set(`M${address}`, new LocalEndpoint(handler));
    this.locals.set(`L${address}`, new LocalEndpoint(handler));
  }

  /**
   * Takes whole messages for an address that others are told of: a consumer as any, but in the router itself.
   * @returns ends it
   */
  subscribe(address: string, handler: LocalHandler): () => void {
    const endpoint = new LocalEndpoint(handler);
    const key = hashKey(address, this.id);
    this.addresses.addConsumer(key, endpoint, Treatment.closest);
    return () => this.addresses.removeConsumer(key, endpoint);
  }

  /** Sends a whole message of the router itself, pre-settled. @returns false when nobody can take it */
  send(to: string, message: Buffer, now: number): boolean {
    const transit = new Transit(NO_END, this.forwarder, 0, true);
    transit.to = to;
    transit.whole = true;
    transit.annotations = { flags: 0, ingress: `0/${this.id}`, trace: [] };
    const taken = this.forwarder.forward(transit, message);
    if (taken) transit.end(true);
    this.step(now);
    return taken;
  }

  // ---- time

  deadline(): number {
    let at = this.peers.size > 0 ? Math.min(this.mesh.deadline(), this.stuck.dueAt) : this.mesh.deadline();
    at = Math.min(at, this.bridge.deadline, this.identity?.links.deadline() ?? at);
    if (this.recorder !== undefined) at = Math.min(at, this.recorder.deadline());
    for (const { connection, pace } of this.peers.values()) {
      at = Math.min(at, connection.deadline());
      if (pace !== undefined) at = Math.min(at, pace.dueAt);
    }
    return at;
  }

  tick(now: number): void {
    this.mesh.tick(now);
    this.bridge.tick(now);
    this.identity?.links.tick(now);
    this.events.tick(now);
    if (this.recorder !== undefined && this.recorder.deadline() <= now) this.recorder.tick(now);
    this.stuck.sweep(this.peers.values(), now);
    for (const peer of [...this.peers.values()]) {
      peer.pace?.tick(now);
      if (peer.connection.deadline() > now) continue;
      peer.connection.tick(now);
      this.events.drain(peer, now);
    }
    this.step(now);
  }

  effects(): readonly Effect[] {
    this.bridge.tcpListeners.settle();
    return this.pending.take();
  }

  /** Who keeps records of what happens here from now on. */
  record(recorder: Recorder | undefined): void {
    this.recorder = recorder;
    this.bridge.recorder = recorder;
  }

  /** Rules of distribution have changed: what is known of each address follows. */
  treatmentsChanged(now: number): void {
    for (const address of this.addresses.all()) {
      const treatment = this.treatmentOf(address.key, address.hint);
      if (treatment === address.treatment) continue;
      address.treatment = treatment;
      if (address.consumers.length > 0) this.localChanged(address);
    }
    this.step(now);
  }

  /** It is on its way out of the network (`drain.ts`). */
  get draining(): boolean {
    return this.bridge.draining;
  }

  /** What the router itself answers, by key. */
  get served(): ReadonlyMap<string, LocalEndpoint> {
    return this.locals;
  }

  /** Connections there have been, those that are open among them. */
  get connectionCount(): number {
    return this.nextConnection - 1;
  }

  // ---- for the parts

  treatmentOf(key: string, hint: number | undefined): Treatment {
    if (ELSEWHERE.includes(key.charCodeAt(0))) return Treatment.closest;
    return this.treatments.treatmentOf(key.slice(1), hint);
  }

  localChanged(address: Address): void {
    this.edgeNames.changed(address.key);
    this.uplinks?.localChanged(address);
    this.interEdge?.localChanged(address);
    const type = address.key.charCodeAt(0);
    if (type !== MOBILE_CLASS && type !== EDGE_CLASS) return;
    if (address.localCount > 0) this.mesh.setLocalAddress(address.key, address.treatment, address.mesh);
    else this.mesh.deleteLocalAddress(address.key);
  }

  watchedChanged(address: Address): void {
    this.uplinks?.watchedChanged(address);
  }

  /** `0/<router id>` of the router where a message entered the network; undefined when that cannot be vouched for. */
  ingressOf(transit: Transit): string | undefined {
    return ingressOf(transit, this.ingressParts);
  }

  private get ingressParts(): IngressParts {
    const { id: routerId, mesh, edgeNames } = this;
    return { routerId, mesh, edgeNames, peer: (id) => this.peers.get(id) };
  }

  /** Lets the mesh speak until it has nothing more to say. */
  step(now: number): void {
    this.credits.flush();
    this.uplinks?.detachUnused();
    for (let event = this.mesh.nextEvent(); event; event = this.mesh.nextEvent()) this.meshEvent(event, now);
    this.identity?.links.flush();
  }

  private meshEvent(event: MeshEvent, now: number): void {
    if (event.type === 'send') {
      const link = this.peers.get(event.siteLink)?.control;
      if (!link) return;
      const delivery = link.deliver({ settled: true });
      delivery.write(event.message);
      delivery.end(true);
    } else if (event.type === 'address') {
      this.addresses.setRemote(event.key, event.routerId, event.present, event.treatment, event.mesh);
      this.edgeNames.changed(event.key);
    } else if (event.type === 'fault') {
      const peer = this.peers.get(event.siteLink);
      if (peer) this.faults.record(peer, event.fault, event.detail, now);
    } else {
      this.lastTopologyChangeMs = now;
      this.reached.update(this.mesh);
      this.bridge.survivals.agenda.hasten(now);
    }
  }

  private makeEdgeMesh({ id: routerId, instance, random }: RouterOptions): EdgeMesh {
    const newId = (): string => randomId({ next: random }, MESH_ID_LENGTH);
    return new EdgeMesh({ routerId, instance, random, newId });
  }

  private localTarget(key: string): Candidate | undefined {
    if (key.startsWith('Ltemp.')) {
      const flow = this.bridge.replyTarget(key.slice(1));
      if (flow) return flow;
    }
    if (key.startsWith('Lflow.')) return this.bridge.flowTarget(key.slice(1));
    return this.locals.get(key);
  }
}

const MOBILE_CLASS = 'M'.charCodeAt(0);
const ROUTER_CLASS = 'R'.charCodeAt(0);
const EDGE_CLASS = 'H'.charCodeAt(0);
/** Classes of addresses that other routers have for themselves. */
const ELSEWHERE: readonly number[] = [ROUTER_CLASS, EDGE_CLASS];
