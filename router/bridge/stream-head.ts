/**
 * The sections before the raw octets of a stream (wire reference 6.1, 6.2): composing them for the two directions,
 * and taking them off an arriving stream whose first octets may come in any pieces.
 */
import { amqp } from '../amqp/codec/value.ts';
import { composeMessage } from '../amqp/message/compose.ts';
import { MessageError } from '../amqp/message/errors.ts';
import { type Head, parseHead } from '../amqp/message/head.ts';
import { FLAG_DISABLE_Q2, FLAG_STREAMING, type RouterAnnotations } from '../amqp/message/router-annotations.ts';
import { affinityAnnotations } from '../core/affinity.ts';
import { MESSAGE_HEAD_BYTES_MAX } from '../core/limits.ts';

export const STREAM_CONTENT_TYPE = 'application/octet-stream';
export const STREAM_FLAGS = FLAG_STREAMING | FLAG_DISABLE_Q2;

/** Version of the mapping of TCP to AMQP, in application property `V`. */
const MAPPING_VERSION = 1;

/**
 * A stream's head without router annotations.
 * @param client hash of the client's address, when its connections are to stay together
 * @param identity what the flow is called in records of it
 */
export function composeStreamHead(to: string, replyTo?: string, client?: number, identity?: string): Buffer {
  return composeMessage({
    deliveryAnnotations: client === undefined ? undefined : affinityAnnotations(client),
    properties: {
      to,
      replyTo,
      correlationId: identity === undefined ? undefined : amqp.string(identity),
      contentType: STREAM_CONTENT_TYPE,
    },
    applicationProperties: amqp.map([[amqp.string('V'), amqp.uint(MAPPING_VERSION)]]),
    body: amqp.null(),
  });
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
