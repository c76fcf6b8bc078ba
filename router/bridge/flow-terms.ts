/**
 * What the two ends of a flow tell each other with the heads of its streams, when both are routers of ours: one delivery
 * annotation, a map. The listener's end says it in every head, the connector's end answers it, and by that each knows that the other
 * understands. Other routers pass it on and ignore it.
 *
 * It is no part of the octets of the flow, and nothing of it is repeated later. Keys that are not known are passed over.
 * The heads of streams by which a flow goes on over another way say more (docs/adr/0027).
 */
import { amqp, mapGet, type Typed } from '../amqp/codec/value.ts';
import { CLAIM_BYTES_MAX } from '../identity/limits.ts';

export const FLOW_ANNOTATION = 'x-opt-skuprt-flow';
/** Beyond it, it is no address. */
const ADDRESS_LENGTH_MAX = 512;
/** Beyond it, it is no `traceparent`. */
const TRACE_LENGTH_MAX = 128;

export interface FlowTerms {
  /** Octets that who says it can take at the beginning, in KiB; 0: nothing said. */
  readonly offerKib: number;
  /** Offered, and taken: the flow may go on over another way, and this says which flow is meant. */
  readonly token?: number;
  /** For how long it may be without a way, ms. */
  readonly limitMs?: number;
  /** Where the connector's end is reached as long as the flow lives. */
  readonly address?: string;
  /** Counts the ways that the flow has had; the first is 0. */
  readonly epoch?: number;
  /** Octets that have come since the flow began, in order, and those of them that the socket has taken. */
  readonly received?: number;
  readonly written?: number;
  /** Who the client is, signed by the listener's router (docs/adr/0032). */
  readonly claim?: string;
  /** Of a flow that is traced: the W3C `traceparent` that the other end's spans belong to. */
  readonly trace?: string;
}

/** As a pair of the delivery annotations. */
export function flowAnnotation(terms: FlowTerms): readonly [Typed, Typed] {
  const fields: [Typed, Typed][] = [[amqp.symbol('offer'), amqp.uint(terms.offerKib)]];
  const { token, limitMs, address, epoch, received, written, claim, trace } = terms;
  if (token !== undefined) fields.push([amqp.symbol('token'), amqp.ulong(token)]);
  if (limitMs !== undefined) fields.push([amqp.symbol('limit'), amqp.uint(limitMs)]);
  if (address !== undefined) fields.push([amqp.symbol('address'), amqp.string(address)]);
  if (epoch !== undefined) fields.push([amqp.symbol('epoch'), amqp.uint(epoch)]);
  if (received !== undefined) fields.push([amqp.symbol('received'), amqp.ulong(received)]);
  if (written !== undefined) fields.push([amqp.symbol('written'), amqp.ulong(written)]);
  if (claim !== undefined) fields.push([amqp.symbol('claim'), amqp.string(claim)]);
  if (trace !== undefined) fields.push([amqp.symbol('trace'), amqp.string(trace)]);
  return [amqp.symbol(FLOW_ANNOTATION), amqp.map(fields)];
}

/** Undefined when the other end is none of ours, or does not know of this. */
export function flowTermsOf(deliveryAnnotations: Typed | undefined): FlowTerms | undefined {
  if (deliveryAnnotations?.type !== 'map') return undefined;
  const terms = mapGet(deliveryAnnotations, FLOW_ANNOTATION);
  if (terms?.type !== 'map') return undefined;
  const address = mapGet(terms, 'address');
  const trace = mapGet(terms, 'trace');
  const claim = mapGet(terms, 'claim');
  const isAddress = address?.type === 'string' && address.value.length <= ADDRESS_LENGTH_MAX;
  return {
    offerKib: numberOf(terms, 'offer') ?? 0,
    token: numberOf(terms, 'token'),
    limitMs: numberOf(terms, 'limit'),
    address: isAddress ? address.value : undefined,
    epoch: numberOf(terms, 'epoch'),
    received: numberOf(terms, 'received'),
    written: numberOf(terms, 'written'),
    claim: claim?.type === 'string' && claim.value.length <= CLAIM_BYTES_MAX ? claim.value : undefined,
    trace: trace?.type === 'string' && trace.value.length <= TRACE_LENGTH_MAX ? trace.value : undefined,
  };
}

/** Only what is exact counts. */
function numberOf(terms: Typed, key: string): number | undefined {
  const value = mapGet(terms, key);
  if ((value?.type !== 'ulong' && value?.type !== 'uint') || typeof value.value !== 'number') return undefined;
  return value.value;
}
