/**
 * The inter-router control protocol of skupper-router 3.x: neighbours, link states, paths, mobile addresses.
 *
 * Sans-I/O. Inputs change state; what follows from them is worked out once, when the owner drains `nextEvent()`: so any
 * number of changes made before give one new link state, one computation of paths, one MAU and one RA. Changes are told at
 * once; the intervals of skupper-router only repeat (wire reference 3, 7.1).
 *
 * Invariants: sequences of this router only grow; a router's addresses are told present only while its node exists, and
 * told absent before it goes; whatever a peer sends, nothing is thrown and memory stays within limits.ts.
 */
import { SkuprtError } from '../../lib/errors.ts';
import { type Head, parseHead } from '../amqp/message/head.ts';
import { MeshCounts } from './counts.ts';
import {
  HELLO_ADDRESS,
  MAU_ADDRESS,
  MOBILE_TAIL,
  parseDestination,
  RA_ADDRESS,
  ROUTER_TAIL,
  routerAddress,
} from './destinations.ts';
import type { MeshEvent, MeshStats, RouterNode } from './events.ts';
import { lieOf, type MeshFault, type Witness } from './lies.ts';
import { CONTROL_MESSAGE_BYTES_MAX } from './limits.ts';
import {
  type ControlMessage,
  decodeControl,
  encodeControl,
  type Hello,
  type LinkStateUpdate,
  MalformedControlError,
  MOBILE_PROTOCOL_VERSION,
  type MobileAddressUpdate,
  ROUTER_PROTOCOL_VERSION,
  type RouterAdvertisement,
  versionMax,
} from './messages.ts';
import { LocalAddresses } from './mobile.ts';
import { Network } from './network.ts';
import type { Node } from './node.ts';
import { DEFAULT_MESH_OPTIONS, type MeshOptions } from './options.ts';
import { Outbox } from './outbox.ts';
import type { Path } from './paths.ts';
import { FloodMemory, floodTargets, hopOf, onceTargets, routerOf } from './relay.ts';
import type { SiteLink } from './site-links.ts';

export type { MeshEvent, MeshStats, RouterNode } from './events.ts';

export interface MeshIdentity {
  readonly routerId: string;
  /** Higher at each start: seconds since 1970 by custom. */
  readonly instance: number;
  /** Where sequences begin, 0 by default; `firstSequence` makes one. */
  readonly firstSequence?: number;
}

const SEQUENCE_PERIOD_MS = 1_000_000_000;

/**
 * Where the sequences of a router that starts at `wallMs` begin: above those of its former lives of the last days. An original
 * does not see by the instance that a router has restarted within a second, and takes a link state of a former life that comes
 * late for one of the present. Fits an AMQP int.
 */
export function firstSequence(wallMs: number): number {
  return Math.floor(wallMs) % SEQUENCE_PERIOD_MS;
}

export interface SiteLinkFacts {
  readonly cost: number;
  readonly precedence?: number;
  /** Who is connected: nobody else may speak on the link as a neighbour. */
  readonly router?: string;
  /** Whoever carries the link misses the other end sooner than the age of HELLOs tells. */
  readonly isWatched?: boolean;
}

export class Mesh {
  readonly #identity: MeshIdentity;
  readonly #options: MeshOptions;
  readonly #outbox: Outbox;
  readonly #network: Network;
  readonly #addresses: LocalAddresses;
  readonly #floods: FloodMemory;
  readonly #counts = new MeshCounts();
  #now: number;
  #nextHelloAt: number;
  #lastRaAt: number;
  readonly #witness: Witness;
  #isRaDue = false;
  #isUnsettled = false;

  constructor(identity: MeshIdentity, options: Partial<MeshOptions> | undefined, now: number) {
    this.#identity = identity;
    this.#options = { ...DEFAULT_MESH_OPTIONS, ...options };
    this.#outbox = new Outbox(identity.routerId);
    const { routerId, firstSequence = 0 } = identity;
    this.#network = new Network(routerId, firstSequence, this.#options, this.#outbox);
    this.#addresses = new LocalAddresses(firstSequence);
    const { nodes, links } = this.#network;
    this.#witness = { neighbours: links.neighbours, instanceOf: (id) => nodes.get(id)?.instance };
    this.#floods = new FloodMemory(this.#options.raIntervalFluxMs / 4);
    this.#now = now;
    this.#nextHelloAt = now + this.#options.helloIntervalMs;
    this.#lastRaAt = now;
  }

  /** `siteLink` is the owner's number of a control link that carries messages both ways now. */
  linkUp(siteLink: number, { cost, precedence = 0, router, isWatched }: SiteLinkFacts, now: number): void {
    this.#enter(now);
    this.#network.links.up(siteLink, cost, { precedence, router, isWatched });
    this.#sendHello(siteLink);
  }

  linkDown(siteLink: number, now: number): void {
    this.#enter(now);
    if (this.#network.links.down(siteLink, now)) this.#network.neighboursChanged(now);
  }

  setCost(siteLink: number, cost: number, now: number): void {
    this.#enter(now);
    const link = this.#network.links.get(siteLink);
    if (link === undefined || link.cost === cost) return;
    link.cost = cost;
    this.#network.links.expire(now);
    this.#network.neighboursChanged(now);
  }

  /** Intervals and ages from now on. */
  configure(options: Partial<MeshOptions>): void {
    Object.assign(this.#options, options);
    this.#network.links.maxAgeMs = this.#options.helloMaxAgeMs;
  }

  /** One whole control message as it came on the control link. */
  receive(siteLink: number, message: Buffer, now: number): void {
    this.#enter(now);
    const link = this.#network.links.get(siteLink);
    if (link === undefined) return;
    this.#counts.messagesIn++;
    try {
      this.#route(link, message);
    } catch (thrown) {
      if (!(thrown instanceof SkuprtError) || thrown.fault !== 'peer') throw thrown;
      this.#fault(link, 'malformed', thrown.message);
    }
  }

  /**
   * `key` is a key of the address table of class M, N or H that has a destination here; with `mesh` all of them are in that
   * edge mesh.
   */
  setLocalAddress(key: string, treatment: number, mesh?: string): void {
    this.#addresses.set(key, treatment, mesh);
    this.#isUnsettled = true;
  }

  deleteLocalAddress(key: string): void {
    this.#addresses.delete(key);
    this.#isUnsettled = true;
  }

  tick(now: number): void {
    this.#enter(now);
    if (now >= this.#nextHelloAt) {
      this.#nextHelloAt = now + this.#options.helloIntervalMs;
      for (const siteLink of this.#network.links.numbers()) this.#sendHello(siteLink);
    }
    this.#network.expire(now);
    if (now >= this.#raDueAt()) this.#isRaDue = true;
  }

  /** When `tick` is due. */
  deadline(): number {
    return Math.min(this.#nextHelloAt, this.#raDueAt(), this.#network.deadline());
  }

  nextEvent(): MeshEvent | undefined {
    if (this.#isUnsettled) this.#settle();
    return this.#outbox.take();
  }

  /** Hops to the farthest router. */
  get radius(): number {
    return this.#network.radius;
  }

  /** The way to another router; undefined while there is none, though its addresses may still be known. */
  path(routerId: string): (Pick<Path, 'cost' | 'validOrigins' | 'arrivesBy'> & { siteLink: number }) | undefined {
    const path = this.#network.paths.get(routerId);
    const link = this.#network.linkTo(routerId);
    if (path === undefined || link === undefined) return undefined;
    const { cost, validOrigins, arrivesBy } = path;
    return { siteLink: link.number, cost, validOrigins, arrivesBy };
  }

  /** The ways to another router by different neighbours, none of which leads back here; the cheapest first. */
  detours(routerId: string): { siteLink: number; cost: number }[] {
    return this.#network.detours(routerId).map(({ link, cost }) => ({ siteLink: link.number, cost }));
  }

  /** This router first, then all others known. */
  routers(): readonly RouterNode[] {
    const self: RouterNode = {
      id: this.#identity.routerId,
      index: 0,
      instance: this.#identity.instance,
      protocolVersion: ROUTER_PROTOCOL_VERSION,
      linkState: [...this.#network.peers.keys()],
      nextHop: '(self)',
      siteLink: undefined,
      cost: undefined,
      validOrigins: [],
      lastTopoChange: this.#network.lastTopoChange,
    };
    return [self, ...this.#network.describe()];
  }

  get stats(): MeshStats {
    const refused = this.#network.nodes.refusedCount;
    return { ...this.#counts, messagesOut: this.#outbox.sentCount, routersRefused: refused };
  }

  #enter(now: number): void {
    this.#now = now;
    this.#isUnsettled = true;
  }

  /** Works out and tells what follows from all inputs since the last time. */
  #settle(): void {
    this.#isUnsettled = false;
    if (this.#network.refresh(this.#now)) {
      this.#isRaDue = true;
      this.#sendLinkStateToAll();
    }
    for (const node of this.#network.nodes.values()) if (node.path !== undefined) this.#converse(node);
    this.#sendChangedAddresses();
    if (this.#isRaDue) this.#sendRouterAdvertisement();
  }

  #raDueAt(): number {
    const { raIntervalMs, raIntervalFluxMs } = this.#options;
    const isInFlux = this.#now - this.#network.lastTopoChange <= 2 * raIntervalFluxMs;
    return this.#lastRaAt + (isInFlux ? raIntervalFluxMs : raIntervalMs);
  }

  #route(link: SiteLink, bytes: Buffer): void {
    if (bytes.length > CONTROL_MESSAGE_BYTES_MAX) throw new MalformedControlError('a control message is too large');
    const head = parseHead(bytes, 'body', true);
    const to = head?.annotations?.toOverride ?? head?.properties?.to;
    const destination = to === undefined ? undefined : parseDestination(to, this.#identity.routerId);
    if (head === undefined || destination === undefined) {
      throw new MalformedControlError('a control message has no address of the control protocol');
    }
    const message = decodeControl(head.applicationProperties?.get('opcode')?.value, head.body);
    const lie = message && lieOf(link, message, head, destination.scope === 'all', this.#witness);
    if (lie !== undefined) {
      this.#fault(link, lie.fault, lie.detail);
      return;
    }
    if (destination.scope === 'here') this.#handle(link, message);
    else if (head.annotations?.trace.includes(hopOf(this.#identity.routerId))) this.#counts.looped++;
    else if (destination.scope === 'router') this.#forward(destination.routerId, head, bytes);
    else this.#spread(link, message, destination.once, head, bytes);
  }

  /**
   * skupper-router passes on what by its own picture would pass it, and drops the rest: with two stale pictures in a ring neither
   * gets the link state that would mend it. So single messages go on as from here; who speaks stands in their bodies.
   */
  #forward(routerId: string, head: Head, bytes: Buffer): void {
    if (this.#isTooFar(head)) return;
    const { annotations, annotationsEndOffset } = head;
    const fromHere = annotations && { ...annotations, ingress: undefined };
    const link = this.#network.freshLinkTo(routerId, this.#now);
    this.#relay(link, { annotations: fromHere, annotationsEndOffset }, bytes);
  }

  #spread(link: SiteLink, message: ControlMessage | undefined, once: boolean, head: Head, bytes: Buffer): void {
    const trace = head.annotations?.trace ?? [];
    const copy = this.#floods.see(message, trace.length, this.#now);
    if (copy === 'copy') {
      this.#counts.copies++;
      return;
    }
    if (copy !== 'shorter') this.#handle(link, message, true);
    // What is remembered cannot run in circles, and the radius known here may be too small yet.
    if (copy === 'unknown' && this.#isTooFar(head)) return;
    const neighbours = this.#network.links.neighbours;
    const ingress = head.annotations?.ingress ?? hopOf(this.#identity.routerId);
    const targets = once
      ? onceTargets(this.#network.paths, routerOf(ingress), trace)
      : floodTargets(neighbours.keys(), trace);
    for (const target of targets) if (target !== link.peer) this.#relay(neighbours.get(target), head, bytes);
  }

  #isTooFar(head: Head): boolean {
    const isTooFar = (head.annotations?.trace.length ?? 0) > this.#network.radius + 1;
    if (isTooFar) this.#counts.looped++;
    return isTooFar;
  }

  #relay(link: SiteLink | undefined, head: Pick<Head, 'annotations' | 'annotationsEndOffset'>, bytes: Buffer): void {
    if (link === undefined) {
      this.#counts.undeliverable++;
      return;
    }
    this.#counts.relayed++;
    this.#outbox.send(link.number, bytes.subarray(head.annotationsEndOffset), head.annotations);
  }

  #handle(link: SiteLink, message: ControlMessage | undefined, isForAll = false): void {
    if (message === undefined) {
      this.#fault(link, 'unknown-opcode', 'the opcode of a control message is not known');
    } else if (message.version > versionMax(message.opcode)) {
      this.#fault(link, 'incompatible', `${message.opcode} of ${message.id} in version ${message.version}`);
    } else if (message.id === this.#identity.routerId) {
      const instance = 'instance' in message ? message.instance : undefined;
      if (instance !== undefined && instance !== this.#identity.instance)
        this.#fault(link, 'own-id', `a router of this id started at ${instance}`);
    } else {
      this.#dispatch(link, message, isForAll);
    }
  }

  #dispatch(link: SiteLink, message: ControlMessage, isForAll: boolean): void {
    switch (message.opcode) {
      case 'HELLO':
        this.#onHello(link, message);
        return;
      case 'RA':
        this.#onRouterAdvertisement(link, message);
        return;
      case 'LSR': {
        const node = this.#learn(link, message.id);
        if (node !== undefined) node.owedLinkState = true;
        return;
      }
      case 'LSU':
        this.#onLinkStateUpdate(link, message, isForAll);
        return;
      case 'MAR': {
        const node = this.#network.nodes.get(message.id);
        if (node === undefined) this.#counts.unknownRouter++;
        else if (message.haveSeq < this.#addresses.seq) node.owedAddresses = true;
        return;
      }
      case 'MAU':
        this.#onMobileAddressUpdate(link, message);
        return;
    }
  }

  #onHello(link: SiteLink, hello: Hello): void {
    const { links, nodes } = this.#network;
    const isNews = links.isNews(link, hello.id, this.#now);
    const hearsUs = hello.seen.includes(this.#identity.routerId);
    if (links.heard(link, hello.id, hearsUs, this.#now)) this.#network.neighboursChanged(this.#now);
    if (isNews) this.#sendHello(link.number);
    const node = hearsUs ? nodes.learnNeighbour(hello.id, this.#now) : undefined;
    if (node === undefined) return;
    this.#network.admit(node.id, this.#now);
    this.#network.meet(node, hello.version, hello.instance, this.#now);
  }

  #onRouterAdvertisement(link: SiteLink, message: RouterAdvertisement): void {
    const node = this.#learn(link, message.id);
    if (node === undefined) return;
    this.#network.meet(node, message.version, message.instance, this.#now);
    this.#network.addressesChanged(node, node.advertise(message.lsSeq, message.mobileSeq, this.#now));
  }

  /** A link state of another life was under way when the router restarted, or is ahead of the RA that will tell of it. */
  #onLinkStateUpdate(link: SiteLink, message: LinkStateUpdate, isForAll: boolean): void {
    const node = this.#learn(link, message.id);
    if (node === undefined) return;
    const { instance } = message;
    if (instance !== undefined && node.instance !== undefined && instance !== node.instance) return;
    this.#network.meet(node, message.version, instance, this.#now);
    const isNewer = node.updateLinkState(message, !isForAll, this.#now);
    if (isNewer) this.#network.linkStateChanged(node, this.#now);
  }

  #onMobileAddressUpdate(link: SiteLink, message: MobileAddressUpdate): void {
    const node = this.#network.nodes.get(message.id);
    if (node === undefined) {
      this.#counts.unknownRouter++;
      return;
    }
    const before = node.addresses.refusedCount;
    const countMax = this.#network.nodes.addressesMaxOf(node);
    this.#network.addressesChanged(node, node.updateAddresses(message, countMax, this.#now));
    const refused = node.addresses.refusedCount - before;
    if (refused > 0) this.#fault(link, 'addresses', `${refused} addresses of ${node.id} are too many`, refused);
  }

  #learn(link: SiteLink, id: string): Node | undefined {
    const node = this.#network.nodes.learn(id, this.#now);
    if (node === undefined) this.#fault(link, 'routers', `no place for router ${id}`);
    return node;
  }

  #fault(link: SiteLink, fault: MeshFault, detail: string, count = 1): void {
    this.#counts.fault(fault, count);
    this.#outbox.tellFault(link.number, fault, detail);
  }

  /** Answers and questions to a router that can be reached. */
  #converse(node: Node): void {
    const now = this.#now;
    const router = this.#speaker(ROUTER_PROTOCOL_VERSION);
    const mobile = this.#speaker(MOBILE_PROTOCOL_VERSION);
    if (node.linkStateRequest.dueAt <= now) {
      node.linkStateRequest.sent(now);
      this.#sendTo(node.id, ROUTER_TAIL, { opcode: 'LSR', ...router });
    }
    if (node.addressRequest.dueAt <= now) {
      node.addressRequest.sent(now);
      this.#sendTo(node.id, MOBILE_TAIL, { opcode: 'MAR', ...mobile, haveSeq: node.haveSeq });
    }
    if (node.owedLinkState) {
      node.owedLinkState = false;
      this.#sendTo(node.id, ROUTER_TAIL, this.#linkState());
    }
    if (node.owedAddresses) {
      node.owedAddresses = false;
      const { seq: mobileSeq } = this.#addresses;
      this.#sendTo(node.id, MOBILE_TAIL, { opcode: 'MAU', ...mobile, mobileSeq, exist: this.#addresses.advertised() });
    }
  }

  /** The MAU goes before the RA that tells its sequence, so that nobody asks for what is under way. */
  #sendChangedAddresses(): void {
    const changes = this.#addresses.advance();
    if (changes === undefined) return;
    const { seq: mobileSeq } = this.#addresses;
    const message = { opcode: 'MAU', ...this.#speaker(MOBILE_PROTOCOL_VERSION), mobileSeq, ...changes } as const;
    const targets = onceTargets(this.#network.paths, this.#identity.routerId, []);
    this.#sendToAll(targets, encodeControl(message, MAU_ADDRESS));
    this.#isRaDue = true;
  }

  #sendRouterAdvertisement(): void {
    this.#isRaDue = false;
    this.#lastRaAt = this.#now;
    const { instance } = this.#identity;
    const { lsSeq, links } = this.#network;
    const speaker = this.#speaker(ROUTER_PROTOCOL_VERSION);
    const message = { opcode: 'RA', ...speaker, instance, lsSeq, mobileSeq: this.#addresses.seq } as const;
    this.#sendToAll(links.neighbours.keys(), encodeControl(message, RA_ADDRESS));
  }

  /**
   * Others would ask for it when they hear the RA. But questions and answers go by the paths, which may be wrong or closed just
   * because of what is new; a flood arrives.
   */
  #sendLinkStateToAll(): void {
    this.#sendToAll(this.#network.links.neighbours.keys(), encodeControl(this.#linkState(), RA_ADDRESS));
  }

  #linkState(): LinkStateUpdate {
    const { lsSeq, peers } = this.#network;
    const { instance } = this.#identity;
    return { opcode: 'LSU', ...this.#speaker(ROUTER_PROTOCOL_VERSION), instance, lsSeq, peers };
  }

  #sendHello(siteLink: number): void {
    const { instance } = this.#identity;
    const seen = this.#network.links.seen(this.#now);
    const message = { opcode: 'HELLO', ...this.#speaker(ROUTER_PROTOCOL_VERSION), instance, seen } as const;
    this.#outbox.send(siteLink, encodeControl(message, HELLO_ADDRESS));
  }

  #speaker(version: number): { id: string; version: number } {
    return { id: this.#identity.routerId, version };
  }

  #sendTo(routerId: string, tail: typeof ROUTER_TAIL | typeof MOBILE_TAIL, message: ControlMessage): void {
    const link = this.#network.linkTo(routerId);
    if (link === undefined) this.#counts.undeliverable++;
    else this.#outbox.send(link.number, encodeControl(message, routerAddress(routerId, tail)));
  }

  #sendToAll(neighbours: Iterable<string>, content: Buffer): void {
    for (const neighbour of neighbours) {
      const link = this.#network.links.neighbours.get(neighbour);
      if (link !== undefined) this.#outbox.send(link.number, content);
    }
  }
}
