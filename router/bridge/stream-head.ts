/**
 * The sections before the raw octets of a stream (wire reference 6.1, 6.2): composing them for the two directions,
 * and taking them off an arriving stream whose first octets may come in any pieces.
 */
import { amqp, type Typed } from '../amqp/codec/value.ts';
import { composeMessage } from '../amqp/message/compose.ts';
import { MessageError } from '../amqp/message/errors.ts';
import { type Head, parseHead } from '../amqp/message/head.ts';
import { FLAG_DISABLE_Q2, FLAG_STREAMING, type RouterAnnotations } from '../amqp/message/router-annotations.ts';
import { affinityAnnotations } from '../core/affinity.ts';
import { type ClientEnds, parseClient } from '../core/client-ends.ts';
import { MESSAGE_HEAD_BYTES_MAX } from '../core/limits.ts';
import { type FlowTerms, flowAnnotation } from './flow-terms.ts';

export const STREAM_CONTENT_TYPE = 'application/octet-stream';
export const STREAM_FLAGS = FLAG_STREAMING | FLAG_DISABLE_Q2;

/** Version of the mapping of TCP to AMQP, in application property `V`. */
const MAPPING_VERSION = 1;
/** The application property that carries what a TLS client has agreed on, so that the other end offers the backend the same. */
const ALPN = 'alpn';
/** The application property that carries who the client is (`client-ends.ts`). */
const CLIENT = 'client';
/** RFC 7301: a name is told in one octet's length. */
const ALPN_OCTETS_MAX = 255;

/**
 * A stream's head without router annotations.
 * @param client hash of the client's address, when its connections are to stay together
 * @param identity what the flow is called in records of it
 * @param alpn the application protocol that the client's TLS handshake has agreed on
 * @param ends who the client is, as `clientText` says it
 * @param terms what this end tells the other when it is a router of ours
 */
export function composeStreamHead(
  to: string,
  replyTo?: string,
  client?: number,
  identity?: string,
  alpn?: string,
  ends?: string,
  terms?: FlowTerms,
): Buffer {
  const more: (readonly [Typed, Typed])[] = [];
  if (alpn !== undefined) more.push([amqp.string(ALPN), amqp.string(alpn)]);
  if (ends !== undefined) more.push([amqp.string(CLIENT), amqp.string(ends)]);
  return composeMessage({
    deliveryAnnotations: annotationsOf(client, terms),
    properties: {
      to,
      replyTo,
      correlationId: identity === undefined ? undefined : amqp.string(identity),
      contentType: STREAM_CONTENT_TYPE,
    },
    applicationProperties: amqp.map([[amqp.string('V'), amqp.uint(MAPPING_VERSION)], ...more]),
    body: amqp.null(),
  });
}

/** The head of the stream that answers another. */
export function composeAnswerHead(to: string, terms: FlowTerms | undefined): Buffer {
  return composeStreamHead(to, undefined, undefined, undefined, undefined, undefined, terms);
}

function annotationsOf(client: number | undefined, terms: FlowTerms | undefined): Typed | undefined {
  const bound = client === undefined ? undefined : affinityAnnotations(client);
  if (terms === undefined) return bound;
  return amqp.map([...(bound?.value ?? []), flowAnnotation(terms)]);
}

/** The application protocol in a stream's head; a name that cannot be one is none. */
export function alpnOf({ applicationProperties }: Head): string | undefined {
  const alpn = applicationProperties?.get(ALPN);
  if (alpn?.type !== 'string' || alpn.value === '' || Buffer.byteLength(alpn.value) > ALPN_OCTETS_MAX) return undefined;
  return alpn.value;
}

/** The client in a stream's head; one that cannot be one is none. */
export function clientOf({ applicationProperties }: Head): ClientEnds | undefined {
  const client = applicationProperties?.get(CLIENT);
  return client?.type === 'string' ? parseClient(client.value) : undefined;
}

export function streamAnnotations(routerId: string): RouterAnnotations {
  return { flags: STREAM_FLAGS, ingress: `0/${routerId}`, trace: [] };
}

/** Collects a stream's head. */
export class StreamHeadReader {
  private collected: Buffer | undefined;

  /** @returns undefined while the head is not whole; then the head, undefined if it is none, and the octets after it */
  read(bytes: Buffer): { head: Head | undefined; rest: Buffer } | undefined {
    const all = this.collected ? Buffer.concat([this.collected, bytes]) : bytes;
    try {
      const head = parseHead(all, 'body');
      if (head?.bodyEndOffset !== undefined) return { head, rest: all.subarray(head.bodyEndOffset) };
    } catch (error) {
      if (error instanceof MessageError) return { head: undefined, rest: all };
      throw error;
    }
    if (all.length > MESSAGE_HEAD_BYTES_MAX) return { head: undefined, rest: all };
    this.collected = all;
    return undefined;
  }
}
