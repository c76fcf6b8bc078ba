/**
 * The interior routers of this edge router (wire reference 8): all that can be had are connected, one is in use, and
 * when that is lost the next takes its place.
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

export class Uplinks {
  active: Peer | undefined;
  private readonly parts: UplinksParts;
  private readonly standing: Peer[] = [];
  private session: Session | undefined;
  /** By it the interior router hears of the mesh. */
  private discovery: SenderLink | undefined;
  /** By address: what the interior router sends of it, because it has a consumer here. */
  private readonly consumed = new Map<string, ReceiverLink>();
  /** Addresses of these that have no consumer here any more. */
  private readonly unused = new Set<string>();
  /** By address: that it is wanted here. Messages go by the uplink or by links of their own. */
  private readonly wanted = new Map<string, SenderLink>();
  private readonly reachable = new Set<string>();

  constructor(parts: UplinksParts) {
    this.parts = parts;
  }

  opened(peer: Peer): void {
    this.standing.push(peer);
    if (this.active === undefined) this.activate(peer);
  }

  lost(peer: Peer): void {
    const at = this.standing.indexOf(peer);
    if (at < 0) return;
    this.standing.splice(at, 1);
    if (peer !== this.active) return;
    this.active = undefined;
    this.session = undefined;
    this.discovery = undefined;
    this.consumed.clear();
    this.wanted.clear();
    for (const key of [...this.reachable]) this.setReachable(key, false);
    const [next] = this.standing.toSorted((one, other) => one.cost - other.cost);
    if (next) this.activate(next);
  }

  /** The address has its first consumer here, or has lost its last one. */
  localChanged({ key, localCount }: Address): void {
    if (!isMobile(key)) return;
    if (localCount > 0) this.consume(key.slice(1));
    else if (this.consumed.has(key.slice(1))) this.unused.add(key.slice(1));
  }

  /** At the end of a turn: what the consumers that are gone say of messages goes before the links by which these came. */
  detachUnused(): void {
    for (const address of this.unused) {
      if ((this.parts.addresses.get(`M${address}`)?.localCount ?? 0) > 0) continue;
      this.consumed.get(address)?.detach();
      this.consumed.delete(address);
    }
    this.unused.clear();
  }

  /** Somebody here wants to send to the address, or nobody any more. */
  watchedChanged({ key, watchers }: Address): void {
    if (!isMobile(key)) return;
    if (watchers.size > 0) this.want(key.slice(1));
    else {
      this.wanted.get(key.slice(1))?.detach();
      this.wanted.delete(key.slice(1));
      this.setReachable(key, false);
    }
  }

  /** A message of the interior router: an address can be reached, or not any more. @returns false when it says nothing of that */
  tracked(peer: Peer, message: Buffer): boolean {
    if (peer !== this.active) return true;
    try {
      const body = parseHead(message, 'body', true)?.body;
      if (body?.type !== 'list') return false;
      const [key, reachable] = body.value;
      if (key?.type !== 'string' || reachable?.type !== 'boolean') return false;
      // One that is no longer wanted would never be told away.
      if (!reachable.value || this.wanted.has(key.value.slice(1))) this.setReachable(key.value, reachable.value);
      return true;
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      return false;
    }
  }

  /** Tells the interior router by which mesh messages come. */
  tellMesh(): void {
    const { id } = this.parts.mesh;
    const hello = this.discovery?.deliver({ settled: true });
    const applicationProperties = amqp.map([[amqp.symbol(MESH_ID_PROPERTY), amqp.string(id)]]);
    hello?.write(composeMessage({ annotations: { flags: 0, trace: [], ingressMesh: id }, applicationProperties }));
    hello?.end(true);
  }

  private activate(peer: Peer): void {
    const { routerId, linkName, addresses } = this.parts;
    this.active = peer;
    const core = peer.connection.begin();
    this.discovery = core.attachSender({ name: linkName(), source: {}, target: { address: MESH_DISCOVERY } });
    this.session = peer.connection.begin();
    const uplink = this.session.attachSender({ name: linkName(), source: {}, target: {} });
    uplink.context = peer;
    peer.data.push(uplink);
    this.session.attachReceiver({
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
    this.tellMesh();
    for (const address of addresses.all()) {
      if (!isMobile(address.key)) continue;
      if (address.watchers.size > 0) this.want(address.key.slice(1));
      if (address.localCount > 0) this.consume(address.key.slice(1));
    }
  }

  private consume(address: string): void {
    if (this.session === undefined || this.consumed.has(address)) return;
    const link = this.session.attachReceiver({
      name: this.parts.linkName(),
      source: { address },
      target: {},
      credit: LINK_CAPACITY,
      context: new TargetedLink(address),
    });
    this.consumed.set(address, link);
  }

  private want(address: string): void {
    if (this.session === undefined || this.wanted.has(address)) return;
    const name = this.parts.linkName();
    this.wanted.set(address, this.session.attachSender({ name, source: {}, target: { address } }));
  }

  private setReachable(key: string, reachable: boolean): void {
    if (reachable) this.reachable.add(key);
    else if (!this.reachable.delete(key)) return;
    this.parts.addresses.setRemote(key, UPLINK, reachable);
  }
}

function isMobile(key: string): boolean {
  return key.charCodeAt(0) === MOBILE_CLASS;
}

const MOBILE_CLASS = 'M'.charCodeAt(0);
