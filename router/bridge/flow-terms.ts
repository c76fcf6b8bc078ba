/**
 * What the two ends of a flow tell each other with the heads of its streams, when both are routers of ours: one delivery
 * annotation, a map. The listener's end says it in every head, the connector's end answers it, and by that each knows that the other
 * understands. Other routers pass it on and ignore it.
 *
 * It is no part of the octets of the flow, and nothing of it is repeated later. Keys that are not known are passed over.
 */
import { amqp, mapGet, type Typed } from '../amqp/codec/value.ts';

export const FLOW_ANNOTATION = 'x-opt-skuprt-flow';
const OFFER = 'offer';

export interface FlowTerms {
  /** Octets that who says it can take at the beginning, in KiB; 0: nothing said. */
  readonly offerKib: number;
}

/** As a pair of the delivery annotations. */
export function flowAnnotation({ offerKib }: FlowTerms): readonly [Typed, Typed] {
  return [amqp.symbol(FLOW_ANNOTATION), amqp.map([[amqp.symbol(OFFER), amqp.uint(offerKib)]])];
}

/** Undefined when the other end is none of ours, or does not know of this. */
export function flowTermsOf(deliveryAnnotations: Typed | undefined): FlowTerms | undefined {
  if (deliveryAnnotations?.type !== 'map') return undefined;
  const terms = mapGet(deliveryAnnotations, FLOW_ANNOTATION);
  if (terms?.type !== 'map') return undefined;
  const offer = mapGet(terms, OFFER);
  return { offerKib: offer?.type === 'uint' ? offer.value : 0 };
}
