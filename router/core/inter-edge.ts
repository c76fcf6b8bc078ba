/**
 * Edge routers joined to this edge router (role `inter-edge`, wire reference 8): each tells the others what it consumes, and
 * messages go from one to the other without an interior router.
 *
 * A message takes one such step and no more: what has come from another router is for this router's own consumers, so
 * all edge routers of a mesh must be joined to each other. Of several connections to one router the first is used; the other
 * router may have another first, so what it sends is taken from any.
 */
import type { Attach } from '../amqp/codec/performatives.ts';
import { amqp } from '../amqp/codec/value.ts';
import type { ReceiverLink } from '../amqp/engine/receiver-link.ts';
import type { SenderLink } from '../amqp/engine/sender-link.ts';
import type { Session } from '../amqp/engine/session.ts';
import { composeMessage } from '../amqp/message/compose.ts';
import { MessageError } from '../amqp/message/errors.ts';
import { parseHead } from '../amqp/message/head.ts';
import type { Address, AddressTable } from './address-table.ts';
import { AttachedConsumer } from './edge-consumer.ts';
import type { EdgeMesh, EdgeMeshNews } from './edge-mesh.ts';
import { INTER_EDGE_CAPABILITY, MESH_NEGOTIATION, TargetedLink } from './edge-protocol.ts';
import { hashKey } from './hash-key.ts';
import { LINK_CAPACITY } from './limits.ts';
import { MESH_BIDS, type Peer } from './peer.ts';
import type { Transit } from './transit.ts';

export interface InterEdgeParts {
  routerId: string;
  addresses: AddressTable;
  mesh: EdgeMesh;
  linkName: () => string;
  peer: (connection: number) => Peer | undefined;
  /** The mesh id is another one: the interior router is to know. */
  meshChanged: () => void;
}

/** An address that another edge router consumes, or that router itself. */
export class NeighbourConsumer extends AttachedConsumer {
  /** One here is preferred. */
  readonly cost = 1;
  readonly untold = true;
  private readonly parts: InterEdgeParts;

  constructor(link: SenderLink, key: string, address: string, peer: Peer, parts: InterEdgeParts) {
    super(link, key, address, peer, parts.addresses);
    this.parts = parts;
    parts.addresses.addConsumer(key, this);
  }

  accepts(transit: Transit): boolean {
    return !isOfRouter(this.parts.peer(transit.from));
  }
}

/** Another edge router. */
interface Neighbour {
  /** The first is the one in use. */
  readonly connections: Peer[];
  session: Session | undefined;
  /** By address: what the other sends of it, because it has a consumer here. */
  readonly consumed: Map<string, ReceiverLink>;
  /** By it this router's bids leave: on the first connection by which the other hears them. */
  bids: SenderLink | undefined;
  bidsBy: Peer | undefined;
  readonly deaf: Set<Peer>;
  bidDue: boolean;
}

export class InterEdge {
  private readonly parts: InterEdgeParts;
  /** By router id. */
  private readonly neighbours = new Map<string, Neighbour>();

  constructor(parts: InterEdgeParts) {
    this.parts = parts;
  }

  opened(peer: Peer): void {
    const { containerId } = peer;
    const known = this.neighbours.get(containerId);
    if (known !== undefined) {
      known.connections.push(peer);
      this.openBids(known);
      return;
    }
    const made: Neighbour = {
      connections: [peer],
      session: undefined,
      consumed: new Map(),
      bids: undefined,
      bidsBy: undefined,
      deaf: new Set(),
      bidDue: true,
    };
    this.neighbours.set(containerId, made);
    this.activate(made);
    this.follow(this.parts.mesh.joined(made));
  }

  lost(peer: Peer): void {
    const neighbour = this.neighbours.get(peer.containerId);
    const at = neighbour?.connections.indexOf(peer) ?? -1;
    if (neighbour === undefined || at < 0) return;
    const { connections, deaf } = neighbour;
    connections.splice(at, 1);
    deaf.delete(peer);
    if (connections.length === 0) {
      this.neighbours.delete(peer.containerId);
      this.follow(this.parts.mesh.left(neighbour));
      return;
    }
    if (neighbour.bidsBy === peer) this.closeBids(neighbour);
    if (at === 0) this.activate(neighbour);
    else this.openBids(neighbour);
  }

  /** The address has its first consumer here, or has lost its last one. */
  localChanged({ key, localCount }: Address): void {
    if (key.charCodeAt(0) !== MOBILE_CLASS) return;
    const address = key.slice(1);
    for (const neighbour of this.neighbours.values()) {
      if (localCount > 0) this.consume(address, neighbour);
      else {
        neighbour.consumed.get(address)?.detach();
        neighbour.consumed.delete(address);
      }
    }
  }

  /** Another edge router sends by this link. */
  acceptReceiver(link: ReceiverLink, attach: Attach): void {
    const address = attach.target?.address;
    if (address === MESH_NEGOTIATION) {
      link.context = MESH_BIDS;
      link.accept({ credit: BID_CREDIT });
      return;
    }
    link.accept();
    link.grant(LINK_CAPACITY);
    if (address) link.context = new TargetedLink(address);
  }

  /** Another edge router consumes an address. @returns false when it is none that it may consume */
  acceptSender(peer: Peer, link: SenderLink, attach: Attach): boolean {
    const address = attach.source?.address;
    const key = address ? hashKey(address, this.parts.routerId) : '';
    if (!address || key.charCodeAt(0) !== MOBILE_CLASS) {
      link.refuse({ condition: 'amqp:not-allowed', description: 'an edge router consumes mobile addresses only' });
      return false;
    }
    link.context = peer;
    link.accept();
    peer.endpoints.add(new NeighbourConsumer(link, key, address, peer, this.parts));
    return true;
  }

  /** The other router gives credit for bids. */
  credit(peer: Peer, link: unknown): void {
    const neighbour = this.neighbours.get(peer.containerId);
    if (neighbour !== undefined && neighbour.bids === link && neighbour.bidDue) this.bid(neighbour);
  }

  /** The other router has refused or ended a link: it may use another connection for its own part. */
  detached(peer: Peer, link: unknown): void {
    const neighbour = this.neighbours.get(peer.containerId);
    if (neighbour === undefined || neighbour.bids !== link) return;
    neighbour.deaf.add(peer);
    this.closeBids(neighbour);
    this.openBids(neighbour);
  }

  /** A message of the negotiation. @returns false when it is not to be heard */
  heard(peer: Peer, message: Buffer): boolean {
    const neighbour = this.neighbours.get(peer.containerId);
    const bid = readBid(message);
    const news = neighbour && bid && this.parts.mesh.heard(neighbour, bid);
    if (news === undefined) return false;
    this.follow(news);
    return true;
  }

  /** Begins to use the first connection. */
  private activate(neighbour: Neighbour): void {
    const { addresses, linkName } = this.parts;
    const peer = neighbour.connections[0]!;
    const session = peer.connection.begin();
    neighbour.session = session;
    this.openBids(neighbour);
    const terminus = { capabilities: [INTER_EDGE_CAPABILITY] };
    const way = session.attachSender({ name: linkName(), source: terminus, target: terminus });
    way.context = peer;
    peer.data.push(way);
    const { containerId } = peer;
    peer.endpoints.add(new NeighbourConsumer(way, `H${containerId}`, `_edge/${containerId}`, peer, this.parts));
    neighbour.consumed.clear();
    for (const { key, localCount } of addresses.all()) {
      if (localCount > 0 && key.charCodeAt(0) === MOBILE_CLASS) this.consume(key.slice(1), neighbour);
    }
  }

  private openBids(neighbour: Neighbour): void {
    if (neighbour.bids !== undefined) return;
    const peer = neighbour.connections.find((each) => !neighbour.deaf.has(each));
    if (peer === undefined) return;
    const target = { address: MESH_NEGOTIATION };
    neighbour.bidsBy = peer;
    neighbour.bids = peer.connection.begin().attachSender({ name: this.parts.linkName(), source: {}, target });
    neighbour.bidDue = true;
  }

  private closeBids(neighbour: Neighbour): void {
    neighbour.bids = undefined;
    neighbour.bidsBy = undefined;
  }

  private consume(address: string, { session, consumed }: Neighbour): void {
    if (session === undefined || consumed.has(address)) return;
    const link = session.attachReceiver({
      name: this.parts.linkName(),
      source: { address },
      target: {},
      credit: LINK_CAPACITY,
      context: new TargetedLink(address),
    });
    consumed.set(address, link);
  }

  private follow({ changed, rebid }: EdgeMeshNews): void {
    if (changed) this.parts.meshChanged();
    if (rebid) for (const neighbour of this.neighbours.values()) this.bid(neighbour);
  }

  /** Never more than one waits for credit: it says what is true when it leaves. */
  private bid(neighbour: Neighbour): void {
    const { bids } = neighbour;
    neighbour.bidDue = bids === undefined || bids.credit === 0;
    if (bids === undefined || neighbour.bidDue) return;
    const { ordinal, id } = this.parts.mesh.own;
    const applicationProperties = amqp.map([
      [amqp.symbol(ORDINAL_PROPERTY), amqp.long(ordinal)],
      [amqp.symbol(ID_PROPERTY), amqp.string(id)],
    ]);
    const delivery = bids.deliver({ settled: true });
    delivery.write(composeMessage({ annotations: { flags: 0, trace: [], ingressMesh: id }, applicationProperties }));
    delivery.end(true);
  }
}

/** Messages of its connection have come from another router already: they go no further than this one. */
export function isOfRouter(peer: Peer | undefined): boolean {
  return peer?.role === 'edge' || peer?.role === 'inter-edge';
}

function readBid(message: Buffer): { ordinal: number; id: string } | undefined {
  try {
    const properties = parseHead(message, 'application-properties', true)?.applicationProperties;
    const ordinal = properties?.get(ORDINAL_PROPERTY);
    const id = properties?.get(ID_PROPERTY);
    if (ordinal === undefined || !INTEGERS.has(ordinal.type) || id?.type !== 'string') return undefined;
    return { ordinal: Number((ordinal as { value: number | bigint }).value), id: id.value };
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    return undefined;
  }
}

const INTEGERS = new Set(['long', 'int', 'ulong', 'uint']);
const MOBILE_CLASS = 'M'.charCodeAt(0);
const ORDINAL_PROPERTY = 'ordinal';
const ID_PROPERTY = 'id';
const BID_CREDIT = 3;
