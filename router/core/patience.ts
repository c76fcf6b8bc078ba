/**
 * Patience: how long a backend may take to answer while the flow has another way, in milliseconds.
 *
 * Whoever sends a stream on and could send it elsewhere says so with it, by a delivery annotation; the router that dials
 * gives the flow back when the time is over, as one that was refused, and at once when it passes its connectors over. What
 * waiting has cost a flow at a router is taken off its later tries there. The last way has no annotation and all the
 * time. Other routers pass the annotation on and wait as ever (docs/adr/0022).
 */
import type { Typed } from '../amqp/codec/value.ts';
import { mapGet } from '../amqp/codec/value.ts';
import { withDeliveryAnnotation } from '../amqp/message/delivery-annotation.ts';
import { sectionCode } from '../amqp/message/head.ts';
import { sectionCodes } from '../amqp/message/sections.ts';
import { DIAL_PATIENCE_MIN_MS, DIAL_PATIENCE_MS } from './limits.ts';

const ANNOTATION = 'x-opt-skuprt-patience';

/** Undefined when whoever sent the stream knows no other way. */
export function patienceOf(deliveryAnnotations: Typed | undefined): number | undefined {
  if (deliveryAnnotations?.type !== 'map') return undefined;
  const value = mapGet(deliveryAnnotations, ANNOTATION);
  return value?.type === 'uint' ? Math.min(Math.max(value.value, DIAL_PATIENCE_MIN_MS), DIAL_PATIENCE_MS) : undefined;
}

/** A stream's head, without router annotations, that says it. */
export function withPatience(head: Buffer, patienceMs: number | undefined): Buffer {
  // Nearly all of them: a first try, of a stream that says nothing else.
  if (patienceMs === DIAL_PATIENCE_MS && (sectionCode(head, 0) ?? 0) > sectionCodes.deliveryAnnotations) {
    return Buffer.concat([ALL_OF_IT, head]);
  }
  return withDeliveryAnnotation(head, ANNOTATION, patienceMs);
}

const ALL_OF_IT = withDeliveryAnnotation(Buffer.alloc(0), ANNOTATION, DIAL_PATIENCE_MS);

/** @param waitedMs since the stream was first sent on here */
export function patienceLeft(patienceMs: number | undefined, waitedMs: number): number {
  return Math.max(DIAL_PATIENCE_MIN_MS, Math.round((patienceMs ?? DIAL_PATIENCE_MS) - waitedMs));
}
