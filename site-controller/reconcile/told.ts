/**
 * What a site tells the others fits into one message, or no site would take it in: what is of least use is left out. Pure.
 *
 * The connectors and services say where traffic can go and come first; listeners only let a connector know that it is wanted.
 */
import { type EndpointRecord, LIMITS, type SiteContent } from '../exchange/record.ts';

/** Leaves room for the envelope of the message. */
export const CONTENT_BYTES_MAX = LIMITS.messageSizeBytesMax - 4096;

const MEMBERS = ['connectors', 'services', 'listeners'] as const;

export interface Told {
  content: SiteContent;
  /** Records for which there was no room. */
  leftOutCount: number;
}

export function withinLimits(content: SiteContent, bytesMax = CONTENT_BYTES_MAX): Told {
  const isWithin = MEMBERS.every((member) => content[member].length <= LIMITS.serviceCountMax);
  if (isWithin && sizeOf(content) <= bytesMax) return { content, leftOutCount: 0 };
  const told = { ...content, connectors: [], services: [], listeners: [] };
  let left = bytesMax - sizeOf(told);
  let leftOutCount = 0;
  for (const member of MEMBERS) {
    const records: readonly object[] = content[member];
    const kept: object[] = [];
    for (const record of records) {
      left -= sizeOf(record) + 1;
      if (left < 0 || kept.length === LIMITS.serviceCountMax) break;
      kept.push(record);
    }
    leftOutCount += records.length - kept.length;
    Object.assign(told, { [member]: kept });
  }
  return { content: told, leftOutCount };
}

/** Each routing key once, and none that `others` tell already. */
export function keysOnce(records: readonly EndpointRecord[], others: readonly EndpointRecord[]): EndpointRecord[] {
  const seen = new Set(others.map(({ routingKey }) => routingKey));
  return records.filter(({ routingKey }) => !seen.has(routingKey) && seen.add(routingKey));
}

function sizeOf(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}
