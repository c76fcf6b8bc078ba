/**
 * The interior routers of this edge router (wire reference 8): all that can be had are connected, one is in use, and
 * when that is lost, or says that it is about to go, the next takes its place. What stands by way of one that is about to go
 * stays until its connection is closed.
 *
 * What is known of the network comes from the interior router in use: it tells which of the addresses that are watched
 * or sent to here have a consumer, which then stands in the address table as that of a router `UPLINK`.
 */
import { amqp } from '../amqp/codec/value.ts';
import type { ReceiverLink } from '../amqp/engine/receiver-link.ts';
import type { SenderLink } from '../amqp/engine/sender-link.ts';
import type { Session } from '../amqp/engine/session.ts';
import { composeMessage } from '../amqp/message/compose.ts';
import { MessageError } from '../amqp/message/errors.ts';
import { parseHead } from '../amqp/message/head.ts';
import type { Address, AddressTable } from './address-table.ts';
import {
  ADDRESS_TRACKING,
  DOWNLINK_CAPABILITY,
  DRAINING_KEY,
  MESH_DISCOVERY,
  MESH_ID_PROPERTY,
  TargetedLink,
  TRACKING_CREDIT,
  UPLINK,
} from './edge-protocol.ts';
import { LINK_CAPACITY } from './limits.ts';
import { type Peer, TRACKING_MESSAGES } from './peer.ts';

export interface UplinksParts {
  routerId: string;
  addresses: AddressTable;
  /** By which messages of this router are known in the network. */
  mesh: { readonly id: string };
  linkName: () => string;
}

/** What joins this router to one interior router. */
interface Uplink {
  readonly session: Session;
  /** By it the interior router hears of the mesh. */
  readonly discovery: SenderLink;
  /** By address: what the interior router sends of it, because it has a consumer here. */
  readonly consumed: Map<string, ReceiverLink>;
  /** By address: that it is wanted here. Messages go by the uplink or by links of their own. */
  readonly wanted: Map<string, SenderLink>;
}

export class Uplinks {
  active: Peer | undefined;
  private readonly parts: UplinksParts;
  private readonly standing: Peer[] = [];
  /** The one in use, and those that were. */
  private readonly joined = new Map<Peer, Uplink>();
  private readonly draining = new Set<Peer>();
  /** Consumed addresses that have no consumer here any more. */
  private readonly unused = new Set<string>();
  private readonly reachable = new Set<string>();
  /** Of these, what only the uplink before has said. */
  private readonly believed = new Set<string>();

  constructor(parts: UplinksParts) {
    this.parts = parts;
  }

  opened(peer: Peer): void {
    this.standing.push(peer);
    if (this.active === undefined) this.activate(peer);
    else this.leaveDraining();
  }

  lost(peer: Peer): void {
    const at = this.standing.indexOf(peer);
    if (at < 0) return;
    this.standing.splice(at, 1);
    this.joined.delete(peer);
    this.draining.delete(peer);
    if (peer !== this.active) {
      this.believeNoMore();
      return;
    }
    this.active = undefined;
    for (const key of [...this.reachable]) this.setReachable(key, false);
    const next = this.best;
    if (next) this.activate(next);
  }

  /** Until the one before is gone, what it reached is believed to be reached by the next: listeners stay open. */
  private drains(peer: Peer, draining: boolean): void {
    if (draining) this.draining.add(peer);
    else {
      this.draining.delete(peer);
      this.believeNoMore();
    }
    this.leaveDraining();
  }

  private leaveDraining(): void {
    const next = this.best;
    if (this.active === undefined || next === undefined || !this.draining.has(this.active)) return;
    if (this.draining.has(next)) return;
    const { wanted } = this.joined.get(this.active)!;
    for (const link of wanted.values()) link.detach();
    wanted.clear();
    for (const key of this.reachable) this.believed.add(key);
    this.activate(next);
  }

  private believeNoMore(): void {
    for (const key of [...this.believed]) this.setReachable(key, false);
  }

  /** The cheapest of those that stay. */
  private get best(): Peer | undefined {
    const rank = (peer: Peer): number => (this.draining.has(peer) ? DRAINING_COST : 0) + peer.cost;
    return this.standing.toSorted((one, other) => rank(one) - rank(other))[0];
  }

  private get uplink(): Uplink | undefined {
    return this.active && this.joined.get(this.active);
  }

  /** The address has its first consumer here, or has lost its last one. */
  localChanged({ key, localCount }: Address): void {
    if (!isMobile(key)) return;
    if (localCount > 0) this.consume(key.slice(1));
    else this.unused.add(key.slice(1));
  }

  /** At the end of a turn: what the consumers that are gone say of messages goes before the links by which these came. */
  detachUnused(): void {
    for (const address of this.unused) {
      if ((this.parts.addresses.get(`M${address}`)?.localCount ?? 0) > 0) continue;
      for (const { consumed } of this.joined.values()) {
        consumed.get(address)?.detach();
        consumed.delete(address);
      }
    }
    this.unused.clear();
  }

  /** Somebody here wants to send to the address, or nobody any more. */
  watchedChanged({ key, watchers }: Address): void {
    if (!isMobile(key)) return;
    if (watchers.size > 0) this.want(key.slice(1));
    else {
      this.uplink?.wanted.get(key.slice(1))?.detach();
      this.uplink?.wanted.delete(key.slice(1));
      this.setReachable(key, false);
    }
  }

  /** A message of the interior router: an address can be reached, or not any more. @returns false when it says nothing of that */
  tracked(peer: Peer, message: Buffer): boolean {
    try {
      const body = parseHead(message, 'body', true)?.body;
      if (body?.type !== 'list') return false;
      const [key, reachable] = body.value;
      if (key?.type !== 'string' || reachable?.type !== 'boolean') return false;
      if (key.value === DRAINING_KEY) this.drains(peer, reachable.value);
      if (key.value === DRAINING_KEY || peer !== this.active) return true;
      // One that is no longer wanted would never be told away.
      if (!reachable.value || this.uplink?.wanted.has(key.value.slice(1)))
        this.setReachable(key.value, reachable.value);
      return true;
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      return false;
    }
  }

  /** Tells the interior router by which mesh messages come. */
  tellMesh(): void {
    const { id } = this.parts.mesh;
    const hello = this.uplink?.discovery.deliver({ settled: true });
    const applicationProperties = amqp.map([[amqp.symbol(MESH_ID_PROPERTY), amqp.string(id)]]);
    hello?.write(composeMessage({ annotations: { flags: 0, trace: [], ingressMesh: id }, applicationProperties }));
    hello?.end(true);
  }

  private activate(peer: Peer): void {
    this.active = peer;
    if (!this.joined.has(peer)) this.join(peer);
    this.tellMesh();
    for (const address of this.parts.addresses.all()) {
      if (!isMobile(address.key)) continue;
      if (address.watchers.size > 0) this.want(address.key.slice(1));
      if (address.localCount > 0) this.consume(address.key.slice(1));
    }
  }

  private join(peer: Peer): void {
    const { routerId, linkName } = this.parts;
    const core = peer.connection.begin();
    const discovery = core.attachSender({ name: linkName(), source: {}, target: { address: MESH_DISCOVERY } });
    const session = peer.connection.begin();
    const uplink = session.attachSender({ name: linkName(), source: {}, target: {} });
    uplink.context = peer;
    peer.data.push(uplink);
    session.attachReceiver({
      name: linkName(),
      source: { address: routerId, capabilities: [DOWNLINK_CAPABILITY] },
      target: { capabilities: [DOWNLINK_CAPABILITY] },
      credit: LINK_CAPACITY,
    });
    // Before the addresses: what is wanted without it is never told.
    const tracking = { address: ADDRESS_TRACKING };
    core.attachReceiver({
      name: linkName(),
      source: tracking,
      target: {},
      credit: TRACKING_CREDIT,
      context: TRACKING_MESSAGES,
    });
    this.joined.set(peer, { session, discovery, consumed: new Map(), wanted: new Map() });
  }

  private consume(address: string): void {
    const { uplink } = this;
    if (uplink === undefined || uplink.consumed.has(address)) return;
    const link = uplink.session.attachReceiver({
      name: this.parts.linkName(),
      source: { address },
      target: {},
      credit: LINK_CAPACITY,
      context: new TargetedLink(address),
    });
    uplink.consumed.set(address, link);
  }

  private want(address: string): void {
    const { uplink } = this;
    if (uplink === undefined || uplink.wanted.has(address)) return;
    const name = this.parts.linkName();
    uplink.wanted.set(address, uplink.session.attachSender({ name, source: {}, target: { address } }));
  }

  private setReachable(key: string, reachable: boolean): void {
    this.believed.delete(key);
    if (reachable) this.reachable.add(key);
    else if (!this.reachable.delete(key)) return;
    this.parts.addresses.setRemote(key, UPLINK, reachable);
  }
}

function isMobile(key: string): boolean {
  return key.charCodeAt(0) === MOBILE_CLASS;
}

/** More than any interior router costs. */
const DRAINING_COST = 1_000_000;
const MOBILE_CLASS = 'M'.charCodeAt(0);
