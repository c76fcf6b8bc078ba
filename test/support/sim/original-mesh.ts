/**
 * A model of how skupper-router 3.x runs the control protocol (wire reference 3, 7.1), to stand beside ours in a network: it does
 * everything on ticks of a second, floods only RA and MAU, pulls link states and addresses point to point, asks once, sets a
 * neighbour's cost only when the link is new, and knows another life of a router by its instance alone.
 *
 * Written from the reference and from what the original was seen to do; it shares nothing with `router/mesh` but the
 * encoding of messages, so that the two check each other. The trees are `original-paths.ts`.
 */
import { parseHead } from '../../../router/amqp/message/head.ts';
import { encodeRouterAnnotations, type RouterAnnotations } from '../../../router/amqp/message/router-annotations.ts';
import { HELLO_ADDRESS, MAU_ADDRESS, RA_ADDRESS, routerAddress } from '../../../router/mesh/destinations.ts';
import type { MeshEvent } from '../../../router/mesh/events.ts';
import {
  type ControlMessage,
  decodeControl,
  encodeControl,
  type LinkStateUpdate,
} from '../../../router/mesh/messages.ts';
import { originalRoutes } from './original-paths.ts';

const TICK_MS = 1000;
const HELLO_MAX_AGE_MS = 3000;
const RA_MS = 30_000;
const RA_FLUX_MS = 4000;
const LINK_STATE_MAX_AGE_MS = 60_000;
const HOLDOFF_TICKS = 1;
const KEEP_ALIVE_TICKS = 2;

interface Remote {
  readonly id: string;
  instance: number | undefined;
  lsSeq: number;
  peers: ReadonlyMap<string, number>;
  lastSeen: number;
  /** The site link to it, while it is a neighbour. */
  link: number | undefined;
  refreshedAt: number;
  /** Stays as it was while the router cannot be reached. */
  nextHop: string | undefined;
  cost: number;
  validOrigins: ReadonlySet<string>;
  mobileSeq: number;
  readonly addresses: Set<string>;
  wantsLinkState: boolean;
  wantsAddresses: boolean;
  /** An MAU with a gap was answered by an MAR, and nothing has come since. */
  isAsked: boolean;
  orphanTicks: number;
}

export class OriginalMesh {
  readonly #id: string;
  readonly #instance: number;
  readonly #costs = new Map<number, number>();
  readonly #hellos = new Map<string, number>();
  /** Which neighbour was last heard on a link: it is lost with that link even if it has another by now. */
  readonly #heardOn = new Map<number, Remote>();
  readonly #nodes = new Map<string, Remote>();
  readonly #peers = new Map<string, number>();
  readonly #addresses = new Set<string>();
  readonly #advertised = new Set<string>();
  readonly #events: MeshEvent[] = [];
  #lsSeq = 0;
  #mobileSeq = 0;
  #isLinkStateChanged = false;
  #isStale = false;
  #lastChange = -Infinity;
  #lastRa: number;
  #radius = 0;
  #reachable: ReadonlySet<string> = new Set();
  #unreachable: readonly string[] = [];
  #holdoff = 0;
  #tickAt: number;
  #syncAt: number;

  /** @param phase where its ticks lie in a second, 0 to 1 */
  constructor({ routerId, instance }: { routerId: string; instance: number }, phase: number, now: number) {
    this.#id = routerId;
    this.#instance = instance;
    this.#tickAt = now + 100 + phase * TICK_MS;
    this.#syncAt = now + 100 + ((phase * 7) % 1) * TICK_MS;
    this.#lastRa = now;
  }

  linkUp(siteLink: number, { cost }: { cost: number }, _now: number): void {
    this.#costs.set(siteLink, cost);
  }

  linkDown(siteLink: number, _now: number): void {
    this.#costs.delete(siteLink);
    const node = this.#heardOn.get(siteLink);
    this.#heardOn.delete(siteLink);
    if (node !== undefined) this.#removeLink(node);
  }

  setLocalAddress(key: string, _treatment: number): void {
    this.#addresses.add(key);
  }

  deleteLocalAddress(key: string): void {
    this.#addresses.delete(key);
  }

  deadline(): number {
    return Math.min(this.#tickAt, this.#syncAt);
  }

  nextEvent(): MeshEvent | undefined {
    return this.#events.shift();
  }

  path(routerId: string): { siteLink: number; cost: number; validOrigins: ReadonlySet<string> } | undefined {
    const node = this.#nodes.get(routerId);
    const siteLink = this.#linkTo(routerId);
    if (node === undefined || siteLink === undefined || !this.#reachable.has(routerId)) return undefined;
    return { siteLink, cost: node.cost, validOrigins: new Set([this.#id, ...node.validOrigins]) };
  }

  tick(now: number): void {
    if (now >= this.#tickAt) {
      this.#tickAt += TICK_MS;
      this.#sendHellos(now);
      const isInFlux = now - this.#lastChange <= 2 * RA_FLUX_MS;
      if (now - this.#lastRa >= (isInFlux ? RA_FLUX_MS : RA_MS)) this.#sendRouterAdvertisement(now);
      this.#trackNodes(now);
    }
    if (now >= this.#syncAt) {
      this.#syncAt += TICK_MS;
      this.#syncAddresses(now);
    }
  }

  receive(siteLink: number, bytes: Buffer, now: number): void {
    const head = parseHead(bytes, 'body', true);
    const message = decodeControl(head?.applicationProperties?.get('opcode')?.value, head?.body);
    const to = head?.properties?.to;
    if (head === undefined || message === undefined || to === undefined) throw new Error('not a control message');
    const annotations = head.annotations ?? { flags: 0, trace: [] };
    const content = bytes.subarray(head.annotationsEndOffset);
    const target = /_topo\/0\/([^/]+)\//.exec(to)?.[1];
    // Whatever it is, and for it too.
    if (annotations.trace.length > this.#radius + 1) return;
    if (target !== undefined && target !== this.#id && target !== 'all') {
      if (this.#isExpectedHere(target, annotations)) this.#send(this.#linkTo(target), content, annotations);
      return;
    }
    if (target === 'all') this.#spread(message.opcode === 'RA', content, annotations);
    this.#handle(siteLink, message, now);
  }

  // ---- what it hears

  #handle(siteLink: number, message: ControlMessage, now: number): void {
    if (message.id === this.#id) return;
    switch (message.opcode) {
      case 'HELLO':
        this.#hellos.set(message.id, now);
        if (message.seen.includes(this.#id)) this.#refreshNeighbour(message.id, message.instance, siteLink, now);
        return;
      case 'RA': {
        const node = this.#learn(message.id, message.instance);
        this.#meet(node, message.instance);
        node.lastSeen = now;
        if (node.lsSeq < message.lsSeq) this.#ask(node.id);
        if (node.mobileSeq < message.mobileSeq) node.wantsAddresses = true;
        return;
      }
      case 'LSR': {
        this.#learn(message.id);
        const [lsSeq, peers] = [this.#lsSeq, new Map(this.#peers)];
        const answer = { opcode: 'LSU', id: this.#id, version: 1, instance: this.#instance, lsSeq, peers } as const;
        this.#sendTo(message.id, 'qdrouter', answer);
        return;
      }
      case 'LSU':
        this.#onLinkState(message, now);
        return;
      case 'MAR': {
        if (!this.#nodes.has(message.id) || message.haveSeq >= this.#mobileSeq) return;
        const exist = [...this.#advertised].map((key) => ({ key, treatment: 3 }));
        const answer = { opcode: 'MAU', id: this.#id, version: 2, mobileSeq: this.#mobileSeq, exist } as const;
        this.#sendTo(message.id, 'qdrouter.ma', answer);
        return;
      }
      case 'MAU':
        this.#onAddresses(message);
        return;
    }
  }

  #refreshNeighbour(id: string, instance: number | undefined, siteLink: number, now: number): void {
    const node = this.#learn(id, instance);
    if (node.link !== siteLink) {
      node.link = siteLink;
      this.#heardOn.set(siteLink, node);
      node.nextHop = undefined;
      node.wantsLinkState = true;
      if (!this.#peers.has(id)) {
        this.#peers.set(id, this.#costs.get(siteLink) ?? 1);
        this.#isLinkStateChanged = true;
      }
    }
    node.refreshedAt = now;
    this.#meet(node, instance);
  }

  #onLinkState({ id, instance, lsSeq, peers }: LinkStateUpdate, now: number): void {
    const node = this.#learn(id, instance);
    if (lsSeq <= node.lsSeq) return;
    Object.assign(node, { lsSeq, peers, lastSeen: now });
    this.#isStale = true;
    for (const peer of peers.keys()) if (peer !== this.#id) this.#learn(peer);
  }

  #onAddresses(message: ControlMessage & { opcode: 'MAU' }): void {
    const node = this.#nodes.get(message.id);
    if (node === undefined) return;
    if (message.exist === undefined && node.mobileSeq !== message.mobileSeq - 1) {
      if (!node.isAsked) this.#askAddresses(node);
      node.isAsked = true;
      return;
    }
    node.isAsked = false;
    node.mobileSeq = message.mobileSeq;
    const now = new Set((message.exist ?? message.add ?? []).map(({ key }) => key));
    const gone = message.del ?? [...node.addresses].filter((key) => !now.has(key));
    for (const key of now) this.#tell(node, key, true);
    for (const key of gone) this.#tell(node, key, false);
  }

  // ---- what it does in a tick

  #trackNodes(now: number): void {
    for (const node of this.#nodes.values()) this.#expire(node, now);
    const isNews = this.#isLinkStateChanged;
    if (isNews || this.#isStale) this.#lastChange = now;
    if (isNews) this.#lsSeq++;
    if (isNews || this.#isStale) this.#computeRoutes();
    this.#isLinkStateChanged = false;
    this.#isStale = false;
    if (this.#unreachable.length > 0 && this.#holdoff-- === 0) {
      for (const id of this.#unreachable) this.#flush(this.#nodes.get(id));
      this.#unreachable = [];
    }
    for (const node of this.#nodes.values()) {
      if (node.link === undefined && node.nextHop === undefined) continue;
      if (node.wantsLinkState) this.#ask(node.id);
      if (node.wantsAddresses) this.#askAddresses(node);
      node.wantsLinkState = false;
      node.wantsAddresses = false;
    }
    if (isNews) this.#sendRouterAdvertisement(now);
  }

  #expire(node: Remote, now: number): void {
    if (node.link !== undefined && now - node.refreshedAt > HELLO_MAX_AGE_MS) this.#removeLink(node);
    if (now - node.lastSeen > LINK_STATE_MAX_AGE_MS && node.peers.size > 0) {
      node.peers = new Map();
      node.lsSeq = 0;
      this.#isStale = true;
    }
    if (node.peers.size > 0 || node.link !== undefined) return;
    if ([...this.#nodes.values()].some((other) => other !== node && other.peers.has(node.id))) return;
    if (++node.orphanTicks <= KEEP_ALIVE_TICKS) return;
    this.#flush(node);
    this.#nodes.delete(node.id);
  }

  #computeRoutes(): void {
    const states = new Map<string, ReadonlyMap<string, number>>([[this.#id, this.#peers]]);
    for (const { id, peers } of this.#nodes.values()) states.set(id, peers);
    const { routes, radius } = originalRoutes(this.#id, states);
    this.#radius = radius;
    for (const [id, { nextHop, cost, validOrigins }] of routes) {
      const node = this.#learn(id);
      Object.assign(node, { nextHop: nextHop === id ? undefined : nextHop, cost, validOrigins });
    }
    this.#reachable = new Set(routes.keys());
    this.#unreachable = [...this.#nodes.keys()].filter((id) => !routes.has(id));
    this.#holdoff = HOLDOFF_TICKS;
  }

  #syncAddresses(now: number): void {
    const add = [...this.#addresses].filter((key) => !this.#advertised.has(key));
    const del = [...this.#advertised].filter((key) => !this.#addresses.has(key));
    if (add.length + del.length === 0) return;
    for (const key of add) this.#advertised.add(key);
    for (const key of del) this.#advertised.delete(key);
    this.#mobileSeq++;
    const changes = { add: add.map((key) => ({ key, treatment: 3 })), del };
    const message = { opcode: 'MAU', id: this.#id, version: 2, mobileSeq: this.#mobileSeq, ...changes } as const;
    this.#spread(false, encodeControl(message, MAU_ADDRESS), { flags: 0, trace: [] });
    this.#sendRouterAdvertisement(now);
  }

  // ---- nodes

  #learn(id: string, instance?: number): Remote {
    const known = this.#nodes.get(id);
    if (known !== undefined) return known;
    const node: Remote = {
      id,
      instance,
      lsSeq: 0,
      peers: new Map(),
      lastSeen: -Infinity,
      link: undefined,
      refreshedAt: -Infinity,
      nextHop: undefined,
      cost: 0,
      validOrigins: new Set(),
      mobileSeq: 0,
      addresses: new Set(),
      wantsLinkState: true,
      wantsAddresses: false,
      isAsked: false,
      orphanTicks: 0,
    };
    this.#nodes.set(id, node);
    return node;
  }

  #meet(node: Remote, instance: number | undefined): void {
    if (instance === undefined || node.instance === instance) return;
    const isRestart = node.instance !== undefined;
    node.instance = instance;
    if (!isRestart) return;
    node.peers = new Map();
    node.lsSeq = 0;
    this.#flush(node);
    node.wantsLinkState = true;
    this.#isStale = true;
  }

  #removeLink(node: Remote): void {
    node.link = undefined;
    if (this.#peers.delete(node.id)) this.#isLinkStateChanged = true;
  }

  #flush(node: Remote | undefined): void {
    if (node === undefined) return;
    node.mobileSeq = 0;
    for (const key of [...node.addresses]) this.#tell(node, key, false);
  }

  #tell(node: Remote, key: string, present: boolean): void {
    if (node.addresses.has(key) === present) return;
    if (present) node.addresses.add(key);
    else node.addresses.delete(key);
    this.#events.push({ type: 'address', routerId: node.id, key, present });
  }

  // ---- what it says

  #sendHellos(now: number): void {
    for (const [id, at] of this.#hellos) if (now - at > HELLO_MAX_AGE_MS) this.#hellos.delete(id);
    const seen = [...this.#hellos.keys()];
    const message = { opcode: 'HELLO', id: this.#id, version: 1, instance: this.#instance, seen } as const;
    const content = encodeControl(message, HELLO_ADDRESS);
    for (const siteLink of this.#costs.keys()) this.#send(siteLink, content);
  }

  #sendRouterAdvertisement(now: number): void {
    this.#lastRa = now;
    const sequences = { lsSeq: this.#lsSeq, mobileSeq: this.#mobileSeq };
    const message = { opcode: 'RA', id: this.#id, version: 1, instance: this.#instance, ...sequences } as const;
    this.#spread(true, encodeControl(message, RA_ADDRESS), { flags: 0, trace: [] });
  }

  #ask(id: string): void {
    this.#sendTo(id, 'qdrouter', { opcode: 'LSR', id: this.#id, version: 1 });
  }

  #askAddresses(node: Remote): void {
    const message = { opcode: 'MAR', id: this.#id, version: 2, haveSeq: node.mobileSeq } as const;
    this.#sendTo(node.id, 'qdrouter.ma', message);
  }

  /** `isFlood`: whatever the origin; else only towards routers whose messages from the origin pass here. */
  #spread(isFlood: boolean, content: Buffer, annotations: RouterAnnotations): void {
    const origin = (annotations.ingress ?? `0/${this.#id}`).slice('0/'.length);
    const links = new Set<number>();
    for (const node of this.#nodes.values()) {
      const via = node.nextHop ?? node.id;
      const link = this.#linkTo(node.id);
      if (link === undefined || annotations.trace.includes(`0/${via}`)) continue;
      if (isFlood || origin === this.#id || node.validOrigins.has(origin)) links.add(link);
    }
    for (const link of links) this.#send(link, content, annotations);
  }

  /** By its own picture, messages from that origin to that router pass here. One without a known origin is taken for its own. */
  #isExpectedHere(target: string, { ingress }: RouterAnnotations): boolean {
    const origin = ingress?.slice('0/'.length) ?? this.#id;
    if (origin === this.#id || !this.#nodes.has(origin)) return true;
    return this.#nodes.get(target)?.validOrigins.has(origin) ?? false;
  }

  #linkTo(id: string): number | undefined {
    const node = this.#nodes.get(id);
    return node?.nextHop === undefined ? node?.link : this.#nodes.get(node.nextHop)?.link;
  }

  #sendTo(id: string, tail: 'qdrouter' | 'qdrouter.ma', message: ControlMessage): void {
    this.#send(this.#linkTo(id), encodeControl(message, routerAddress(id, tail)));
  }

  #send(siteLink: number | undefined, content: Buffer, annotations?: RouterAnnotations): void {
    if (siteLink === undefined || !this.#costs.has(siteLink)) return;
    const own = `0/${this.#id}`;
    const { flags = 0, ingress = own, trace = [] } = annotations ?? {};
    const section = encodeRouterAnnotations({ flags, ingress, trace: [...trace, own] });
    this.#events.push({ type: 'send', siteLink, message: Buffer.concat([section, content]) });
  }
}
