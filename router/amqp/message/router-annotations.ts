/**
 * The router annotations section: what one router tells the next about a message on its way, before the AMQP header
 * (skupper-router's vendor section "SKPR--RA", docs/notes/router-annotations.adoc there).
 *
 * A described list whose descriptor has the 8-octet form only. Each router that passes a message on writes a section anew and
 * leaves everything behind it untouched.
 */
import { decodeValue, type Reader } from '../codec/reader.ts';
import type { Typed } from '../codec/value.ts';
import { Writer, writeString, writeUint } from '../codec/writer.ts';
import { MessageError } from './errors.ts';

export const FLAG_STREAMING = 1;
export const FLAG_RESEND_RELEASED = 2;
export const FLAG_DISABLE_Q2 = 4;

export interface RouterAnnotations {
  /** FLAG_* bits. */
  readonly flags: number;
  /** Routes the message instead of its `to` property. */
  readonly toOverride?: string;
  /** `0/<router id>` of the first interior router. */
  readonly ingress?: string;
  /** `0/<router id>` of the routers passed, oldest first, the sender's last. */
  readonly trace: readonly string[];
  /** The edge mesh by which the message entered. */
  readonly ingressMesh?: string;
}

/** `00 80` and "SKPR--RA". */
export const annotationsDescriptor = Buffer.from('0080534b50522d2d5241', 'hex');

const fieldCountMin = 4;

export function encodeRouterAnnotations(annotations: RouterAnnotations): Buffer {
  const writer = new Writer(128);
  writeRouterAnnotations(writer, annotations);
  return writer.take();
}

export function writeRouterAnnotations(writer: Writer, annotations: RouterAnnotations): void {
  writer.bytes(annotationsDescriptor);
  const mark = writer.beginCompound();
  writeUint(writer, annotations.flags);
  writeStringOrNull(writer, annotations.toOverride);
  writeStringOrNull(writer, annotations.ingress);
  if (annotations.trace.length === 0) writer.byte(0x45);
  else {
    const traceMark = writer.beginCompound();
    for (const hop of annotations.trace) writeString(writer, hop);
    writer.endCompound(traceMark, 0xd0, annotations.trace.length, 'wide');
  }
  const hasMesh = annotations.ingressMesh !== undefined;
  if (hasMesh) writeStringOrNull(writer, annotations.ingressMesh);
  writer.endCompound(mark, 0xd0, fieldCountMin + (hasMesh ? 1 : 0), 'wide');
}

/** Reads the list behind the descriptor. */
export function readRouterAnnotations(reader: Reader): RouterAnnotations {
  const section = decodeValue(reader);
  if (section.type !== 'list' || section.value.length < fieldCountMin) {
    throw new MessageError('router annotations are not a list of at least four fields');
  }
  const [flags, toOverride, ingress, trace, ingressMesh] = section.value;
  if (flags?.type !== 'uint') throw new MessageError('the flags of router annotations are not a uint');
  if (trace?.type !== 'list') throw new MessageError('the trace of router annotations is not a list');
  return {
    flags: flags.value,
    toOverride: stringOrNull(toOverride),
    ingress: stringOrNull(ingress),
    trace: trace.value.map(hopText),
    ingressMesh: ingressMesh === undefined ? undefined : hopText(ingressMesh),
  };
}

function writeStringOrNull(writer: Writer, value: string | undefined): void {
  if (value === undefined) writer.byte(0x40);
  else writeString(writer, value);
}

function stringOrNull(value: Typed | undefined): string | undefined {
  return value === undefined || value.type === 'null' ? undefined : hopText(value);
}

function hopText(value: Typed): string {
  if (value.type !== 'string') throw new MessageError('a field of router annotations is not a string');
  return value.value;
}
