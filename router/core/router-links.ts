/**
 * Connections between routers: what their opening says, which links are control, data and streaming links, and which
 * connections belong together (wire reference 1.3, 1.5, 2).
 *
 * A neighbour exists for the mesh once both control links are attached. Data connections wait until the control
 * connection of their group has come.
 */
import type { Attach } from '../amqp/codec/performatives.ts';
import { mapGet } from '../amqp/codec/value.ts';
import { LivenessGroup } from '../amqp/engine/liveness.ts';
import type { ReceiverLink } from '../amqp/engine/receiver-link.ts';
import type { SenderLink } from '../amqp/engine/sender-link.ts';
import { ControlPace } from './control-pace.ts';
import { LINK_CAPACITY } from './limits.ts';
import { PRODUCT } from './open.ts';
import {
  CONNECTION_TRUNKING,
  CONTROL,
  type Peer,
  PRIORITY_COUNT,
  ROUTER_CAPABILITY,
  ROUTER_DATA_CAPABILITY,
  STREAMING_LINKS,
} from './peer.ts';

/** Role code of a data connection in OPEN property `qd.inter-router-role`. */
const ROLE_INTER_ROUTER_DATA = 4;

/** Takes over what the other router's OPEN says. @returns a reason to refuse the connection */
export function readRouterOpen(peer: Peer, routerId: string): string | undefined {
  const open = peer.connection.remoteOpen!;
  peer.containerId = open.containerId;
  if (open.containerId === routerId) return `the other router has this router's own id ${routerId}`;
  const product = mapGet(open.properties, 'product');
  peer.isOurs = product?.type === 'string' && product.value === PRODUCT;
  const offered = open.offeredCapabilities ?? [];
  peer.streaming = offered.includes(STREAMING_LINKS);
  peer.trunking = offered.includes(CONNECTION_TRUNKING);
  peer.remoteCost = integerProperty(peer, 'qd.inter-router-cost') ?? 1;
  peer.cost = Math.max(peer.options.cost, peer.remoteCost);
  if (peer.options.dir === 'in' && peer.role === 'inter-router') {
    if (integerProperty(peer, 'qd.inter-router-role') === ROLE_INTER_ROUTER_DATA) peer.role = 'inter-router-data';
    const correlator = mapGet(open.properties, 'qd.group-correlator');
    if (correlator?.type === 'string') peer.groupCorrelator = correlator.value;
    peer.groupOrdinal = integerProperty(peer, 'qd.group-ordinal') ?? 0;
  }
  return undefined;
}

function integerProperty(peer: Peer, name: string): number | undefined {
  const value = mapGet(peer.connection.remoteOpen?.properties, name);
  return value && (value.type === 'int' || value.type === 'ulong') ? Number(value.value) : undefined;
}

/** The other router sends to us by this link. */
export function acceptRouterReceiver(peer: Peer, link: ReceiverLink, attach: Attach): void {
  const capability = attach.target?.capabilities?.[0] ?? attach.source?.capabilities?.[0];
  if (capability === ROUTER_CAPABILITY) {
    if (peer.pace !== undefined) {
      link.refuse({ condition: 'amqp:not-allowed', description: 'there is a control link already' });
      return;
    }
    link.context = CONTROL;
    link.accept({ autoCredit: false });
    peer.pace = new ControlPace(link);
    return;
  }
  if (capability === ROUTER_DATA_CAPABILITY && peer.dataReceiverCount < PRIORITY_COUNT) peer.dataReceiverCount++;
  link.accept();
  link.grant(peer.options.linkCapacity || LINK_CAPACITY);
}

/** The other router receives from us by this link. */
export function acceptRouterSender(peer: Peer, link: SenderLink, attach: Attach): void {
  const capability = attach.source?.capabilities?.[0] ?? attach.target?.capabilities?.[0];
  link.context = peer;
  if (capability === ROUTER_CAPABILITY) peer.control = link;
  else if (capability === ROUTER_DATA_CAPABILITY && peer.data.length < PRIORITY_COUNT) peer.data.push(link);
  link.accept();
}

/** Joins control and data connections that one connector made. */
export class ConnectionGroups {
  private readonly controls = new Map<string, Peer>();
  private readonly waiting = new Map<string, Set<Peer>>();
  /** Between the same two routers, of any ordinal. */
  private readonly alive = new Map<string, LivenessGroup>();

  /** From now on it counts as heard when any connection of its group is. */
  liveTogether(peer: Peer): void {
    const key = livenessKey(peer);
    if (key === undefined) return;
    let group = this.alive.get(key);
    if (group === undefined) {
      group = new LivenessGroup();
      this.alive.set(key, group);
    }
    peer.connection.joinGroup(group);
  }

  /** @returns the older control connection of the same group, whose place this one takes */
  addControl(peer: Peer): Peer | undefined {
    const key = groupKey(peer);
    if (key === undefined) return undefined;
    const older = this.controls.get(key);
    this.controls.set(key, peer);
    for (const member of this.waiting.get(key) ?? []) peer.members.push(member);
    return older === peer ? undefined : older;
  }

  addData(peer: Peer): void {
    const key = groupKey(peer);
    if (key === undefined) return;
    let waiting = this.waiting.get(key);
    if (!waiting) {
      waiting = new Set();
      this.waiting.set(key, waiting);
    }
    waiting.add(peer);
    this.controls.get(key)?.members.push(peer);
  }

  /** A control connection of the same connector has a higher ordinal: newer credentials. */
  isSucceeded(peer: Peer): boolean {
    for (const control of this.controls.values()) {
      const { groupCorrelator, groupOrdinal, containerId } = control;
      if (groupOrdinal <= peer.groupOrdinal || containerId !== peer.containerId) continue;
      if (groupCorrelator !== undefined && groupCorrelator === peer.groupCorrelator) return true;
    }
    return false;
  }

  remove(peer: Peer): void {
    peer.connection.leaveGroup();
    const alive = livenessKey(peer);
    if (alive !== undefined && this.alive.get(alive)?.memberCount === 0) this.alive.delete(alive);
    const key = groupKey(peer);
    if (key === undefined) return;
    if (this.controls.get(key) === peer) this.controls.delete(key);
    const waiting = this.waiting.get(key);
    if (!waiting?.delete(peer)) return;
    if (waiting.size === 0) this.waiting.delete(key);
    const members = this.controls.get(key)?.members;
    const at = members?.indexOf(peer) ?? -1;
    if (at >= 0) members!.splice(at, 1);
  }
}

function livenessKey({ containerId, groupCorrelator }: Peer): string | undefined {
  return groupCorrelator && `${containerId} ${groupCorrelator}`;
}

function groupKey(peer: Peer): string | undefined {
  return peer.groupCorrelator && `${peer.containerId} ${peer.groupCorrelator} ${peer.groupOrdinal}`;
}
