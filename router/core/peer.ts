/**
 * One AMQP connection as the core sees it, and, for connections between routers, the links on it: the control pair,
 * the ten pairs of data links by priority, and the pool of links that carry one stream after another (wire
 * reference 2). A connector's further connections ("data connections") are members of the control connection's
 * group and carry streams, so that bulk does not stand before control messages.
 */

import type { AmqpError } from '../amqp/codec/performatives.ts';
import type { Connection } from '../amqp/engine/connection.ts';
import type { IncomingDelivery } from '../amqp/engine/incoming-delivery.ts';
import type { OutgoingDelivery } from '../amqp/engine/outgoing-delivery.ts';
import type { SenderLink } from '../amqp/engine/sender-link.ts';
import type { Session } from '../amqp/engine/session.ts';
import { encodeRouterAnnotations } from '../amqp/message/router-annotations.ts';
import { ControlPace } from './control-pace.ts';
import type { EdgeNames } from './edge-names.ts';
import { EndpointSet } from './endpoint-set.ts';
import { LARGE_MESSAGE_SESSIONS_MAX, LINK_CAPACITY, PRE_SETTLED_WAITING_MAX, STREAM_SESSIONS_MAX } from './limits.ts';
import { type LinkEnd, LinkOutlet, type LinkOwner } from './link-ends.ts';
import { StreamLinks } from './stream-links.ts';
import type { Outlet, Transit } from './transit.ts';

export type PeerRole = 'normal' | 'inter-router' | 'inter-router-data' | 'edge' | 'inter-edge';

export interface PeerOptions {
  /** Name of the listener or connector entity. */
  entity: string;
  role: 'normal' | 'inter-router' | 'edge' | 'inter-edge';
  dir: 'in' | 'out';
  cost: number;
  /** Address of the other end, for people. */
  host: string;
  encrypted: boolean;
  /** The name the transport has authenticated, a certificate's subject. */
  user?: string;
  /** The site that the verified certificate of another router names. */
  site?: string;
  tls?: { protocol: string; cipher: string };
  /** Set by a connector on all connections of one group. */
  groupCorrelator?: string;
  groupOrdinal?: number;
  /** By which the transport was secured, and its ordinal then. */
  sslProfile?: string;
  tlsOrdinal?: number;
  /** A connector's data connection. */
  data: boolean;
  /** Which way the router's own message annotations (`x-opt-qd.*`) are taken off on links of clients; absent: both. */
  stripAnnotations?: 'in' | 'out' | 'both' | 'no';
  /** Deliveries that a link to this router may have under way; absent: LINK_CAPACITY. */
  linkCapacity?: number;
  /** Of the virtual host by which policies are looked up, in place of the OPEN's hostname. */
  policyVhost?: string;
  /** Fields of the OPEN beyond the router's own. */
  openProperties?: Readonly<Record<string, unknown>>;
  /** Where else a client may turn to, told in the OPEN. */
  failover?: readonly FailoverServer[];
}

/** An item of OPEN property `failover-server-list`, in its terms. */
export interface FailoverServer {
  host: string;
  port: string;
  scheme?: string;
  hostname?: string;
}

export const ROUTER_CAPABILITY = 'qd.router';
export const ROUTER_DATA_CAPABILITY = 'qd.router-data';
export const STREAMING_LINKS = 'qd.streaming-links';
export const CONNECTION_TRUNKING = 'qd.connection_trunking';
export const PRIORITY_COUNT = 10;

/** Context of the links that control messages arrive by. */
export const CONTROL = { control: true };
/** Context of the link by which an edge router names its mesh, and of the one by which it hears of addresses. */
export const MESH_ID_MESSAGES = { meshId: true };
export const TRACKING_MESSAGES = { tracking: true };
/** Context of the link by which edge routers negotiate the id of their mesh. */
export const MESH_BIDS = { bids: true };

export class Peer implements LinkOwner {
  readonly id: number;
  readonly connection: Connection;
  readonly options: PeerOptions;
  role: PeerRole;
  containerId = '';
  /** The higher one of both ends. */
  cost: number;
  remoteCost = 1;
  groupCorrelator: string | undefined;
  groupOrdinal: number;
  openedAt: number | undefined;
  /** With what the connection was closed, by either end. */
  closeError: AmqpError | undefined;
  /** Both ends know from heartbeats within two seconds when the other one is gone. */
  isWatched = false;
  /** It is a neighbour of the mesh. */
  linked = false;

  control: SenderLink | undefined;
  /** The links that data messages leave by, index is priority. */
  readonly data: SenderLink[] = [];
  /** Incoming data links so far: the first ten are priority links, later ones carry streams. */
  dataReceiverCount = 0;
  /** Data connections of this control connection's group. */
  readonly members: Peer[] = [];
  /** The other router puts streams on links of their own, and on members of the group. */
  streaming = false;
  trunking = false;

  /** Deliveries under way on this connection. */
  readonly ends = new Set<LinkEnd>();
  /** Links of a client, or of an edge router, that stand for an address. */
  readonly endpoints = new EndpointSet();
  /** The other end's links, ours left out. */
  linkCount = 0;
  /** Of the control link that the other router sends by. */
  pace: ControlPace | undefined;
  /** Of an edge router: the mesh it is of, and the link by which it hears what can be reached. */
  meshId: string | undefined;
  tracking: SenderLink | undefined;

  private readonly routerNode: string;
  private readonly ownMesh: { readonly id: string } | undefined;
  private readonly edgeNames: EdgeNames | undefined;
  private readonly linkName: () => string;
  private ours = false;
  /** For TCP flows; and for large messages, of which a single one can fill a session when nobody takes it. */
  private readonly streamLinks: StreamLinks;
  private readonly messageLinks: StreamLinks;
  /** By the link that it came by, the last large message that was sent on here. */
  private readonly large = new WeakMap<object, { delivery: OutgoingDelivery; to: string }>();
  private nextMember = 0;

  constructor(
    id: number,
    connection: Connection,
    options: PeerOptions,
    parts: {
      routerId: string;
      /** Of this router, if it is an edge router. */
      mesh?: { readonly id: string };
      edgeNames?: EdgeNames;
      linkName: () => string;
    },
  ) {
    this.id = id;
    this.connection = connection;
    this.options = options;
    this.role = options.data ? 'inter-router-data' : options.role;
    this.cost = options.cost;
    this.groupCorrelator = options.groupCorrelator;
    this.groupOrdinal = options.groupOrdinal ?? 0;
    this.routerNode = `0/${parts.routerId}`;
    this.ownMesh = parts.mesh;
    this.edgeNames = parts.edgeNames;
    this.linkName = parts.linkName;
    const attach = (session: Session): SenderLink => this.attachStreamLink(session);
    this.streamLinks = new StreamLinks(connection, { sessionsMax: STREAM_SESSIONS_MAX, attach });
    this.messageLinks = new StreamLinks(connection, {
      sessionsMax: LARGE_MESSAGE_SESSIONS_MAX,
      linksPerSession: 1,
      attach,
    });
  }

  /** The other router is one of ours. */
  get isOurs(): boolean {
    return this.ours;
  }

  set isOurs(isOurs: boolean) {
    this.ours = isOurs;
    this.streamLinks.isHeldUp = !isOurs;
    this.messageLinks.isHeldUp = !isOurs;
  }

  /**
   * Takes a transit towards this neighbour: whole messages by their priority's link, others on a link of their own.
   * @param wholeBy the link for whole messages where it is not their priority's
   */
  take(transit: Transit, wholeBy?: SenderLink): Outlet | undefined {
    const whole = wholeBy ?? this.dataLink(transit.priority);
    const link = this.behind(transit) ?? (transit.whole ? whole : (this.streamLink(transit.windowed) ?? whole));
    if (!link) return undefined;
    if (transit.preSettled && transit.whole && link.undeliveredCount >= PRE_SETTLED_WAITING_MAX) {
      link.counters.droppedPresettled++;
      return undefined;
    }
    const carrier = link.context as Peer;
    const delivery = link.deliver({ settled: transit.preSettled });
    if (link !== whole && !transit.windowed && transit.origin)
      this.large.set(transit.origin, { delivery, to: transit.to });
    const outlet = new LinkOutlet(delivery, transit, carrier, carrier);
    outlet.write(this.annotationsOf(transit));
    return outlet;
  }

  /**
   * The link on which a large message of the same sender to the same address is still under way, for what comes after it. Streams
   * have no order among each other, and one that stands still must hold up no other.
   */
  private behind(transit: Transit): SenderLink | undefined {
    if (transit.origin === undefined || transit.windowed) return undefined;
    const before = this.large.get(transit.origin);
    if (before === undefined || before.to !== transit.to) return undefined;
    const { complete, aborted, link } = before.delivery;
    return complete || aborted || link.gone ? undefined : link;
  }

  done(): void {}

  get asksForOutcome(): boolean {
    return !this.ours;
  }

  outletSent(link: SenderLink, aborted: boolean): void {
    const pool = this.poolOf(link);
    if (aborted) pool.brokenOff(link);
    else pool.release(link);
  }

  outletOver(link: SenderLink): void {
    this.poolOf(link).release(link);
  }

  inletSettled(_delivery: IncomingDelivery): void {}

  /** Forgets links that the peer detached. */
  linkGone(link: SenderLink): void {
    this.poolOf(link).forget(link);
    if (this.control === link) this.control = undefined;
    if (this.tracking === link) this.tracking = undefined;
  }

  private poolOf(link: SenderLink): StreamLinks {
    return this.messageLinks.has(link) ? this.messageLinks : this.streamLinks;
  }

  private dataLink(priority: number): SenderLink | undefined {
    for (let at = Math.min(priority, PRIORITY_COUNT - 1); at >= 0; at--) {
      const link = this.data[at];
      if (link) return link;
    }
    return undefined;
  }

  /** A link for one stream: on a member of the group where there is one, otherwise here. */
  private streamLink(isFlow: boolean): SenderLink | undefined {
    if (!this.streaming) return this.dataLink(PRIORITY_COUNT - 1);
    const members = this.trunking ? this.members : [];
    const carrier = members.length > 0 ? members[this.nextMember++ % members.length]! : this;
    return isFlow ? carrier.streamLinks.take() : carrier.messageLinks.take();
  }

  private attachStreamLink(session: Session): SenderLink {
    const capabilities = this.role === 'inter-router' ? [ROUTER_DATA_CAPABILITY] : undefined;
    const link = session.attachSender({
      name: this.linkName(),
      source: { expiryPolicy: 'link-detach', capabilities },
      target: { expiryPolicy: 'link-detach', capabilities },
    });
    link.context = this;
    return link;
  }

  /** The section that goes before a message to this neighbour. */
  annotationsOf(transit: Transit): Buffer {
    const at = transit.annotations;
    if (this.ownMesh !== undefined) {
      // The interior router is the first that counts.
      const { flags = 0, toOverride } = at ?? {};
      return encodeRouterAnnotations({ flags, toOverride, trace: [], ingressMesh: this.ownMesh.id });
    }
    if (this.role === 'edge' && this.isOurs && at?.ingressMesh !== undefined) {
      // It does not know the edge routers of others: it is told the one that the message came from.
      const { flags, toOverride, ingress = this.routerNode, ingressMesh } = at;
      const edgeId = this.edgeNames?.find(ingress.slice('0/'.length), ingressMesh);
      const trace = [...at.trace, this.routerNode];
      if (edgeId !== undefined) return encodeRouterAnnotations({ flags, toOverride, ingress: `0/${edgeId}`, trace });
    }
    return encodeRouterAnnotations({
      flags: at?.flags ?? 0,
      toOverride: at?.toOverride,
      ingress: at?.ingress ?? this.routerNode,
      trace: at ? [...at.trace, this.routerNode] : [this.routerNode],
      ingressMesh: at?.ingressMesh,
    });
  }

  /** Opens what a dialling router opens at once: the control pair, then ten data pairs in order of priority. */
  openRouterLinks(): void {
    const attachPair = (capability: string): SenderLink => {
      const session = this.connection.begin();
      const terminus = { expiryPolicy: 'link-detach', capabilities: [capability] };
      const receiver = session.attachReceiver({ name: this.linkName(), source: terminus, target: terminus });
      if (capability === ROUTER_CAPABILITY) {
        receiver.context = CONTROL;
        this.pace = new ControlPace(receiver);
      } else receiver.grant(this.options.linkCapacity || LINK_CAPACITY);
      const sender = session.attachSender({ name: this.linkName(), source: terminus, target: terminus });
      sender.context = this;
      return sender;
    };
    this.control = attachPair(ROUTER_CAPABILITY);
    for (let priority = 0; priority < PRIORITY_COUNT; priority++) this.data.push(attachPair(ROUTER_DATA_CAPABILITY));
    this.dataReceiverCount = PRIORITY_COUNT;
  }
}
