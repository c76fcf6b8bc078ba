/** Co-records as skupper-router sent them (captured): read for what they say, and written octet by octet as they were. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ATTRIBUTE } from '../../lib/vanflow.ts';
import { parseHead } from '../../router/amqp/message/head.ts';
import { CoRecord, readCoRecords, sourceOf } from '../../router/telemetry/vanflow/co-records.ts';
import { Messages } from '../../router/telemetry/vanflow/messages.ts';

const CO_RECORD_ADDRESS = Buffer.from('vfcr.').toString('hex');
const SUBJECT = Buffer.from('RECORD').toString('hex');
const PROPERTIES = '005373d0';

/** The messages of all captures, from their properties on. */
const MESSAGES = ['pair', 'chain', 'edge'].flatMap((name) =>
  readFileSync(new URL(`../support/vectors/${name}.jsonl`, import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line.includes(CO_RECORD_ADDRESS) && line.includes(SUBJECT))
    .map((line) => String((JSON.parse(line) as { frame: string }).frame))
    .map((frame) => Buffer.from(frame.slice(frame.indexOf(PROPERTIES)), 'hex')),
);

interface Read {
  to: string;
  messageId: number;
  values: Map<number, string | number>;
  identity: string;
}

function read(message: Buffer): Read {
  const { properties } = parseHead(message, 'properties', true)!;
  const to = properties?.to ?? '';
  const values = new Map<number, string | number>();
  const source = to.slice('vfcr.'.length, -':0'.length);
  let number = -1;
  expect(
    readCoRecords(message, source, (of, code, value) => {
      number = of;
      values.set(code, value);
    }),
  ).toBe(true);
  return { to, messageId: Number(properties?.messageId?.value), values, identity: `${source}:${number}` };
}

describe('captured co-records (wire reference 6.8, 10.2)', () => {
  it('are there', () => {
    expect(MESSAGES.length).toBeGreaterThanOrEqual(4);
  });

  it('say which way a flow went, to which connector, how soon it answered, and from where it was dialled', () => {
    const full = MESSAGES.map(read).filter(({ values }) => values.size > 0);
    expect(full.length).toBeGreaterThanOrEqual(2);
    for (const { values } of full) {
      expect(values.get(ATTRIBUTE.trace)).toMatch(/^0\/R[ABC](\|0\/R[ABC])*$/);
      expect(values.get(ATTRIBUTE.connector)).toMatch(/^.{5}:[0-9]+$/);
      expect(values.get(ATTRIBUTE.processLatency)).toBeGreaterThan(0);
      expect(values.get(ATTRIBUTE.proxyHost)).toBe('127.0.0.1');
      expect(Number(values.get(ATTRIBUTE.proxyPort))).toBeGreaterThan(1024);
    }
  });

  it('are written as they were, given the same values', () => {
    let count = 0;
    for (const original of MESSAGES) {
      const { to, messageId, values, identity } = read(original);
      if (values.size === 0) continue;
      count++;
      const latencyMs = Number(values.get(ATTRIBUTE.processLatency)) / 1000;
      const flow = { bytesIn: 1, bytesOut: 1, firstOutAt: 1, firstInAt: 1 + latencyMs };
      const trace = String(values.get(ATTRIBUTE.trace)).split('|');
      const record = new CoRecord(identity, String(values.get(ATTRIBUTE.connector)), trace, flow, {
        changed: () => {},
      });
      record.connected({
        host: String(values.get(ATTRIBUTE.proxyHost)),
        port: Number(values.get(ATTRIBUTE.proxyPort)),
      });
      record.answered();
      const messages = new Messages(`${sourceOf(identity)}:0`);
      for (let before = 0; before < messageId; before++) messages.records(to).finish();
      const message = messages.records(to);
      record.write(message);
      expect(message.finish().toString('hex')).toBe(original.toString('hex'));
    }
    expect(count).toBeGreaterThanOrEqual(2);
  });
});
