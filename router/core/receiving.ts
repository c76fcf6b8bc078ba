/**
 * Deliveries that arrive by links: collects each message's head until it can be routed, then passes octets on as they
 * come. Control messages go to the mesh whole.
 */
import type { DeliveryState } from '../amqp/codec/performatives.ts';
import type { TransferEvent } from '../amqp/engine/events.ts';
import { MessageError } from '../amqp/message/errors.ts';
import { type Head, parseHead } from '../amqp/message/head.ts';
import { FLAG_STREAMING, type RouterAnnotations } from '../amqp/message/router-annotations.ts';
import { ROUTERS_MAX } from '../mesh/limits.ts';
import { affinityOf } from './affinity.ts';
import { ClientProducer } from './client-links.ts';
import type { DeliveryCounters } from './delivery-counters.ts';
import type { EdgeNames } from './edge-names.ts';
import { TargetedLink } from './edge-protocol.ts';
import type { Forwarder } from './forwarder.ts';
import { isOurEdge } from './ingress.ts';
import { MESSAGE_HEAD_BYTES_MAX, MESSAGE_WINDOW_BYTES, WHOLE_MESSAGE_BYTES_MAX } from './limits.ts';
import { type InletParts, LinkInlet } from './link-ends.ts';
import { patienceOf } from './patience.ts';
import type { Peer } from './peer.ts';
import type { TreatmentTable } from './treatment.ts';

export interface ReceivingParts {
  routerId: string;
  forwarder: Forwarder;
  treatments: TreatmentTable;
  edgeNames: EdgeNames;
  /** Time of the turn, ms. */
  now: () => number;
  /** A message of another router that cannot be. */
  faulty: (peer: Peer, detail: string) => void;
}

/** A message whose head is whole. */
interface Arrived {
  head: Head;
  bytes: Buffer;
  /** `bytes` is all of it. */
  whole: boolean;
}

export class Receiving {
  private readonly parts: ReceivingParts;
  /** This router as it stands in ingress and trace. */
  private readonly node: string;
  readonly counters: DeliveryCounters;
  private readonly inletParts: InletParts;

  constructor(parts: ReceivingParts, counters: DeliveryCounters) {
    this.parts = parts;
    this.node = `0/${parts.routerId}`;
    this.counters = counters;
    this.inletParts = { rerouter: parts.forwarder, counters, now: parts.now };
  }

  /** A piece of a delivery on a data, streaming or client link. */
  transfer(peer: Peer, event: TransferEvent): void {
    const inlet = (event.delivery.context as LinkInlet | undefined) ?? this.begin(peer, event);
    if (event.aborted) {
      inlet.abort();
      return;
    }
    if (inlet.transit.routed) inlet.write(event.payload);
    else if (!inlet.refused) this.collect(inlet, peer, event);
    if (event.last) inlet.end(event.delivery.settled);
  }

  private begin(peer: Peer, event: TransferEvent): LinkInlet {
    const producer = event.delivery.link.context;
    const owner = producer instanceof ClientProducer ? producer : peer;
    if (producer instanceof ClientProducer) producer.delivered();
    if (event.delivery.settled) this.counters.presettled++;
    return new LinkInlet(event.delivery, peer, owner, this.inletParts);
  }

  private collect(inlet: LinkInlet, peer: Peer, event: TransferEvent): void {
    const bytes = inlet.collected ? Buffer.concat([inlet.collected, event.payload]) : event.payload;
    inlet.collected = bytes;
    let head: Head | undefined;
    try {
      head = parseHead(bytes, 'properties', event.last);
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      if (peer.role !== 'normal') this.parts.faulty(peer, error.message);
      this.refuse(inlet, { state: 'rejected', error: { condition: 'amqp:invalid-field', description: error.message } });
      return;
    }
    if (!head) {
      if (bytes.length > MESSAGE_HEAD_BYTES_MAX) this.refuse(inlet, HEAD_TOO_LARGE);
      return;
    }
    const producer = inlet.delivery.link.context;
    const flags = producer instanceof ClientProducer ? producer.flags : (head.annotations?.flags ?? 0);
    const streaming = (flags & FLAG_STREAMING) !== 0;
    if (event.last || streaming || bytes.length >= WHOLE_MESSAGE_BYTES_MAX) {
      inlet.collected = undefined;
      this.route(inlet, peer, { head, bytes, whole: event.last });
    }
  }

  private route(inlet: LinkInlet, peer: Peer, { head, bytes, whole }: Arrived): void {
    const transit = inlet.transit;
    const producer = inlet.delivery.link.context;
    const client = producer instanceof ClientProducer ? producer : undefined;
    const target = client?.address ?? (producer instanceof TargetedLink ? producer.address : undefined);
    const annotations = client?.withAnnotations === false ? undefined : this.annotationsOf(head, peer);
    const to = annotations?.toOverride ?? target ?? head.properties?.to;
    if (to === undefined) {
      this.refuse(inlet, NO_ADDRESS);
      return;
    }
    if ((annotations?.trace.length ?? 0) > ROUTERS_MAX) {
      this.parts.faulty(peer, 'a message has passed more routers than there can be');
      this.refuse(inlet, RELEASED);
      return;
    }
    // What entered the network here never comes back: it would be forged, or go in a circle.
    if (annotations?.ingress === this.node) {
      this.refuse(inlet, RELEASED);
      return;
    }
    if (head.deliveryAnnotations !== undefined && !client) {
      transit.affinity = affinityOf(head.deliveryAnnotations);
      transit.patienceMs = patienceOf(head.deliveryAnnotations);
      transit.headPatienceMs = transit.patienceMs;
    }
    transit.to = to;
    transit.whole = whole;
    transit.priority = this.parts.treatments.priorityOf(to) ?? head.header?.priority ?? DEFAULT_PRIORITY;
    const { trace = [], ingress = this.node, ingressMesh } = annotations ?? {};
    const flags = (annotations?.flags ?? 0) | (client?.flags ?? 0);
    transit.annotations = { flags, ingress, trace, ingressMesh, toOverride: annotations?.toOverride ?? target };
    // A router of ours puts large messages into sessions of their own, so no stream suffers.
    if (!whole && !transit.windowed && peer.isOurs && peer.streaming)
      inlet.delivery.link.session.narrowWindow(MESSAGE_WINDOW_BYTES);
    if (!whole && transit.windowed && !peer.isOurs && peer.role !== 'normal') wake(inlet);
    if (this.parts.forwarder.forward(transit, bytes.subarray(head.annotationsEndOffset))) return;
    this.refuse(inlet, client && this.parts.forwarder.isUnavailable(to) ? UNAVAILABLE : RELEASED);
  }

  /** What another router says of the message; an edge router's message enters the network here. */
  private annotationsOf({ annotations }: Head, peer: Peer): RouterAnnotations | undefined {
    if (peer.role === 'inter-edge') {
      // It carries no messages of others.
      const { flags = 0, toOverride } = annotations ?? {};
      return { flags, trace: [], toOverride, ingress: `0/${peer.containerId}` };
    }
    if (!isOurEdge(peer)) return annotations;
    const { flags = 0, toOverride, ingressMesh = peer.meshId } = annotations ?? {};
    return { flags, trace: [], toOverride, ingressMesh: this.parts.edgeNames.ownMeshId(peer.containerId, ingressMesh) };
  }

  /** Nothing of the message is passed on; what still comes of it is dropped. */
  private refuse(inlet: LinkInlet, state: DeliveryState): void {
    inlet.refused = true;
    inlet.collected = undefined;
    if (inlet.delivery.settled) {
      this.counters.droppedPresettled++;
      inlet.delivery.link.counters.droppedPresettled++;
    }
    inlet.update(state, true);
  }
}

/**
 * An original whose service fills the stream's buffer while the head is being sent never looks at it again, and the stream stands still
 * (3.5.1: 1 in 10 of them on a busy machine). More credit makes it look; by the time the head is here, it will not miss anything any more.
 */
function wake({ delivery }: LinkInlet): void {
  delivery.link.topUp();
}

/** AMQP's default (3.2.1). */
const DEFAULT_PRIORITY = 4;
const RELEASED: DeliveryState = { state: 'released' };
const UNAVAILABLE: DeliveryState = {
  state: 'rejected',
  error: { condition: 'amqp:not-found', description: 'Deliveries cannot be sent to an unavailable address' },
};
const HEAD_TOO_LARGE: DeliveryState = {
  state: 'rejected',
  error: { condition: 'amqp:invalid-field', description: 'the sections before the body are too large' },
};
const NO_ADDRESS: DeliveryState = {
  state: 'rejected',
  error: { condition: 'amqp:precondition-failed', description: 'Routing failure: no address present' },
};
