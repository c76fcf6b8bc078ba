/** Messages of Skupper's event protocol in the types that routers and collectors read: attributes are keyed by uint, numbers are ulong. */
import rhea, { type Message, type Typed } from 'rhea';
import { type FlowEvent, type FlowMessage, readFlowMessage, recordEntries } from './message.ts';
import { ATTRIBUTE, type FlowRecord } from './records.ts';

const { wrap_uint: uint, wrap_ulong: ulong } = rhea.types;

export function toWire({ to, subject, properties, records }: FlowMessage): Message & { to: string } {
  return {
    to,
    subject,
    ...(properties !== undefined && { application_properties: properties }),
    body: records === undefined ? null : records.map(mapOf),
  };
}

/** `address` is where it was heard: not every sender says. */
export function fromWire(
  { subject, application_properties: properties, body }: Message,
  address: string,
): FlowEvent | undefined {
  return readFlowMessage({ address, subject, properties, body });
}

function mapOf(record: FlowRecord): Map<Typed, Typed | string> {
  const entries = recordEntries(record).map(([code, value]): [Typed, Typed | string] => {
    if (typeof value === 'string') return [uint(code), value];
    return [uint(code), code === ATTRIBUTE.type ? uint(value) : ulong(value)];
  });
  return new Map(entries);
}
