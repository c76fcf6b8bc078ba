/**
 * What happens on connections, handed to the part that it concerns: openings and links to `router-links` and
 * `client-links`, deliveries to `receiving` and to the ends of their transits, control messages to the mesh.
 */
import type { Attach } from '../amqp/codec/performatives.ts';
import type { AnyLink, ConnectionEvent, TransferEvent } from '../amqp/engine/events.ts';
import type { ReceiverLink } from '../amqp/engine/receiver-link.ts';
import type { SenderLink } from '../amqp/engine/sender-link.ts';
import { CONTROL_MESSAGE_BYTES_MAX } from '../mesh/limits.ts';
import { acceptClientReceiver, acceptClientSender, type ClientLinkParts } from './client-links.ts';
import { costOf } from './drain.ts';
import { acceptEdgeReceiver, acceptEdgeSender, readMeshId } from './edge-serving.ts';
import type { Effects, LogLevel } from './effects.ts';
import { IDENTITY_MESSAGES } from './identity-links.ts';
import { isOfRouter } from './inter-edge.ts';
import { EDGE_MESSAGE_BYTES_MAX, LINKS_PER_CONNECTION_MAX } from './limits.ts';
import { LinkInlet, LinkOutlet } from './link-ends.ts';
import { LinkPolicies } from './link-policies.ts';
import type { LogModule } from './log-modules.ts';
import { hurryWithOwnKind, identify } from './open.ts';
import {
  CONTROL,
  MESH_BIDS,
  MESH_ID_MESSAGES,
  type Peer,
  ROUTER_CAPABILITY,
  ROUTER_DATA_CAPABILITY,
  TRACKING_MESSAGES,
} from './peer.ts';
import type { Receiving } from './receiving.ts';
import type { Router } from './router.ts';
import { acceptRouterReceiver, acceptRouterSender, ConnectionGroups, readRouterOpen } from './router-links.ts';

export interface ConnectionEventsParts {
  effects: Effects;
  receiving: Receiving;
  clientLinks: ClientLinkParts;
}

export class ConnectionEvents {
  private readonly router: Router;
  private readonly parts: ConnectionEventsParts;
  private readonly groups = new ConnectionGroups();
  private readonly links: LinkPolicies;

  constructor(router: Router, parts: ConnectionEventsParts) {
    this.router = router;
    this.parts = parts;
    this.links = new LinkPolicies(router, (peer, { by, reason }) =>
      this.log('warn', 'link would be refused by a policy in dry run', peer, 'POLICY', { ...by, reason }),
    );
  }

  /** Policies may have changed. */
  tick(now: number): void {
    for (const [peer, reason] of this.links.changed()) this.refused(peer, reason, now);
  }

  /** Handles all that a connection has to tell. */
  drain(peer: Peer, now: number): void {
    const connection = peer.connection;
    for (let event = connection.nextEvent(); event; event = connection.nextEvent()) this.handle(peer, event, now);
  }

  /** The connection is gone: its neighbour, its links and all deliveries on it are lost. */
  lost(peer: Peer, now: number): void {
    if (!this.router.peers.delete(peer.id)) return;
    if (peer.linked) {
      this.router.mesh.linkDown(peer.id, now);
      this.log('warn', 'link down', peer, 'ROUTER_LS');
      // What was under way here finds the ways that are left.
      this.router.step(now);
    }
    if (isOfRouter(peer) && peer.openedAt !== undefined) this.log('warn', 'edge link down', peer, 'ROUTER_CORE');
    this.groups.remove(peer);
    this.router.identity?.links.lost(peer, now);
    this.router.uplinks?.lost(peer);
    this.router.interEdge?.lost(peer);
    // Nothing is sent on by way of others.
    if (peer.linked || peer.options.dir === 'out') this.router.forwarder.peerLost(peer);
    for (const endpoint of peer.endpoints) endpoint.gone();
    peer.endpoints.clear();
    const isOneOfGroup = peer.role === 'inter-router-data';
    for (const end of [...peer.ends]) end.connectionLost(isOneOfGroup);
    peer.ends.clear();
  }

  private handle(peer: Peer, event: ConnectionEvent, now: number): void {
    switch (event.type) {
      case 'transfer':
        if (isOwnMessage(event.delivery.link.context)) this.ownMessage(peer, event, now);
        else this.parts.receiving.transfer(peer, event);
        break;
      case 'disposition':
        if (event.delivery.context instanceof LinkOutlet)
          event.delivery.context.disposition(event.state, event.settled);
        else if (event.delivery.context instanceof LinkInlet) {
          event.delivery.context.senderUpdate(event.state, event.settled);
        }
        break;
      case 'sent':
        if (event.delivery.context instanceof LinkOutlet) event.delivery.context.sent();
        break;
      case 'flow':
        this.credit(peer, event.link, now);
        break;
      case 'opened':
        this.opened(peer, now);
        break;
      case 'attach':
        peer.linkCount++;
        if (peer.linkCount > LINKS_PER_CONNECTION_MAX) this.tooManyLinks(peer, now);
        else this.attach(peer, event.link, event.attach, now);
        break;
      case 'detach':
        this.detached(peer, event.link, now);
        break;
      case 'closed':
        this.closed(peer, event, now);
        break;
      case 'attached':
      case 'end':
        break;
    }
  }

  private opened(peer: Peer, now: number): void {
    peer.openedAt = now;
    peer.containerId = peer.connection.remoteOpen!.containerId;
    identify(peer);
    if (peer.role === 'normal') return;
    const isWatched = hurryWithOwnKind(peer.connection);
    const refusal = readRouterOpen(peer, this.router.id);
    if (refusal !== undefined) {
      this.log('error', 'connection refused', peer, 'SERVER', { reason: refusal });
      this.router.close(peer.id, 'amqp:not-allowed', refusal, now);
      return;
    }
    const identities = this.router.identity?.links;
    const reason = identities?.refusal(peer) ?? this.links.refusal(peer);
    if (reason !== undefined) {
      this.refused(peer, reason, now);
      return;
    }
    identities?.opened(peer, now);
    if (isWatched) this.groups.liveTogether(peer);
    peer.isWatched = isWatched;
    if (isOfRouter(peer)) {
      this.log('info', 'edge link up', peer, 'ROUTER_CORE');
      this.parts.effects.push({ type: 'link-up', connection: peer.id });
      if (peer.role === 'inter-edge') this.router.interEdge?.opened(peer);
      else if (peer.options.dir === 'out') this.router.uplinks?.opened(peer);
      return;
    }
    if (peer.role === 'inter-router-data') {
      this.groups.addData(peer);
      return;
    }
    const older = this.groups.addControl(peer);
    if (older)
      this.router.close(older.id, 'amqp:connection:forced', 'a newer connection of the same connector took over', now);
    if (peer.options.dir === 'out') peer.openRouterLinks();
  }

  private refused(peer: Peer, reason: string, now: number): void {
    this.log('error', 'connection refused', peer, 'SERVER', { reason });
    this.router.close(peer.id, 'amqp:unauthorized-access', reason, now);
  }

  /** Each costs memory: a peer that has so many and wants more has lost count. */
  private tooManyLinks(peer: Peer, now: number): void {
    const detail = `more than ${LINKS_PER_CONNECTION_MAX} links on one connection`;
    this.router.faults.record(peer, 'links', detail, now);
    this.router.close(peer.id, 'amqp:resource-limit-exceeded', detail, now);
  }

  private attach(peer: Peer, link: AnyLink, attach: Attach, now: number): void {
    const receiving = attach.role === 'sender';
    if (this.router.identity?.links.attached(peer, link, attach)) return;
    if (peer.role === 'inter-router' || peer.role === 'inter-router-data') {
      if (receiving) acceptRouterReceiver(peer, link as ReceiverLink, attach);
      else acceptRouterSender(peer, link as SenderLink, attach);
      return;
    }
    if (peer.role === 'edge' && !attach.source?.dynamic) {
      this.attachEdge(peer, link, attach, now);
      return;
    }
    if (peer.role === 'inter-edge') {
      if (receiving) this.router.interEdge?.acceptReceiver(link as ReceiverLink, attach);
      else if (!this.router.interEdge?.acceptSender(peer, link as SenderLink, attach)) this.notOwned(peer, attach, now);
      return;
    }
    const capability = attach.target?.capabilities?.[0] ?? attach.source?.capabilities?.[0];
    if (capability === ROUTER_CAPABILITY || capability === ROUTER_DATA_CAPABILITY) {
      link.refuse({ condition: 'qd:forbidden', description: 'router links need a connection of role inter-router' });
    } else if (receiving) acceptClientSender(peer, link as ReceiverLink, attach, this.parts.clientLinks);
    else acceptClientReceiver(peer, link as SenderLink, attach, this.parts.clientLinks);
  }

  private attachEdge(peer: Peer, link: AnyLink, attach: Attach, now: number): void {
    const receiving = attach.role === 'sender';
    if (peer.options.dir === 'in') {
      if (receiving) acceptEdgeSender(peer, link as ReceiverLink, attach, this.parts.clientLinks);
      else if (!acceptEdgeReceiver(peer, link as SenderLink, attach, this.parts.clientLinks)) {
        this.notOwned(peer, attach, now);
      }
    } else if (receiving) acceptRouterReceiver(peer, link as ReceiverLink, attach);
    else link.refuse({ condition: 'amqp:not-allowed', description: 'an edge router says itself what it receives' });
  }

  private notOwned(peer: Peer, { source }: Attach, now: number): void {
    this.router.faults.record(peer, 'address-not-owned', `it wants to consume '${source?.address ?? ''}'`, now);
  }

  /** The first credit on the control link makes the other router a neighbour. */
  private credit(peer: Peer, link: AnyLink, now: number): void {
    if (peer.role === 'inter-edge') this.router.interEdge?.credit(peer, link);
    if (link !== peer.control || peer.linked || link.credit === 0) return;
    peer.linked = true;
    const facts = {
      cost: costOf(this.router, peer),
      precedence: peer.groupOrdinal,
      router: peer.containerId,
      isWatched: peer.isWatched,
    };
    this.router.mesh.linkUp(peer.id, facts, now);
    this.log('info', 'link up', peer, 'ROUTER_LS', { cost: peer.cost });
    this.parts.effects.push({ type: 'link-up', connection: peer.id });
  }

  private detached(peer: Peer, link: AnyLink, now: number): void {
    if (peer.role === 'inter-edge') this.router.interEdge?.detached(peer, link);
    if (peer.linkCount > 0) peer.linkCount--;
    const endpoint = peer.endpoints.of(link);
    if (endpoint !== undefined) {
      endpoint.gone();
      peer.endpoints.delete(endpoint);
    }
    if ((link.context === CONTROL || link === peer.control) && this.groups.isSucceeded(peer)) {
      // Its flows go on; the mesh changes to the newer connection as soon as that is heard on.
      if (link === peer.control) peer.control = undefined;
      return;
    }
    if (link.context === CONTROL || link === peer.control) {
      this.router.close(peer.id, 'amqp:not-allowed', 'a control link was detached', now);
      return;
    }
    for (const end of [...peer.ends]) if (end.delivery.link === link) end.connectionLost();
    if (link.context === peer) peer.linkGone(link as SenderLink);
  }

  private closed(peer: Peer, event: ConnectionEvent & { type: 'closed' }, now: number): void {
    if (event.by === 'protocol' && event.error) {
      const { condition } = event.error;
      this.router.protocolErrors.set(condition, (this.router.protocolErrors.get(condition) ?? 0) + 1);
    }
    if (event.error) {
      const { condition, description } = event.error;
      peer.closeError = event.error;
      this.log(event.by === 'protocol' ? 'error' : 'warn', 'connection closed', peer, 'SERVER', {
        by: event.by,
        condition,
        description,
      });
    }
    this.lost(peer, now);
    // Its transport still carries our close: the driver takes that before it ends the transport.
    this.router.closing.set(peer.id, peer);
    this.parts.effects.push({ type: 'connection-close', connection: peer.id, vanished: peer.connection.silent });
  }

  /** A message of one router to another about themselves: it is collected whole. */
  private ownMessage(peer: Peer, event: TransferEvent, now: number): void {
    const delivery = event.delivery;
    if (event.aborted) return;
    const collected = delivery.context as Collected | undefined;
    const sizeBytes = (collected?.sizeBytes ?? 0) + event.payload.length;
    if (sizeBytes > (delivery.link.context === CONTROL ? CONTROL_MESSAGE_BYTES_MAX : EDGE_MESSAGE_BYTES_MAX)) {
      const detail = 'a message between routers about themselves is too large';
      this.router.close(peer.id, 'amqp:link:message-size-exceeded', detail, now);
      return;
    }
    if (!event.last) {
      if (collected) {
        collected.pieces.push(event.payload);
        collected.sizeBytes = sizeBytes;
      } else delivery.context = { pieces: [event.payload], sizeBytes };
      return;
    }
    const message = collected ? Buffer.concat([...collected.pieces, event.payload]) : event.payload;
    if (!delivery.settled) delivery.update({ state: 'accepted' }, true);
    const { context } = delivery.link;
    if (context === CONTROL) {
      this.control(peer, message, now);
      return;
    }
    if (context === IDENTITY_MESSAGES) {
      this.router.identity?.links.heard(peer, message, now);
      return;
    }
    let isHeard: boolean | undefined;
    if (context === MESH_ID_MESSAGES) isHeard = readMeshId(peer, message);
    else if (context === MESH_BIDS) isHeard = this.router.interEdge?.heard(peer, message);
    else isHeard = this.router.uplinks?.tracked(peer, message);
    if (isHeard === false) this.router.faults.record(peer, 'edge-message', 'it says nothing that can be used', now);
  }

  private control(peer: Peer, message: Buffer, now: number): void {
    this.router.mesh.receive(peer.id, message, now);
    if (peer.pace?.took(message.length, now) !== false) return;
    this.router.faults.record(peer, 'control-flood', 'it sends control messages faster than they are taken', now);
  }

  private log(
    level: LogLevel,
    message: string,
    peer: Peer,
    module: LogModule,
    more: Record<string, unknown> = {},
  ): void {
    const fields = {
      connection: peer.id,
      peer: peer.containerId,
      entity: peer.options.entity,
      host: peer.options.host,
    };
    this.parts.effects.log(level, message, { ...fields, ...more }, module);
  }
}

function isOwnMessage(context: object | undefined): boolean {
  return context !== undefined && OWN_MESSAGES.has(context);
}

const OWN_MESSAGES = new Set<object>([CONTROL, MESH_ID_MESSAGES, TRACKING_MESSAGES, MESH_BIDS, IDENTITY_MESSAGES]);

/** A control message that is still arriving. */
interface Collected {
  pieces: Buffer[];
  sizeBytes: number;
}
