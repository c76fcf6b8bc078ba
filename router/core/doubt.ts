/**
 * Doubt: a router on the way sends a flow's stream elsewhere when the first way is lost or refused, as long as nothing but the
 * head has passed it. Whoever had it may have answered all the same, and the listener's end may have taken that answer.
 *
 * So a delivery annotation says that there may be another answer: the connector's end gives nothing to its backend before the
 * listener's end has confirmed that it is the one (docs/adr/0027). The listener's end itself, sending its stream again, knows, and gives a
 * new address for the answer instead.
 */
import { mapGet, type Typed } from '../amqp/codec/value.ts';
import { withDeliveryAnnotation } from '../amqp/message/delivery-annotation.ts';

const ANNOTATION = 'x-opt-skuprt-again';

/** A stream's head, without router annotations, that says it. */
export function withDoubt(head: Buffer): Buffer {
  return withDeliveryAnnotation(head, ANNOTATION, 1);
}

export function isDoubted(deliveryAnnotations: Typed | undefined): boolean {
  return deliveryAnnotations?.type === 'map' && mapGet(deliveryAnnotations, ANNOTATION) !== undefined;
}
