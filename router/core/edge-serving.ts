/**
 * Edge routers at this interior router (wire reference 8): each is a leaf that says which addresses it consumes and
 * which it wants to send to, by links; it is told which of the latter have a consumer. To the rest of the network its
 * consumers are this router's own, and its id is an address of class `H`.
 *
 * Nothing that came from an edge goes back to it, nor to another edge of its mesh.
 */
import type { Attach } from '../amqp/codec/performatives.ts';
import { amqp } from '../amqp/codec/value.ts';
import type { ReceiverLink } from '../amqp/engine/receiver-link.ts';
import type { SenderLink } from '../amqp/engine/sender-link.ts';
import { composeMessage } from '../amqp/message/compose.ts';
import { MessageError } from '../amqp/message/errors.ts';
import { parseHead } from '../amqp/message/head.ts';
import { MESH_ID_LENGTH } from '../mesh/limits.ts';
import type { Address, AddressTable, AddressWatcher } from './address-table.ts';
import { AttachedConsumer } from './edge-consumer.ts';
import {
  ADDRESS_TRACKING,
  DOWNLINK_CAPABILITY,
  DRAINING_KEY,
  type Endpoint,
  MESH_DISCOVERY,
  MESH_ID_PROPERTY,
  TargetedLink,
} from './edge-protocol.ts';
import { hashKey } from './hash-key.ts';
import { ADDRESS_LENGTH_MAX, LINK_CAPACITY } from './limits.ts';
import { MESH_ID_MESSAGES, type Peer } from './peer.ts';
import type { Candidate, Transit } from './transit.ts';

export interface EdgeServingParts {
  routerId: string;
  /** This router is about to go. */
  isDraining: () => boolean;
  addresses: AddressTable;
}

/** An address with consumers at the edge router, or the edge router itself. */
export class EdgeConsumer extends AttachedConsumer {
  readonly cost = 0;

  constructor(link: SenderLink, key: string, address: string, peer: Peer, { addresses }: EdgeServingParts) {
    super(link, key, address, peer, addresses);
    addresses.addConsumer(key, this);
  }

  get meshId(): string | undefined {
    return this.peer.meshId;
  }

  accepts(transit: Transit): boolean {
    return transit.from !== this.peer.id && !this.isIn(transit.annotations?.ingressMesh);
  }

  meshChanged(): void {
    this.addresses.meshChanged(this.key);
  }

  isIn(meshId: string | undefined): boolean {
    return meshId !== undefined && this.peer.meshId === meshId;
  }
}

/** An address that the edge router has senders for: it is told while others than its own mesh consume it. */
export class EdgeProducer extends TargetedLink implements AddressWatcher, Endpoint {
  readonly link: ReceiverLink;
  private readonly key: string;
  private readonly peer: Peer;
  private readonly parts: EdgeServingParts;
  private told = false;

  constructor(link: ReceiverLink, address: string, peer: Peer, parts: EdgeServingParts) {
    super(address);
    this.link = link;
    this.key = hashKey(address, parts.routerId);
    this.peer = peer;
    this.parts = parts;
    parts.addresses.watch(this.key, this);
    this.tell();
  }

  reachable(): void {}

  changed(): void {
    this.tell();
  }

  /** Says what has changed since the last time. */
  tell(): void {
    const { tracking } = this.peer;
    const now = this.isReachable(this.parts.addresses.get(this.key));
    if (tracking === undefined || now === this.told) return;
    this.told = now;
    track(tracking, this.key, now);
  }

  gone(): void {
    this.parts.addresses.unwatch(this.key, this);
  }

  private isReachable(address: Address | undefined): boolean {
    if (address === undefined) return false;
    const elsewhere = (consumer: Candidate): boolean =>
      !(consumer instanceof EdgeConsumer && (consumer.peer === this.peer || consumer.isIn(this.peer.meshId)));
    const { meshId } = this.peer;
    // What is at another router but in the mesh of this edge router, it reaches without the network.
    for (const routerId of address.remotes) {
      if (meshId === undefined || address.remoteMeshes?.get(routerId) !== meshId) return true;
    }
    return address.consumers.some(elsewhere);
  }
}

function track(tracking: SenderLink, key: string, value: boolean): void {
  const delivery = tracking.deliver();
  const body = amqp.list([amqp.string(key), amqp.boolean(value)]);
  delivery.write(composeMessage({ header: { durable: false }, body }));
  delivery.end(false);
}

/** Tells an edge router of ours that this router drains, or does no more: it may have another. */
export function tellDraining({ tracking, isWatched }: Peer, draining: boolean): void {
  if (tracking !== undefined && isWatched) track(tracking, DRAINING_KEY, draining);
}

/** The edge router sends by this link. */
export function acceptEdgeSender(peer: Peer, link: ReceiverLink, attach: Attach, parts: EdgeServingParts): void {
  const address = attach.target?.address;
  if (address === MESH_DISCOVERY) {
    link.context = MESH_ID_MESSAGES;
    link.accept({ credit: 1 });
    return;
  }
  if (refused(link, address)) return;
  link.accept();
  link.grant(LINK_CAPACITY);
  // Without an address it is the uplink or carries streams: each message says where it goes.
  if (!address) return;
  const producer = new EdgeProducer(link, address, peer, parts);
  link.context = producer;
  peer.endpoints.add(producer);
}

/** The edge router receives by this link. @returns false when it may not consume that address */
export function acceptEdgeReceiver(peer: Peer, link: SenderLink, attach: Attach, parts: EdgeServingParts): boolean {
  const address = attach.source?.address;
  if (refused(link, address)) return true;
  link.context = peer;
  if (address === ADDRESS_TRACKING) {
    link.accept();
    peer.tracking = link;
    if (parts.isDraining()) tellDraining(peer, true);
    for (const endpoint of peer.endpoints) if (endpoint instanceof EdgeProducer) endpoint.tell();
    return true;
  }
  if (!address) {
    link.refuse({ condition: 'amqp:invalid-field', description: 'a source needs an address' });
    return true;
  }
  const isDownlink = attach.source?.capabilities?.includes(DOWNLINK_CAPABILITY) ?? false;
  const key = isDownlink ? `H${peer.containerId}` : hashKey(address, parts.routerId);
  if (!isDownlink && key.charCodeAt(0) !== MOBILE_CLASS) {
    const description = 'an edge router consumes mobile addresses, and what is for itself by its downlink';
    link.refuse({ condition: 'amqp:not-allowed', description });
    return false;
  }
  link.accept();
  peer.endpoints.add(new EdgeConsumer(link, key, address, peer, parts));
  return true;
}

/** The message that says which mesh the edge router is of. @returns false when it does not say it */
export function readMeshId(peer: Peer, message: Buffer): boolean {
  try {
    const meshId = parseHead(message, 'application-properties', true)?.applicationProperties?.get(MESH_ID_PROPERTY);
    if (meshId?.type !== 'string' || meshId.value.length !== MESH_ID_LENGTH) return false;
    peer.meshId = meshId.value;
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    return false;
  }
  for (const endpoint of peer.endpoints) {
    if (endpoint instanceof EdgeProducer) endpoint.tell();
    else if (endpoint instanceof EdgeConsumer) endpoint.meshChanged();
  }
  return true;
}

const MOBILE_CLASS = 'M'.charCodeAt(0);

function refused(link: ReceiverLink | SenderLink, address: string | undefined): boolean {
  if ((address?.length ?? 0) <= ADDRESS_LENGTH_MAX) return false;
  link.refuse({ condition: 'amqp:invalid-field', description: 'the address is too long' });
  return true;
}
