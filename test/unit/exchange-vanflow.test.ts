/** Sites that speak only vanflow: what original routers say, read; what they hear of this site. Wire reference 10. */
import { readFileSync } from 'node:fs';
import rhea, { type Message } from 'rhea';
import { describe, expect, it } from 'vitest';
import { FlowCollector } from '../../site-controller/exchange/vanflow/collector.ts';
import { FlowEmitter } from '../../site-controller/exchange/vanflow/emitter.ts';
import type { FlowEvent, FlowMessage } from '../../site-controller/exchange/vanflow/message.ts';
import { ownRecords } from '../../site-controller/exchange/vanflow/own-records.ts';
import { ATTRIBUTE, type FlowRecord, readRecords } from '../../site-controller/exchange/vanflow/records.ts';
import { sitesOfRecords } from '../../site-controller/exchange/vanflow/sites.ts';
import { fromWire, toWire } from '../../site-controller/exchange/vanflow/wire.ts';

/** Two original routers, RB linked to RA, as a client of RB heard them. */
const CAPTURE = readFileSync(new URL('../support/vectors/vanflow.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as { address: string; message: Message });
const RA = 'dIL2v:0';
const RB = 'abcde:0';

function captured(): FlowEvent[] {
  return CAPTURE.flatMap(({ address, message }) => fromWire(message, address) ?? []);
}

/** As it comes out at the other end of a connection. */
function overWire(message: FlowMessage): FlowEvent | undefined {
  // rhea's types know neither the codec nor that it is there.
  const codec = (rhea as unknown as { message: { encode(m: object): Buffer; decode(b: Buffer): Message } }).message;
  return fromWire(codec.decode(codec.encode(toWire(message))), message.to);
}

function messagesOf(machine: { nextMessage(): FlowMessage | undefined }): FlowMessage[] {
  const messages: FlowMessage[] = [];
  for (let message = machine.nextMessage(); message !== undefined; message = machine.nextMessage())
    messages.push(message);
  return messages;
}

function subjects(machine: { nextMessage(): FlowMessage | undefined }): string[] {
  return messagesOf(machine).map(({ subject, to }) => `${subject} ${to}`);
}

function siteRecord(id: string, name: string): FlowRecord {
  return { type: 0, id, attributes: new Map([[ATTRIBUTE.name, name]]) };
}

function told(id: string, ...records: FlowRecord[]): FlowEvent {
  return { type: 'records', id, records };
}

describe('records of original routers', () => {
  it('are read: sites with routers, links, access, listeners and connectors', () => {
    const collector = new FlowCollector();
    collector.connected(0);
    for (const event of captured()) collector.receive(event, 0);
    collector.receive(told('x', siteRecord('bbbb-site-b', 'b')), 0);
    expect(sitesOfRecords(collector.records())).toMatchObject([
      {
        site: { id: 'aaaa-site-a', name: 'orig', namespace: 'ns1', platform: 'kubernetes', version: '2.3' },
        routers: [
          {
            id: 'RA',
            links: [],
            routerAccess: [
              { name: 'skupper-router', role: 'inter-router' },
              { name: 'skupper-router', role: 'edge' },
            ],
          },
        ],
        listeners: [],
        connectors: [{ name: 'backend', routingKey: 'backend', host: '127.9.0.1', port: 8080 }],
      },
      {
        site: { id: 'bbbb-site-b' },
        routers: [
          {
            id: 'RB',
            links: [
              {
                name: 'to-a',
                cost: 2,
                operational: true,
                remoteSiteId: 'aaaa-site-a',
                remoteSiteName: 'orig',
                remoteRouterId: 'RA',
              },
            ],
          },
        ],
        listeners: [{ name: 'backend', routingKey: 'backend', host: '127.9.0.2', port: 1024 }],
      },
    ]);
  });

  it('change nothing when only their counters do', () => {
    const collector = new FlowCollector();
    collector.connected(0);
    for (const event of captured()) collector.receive(event, 0);
    const { revision } = collector;
    const counters = { 0: 2, 1: 'abcde:1', 23: 99_999, 58: 88_888 };
    collector.receive(told(RB, ...readRecords([counters])), 1);
    expect(collector.revision).toBe(revision);
  });

  it.each([
    ['no list', { 0: 1 }],
    ['no maps', [1, 'x', null]],
    ['no identity', [{ 0: 1 }]],
    ['an identity that is no text', [{ 0: 1, 1: 7 }]],
    ['a type of no use', [{ 0: 16, 1: 'x' }]],
    ['an identity without end', [{ 0: 1, 1: 'x'.repeat(10_000) }]],
  ])('with %s are dropped', (_, body) => {
    expect(readRecords(body)).toEqual([]);
  });
});

describe('the collector', () => {
  it('knows sources by the addresses of the router, listens to them and asks them', () => {
    const collector = new FlowCollector();
    collector.connected(0);
    collector.inTable(new Set([RA, 'site-1']), 0);
    expect([...collector.addresses()]).toEqual([`mc/sfe.${RA}`, 'mc/sfe.site-1', 'mc/sfe.site-1.heartbeats']);
    collector.tick(collector.deadline());
    expect(subjects(collector)).toEqual([`FLUSH sfe.${RA}`, 'FLUSH sfe.site-1']);
  });

  it('asks once more when it first hears a source, and not again', () => {
    const collector = new FlowCollector();
    collector.connected(0);
    for (const now of [100, 2100, 4100]) collector.receive({ type: 'heartbeat', id: RA }, now);
    expect(subjects(collector)).toEqual([`FLUSH sfe.${RA}`]);
  });

  it('knows sources by their beacons where there are no addresses', () => {
    const collector = new FlowCollector();
    collector.connected(0);
    collector.receive({ type: 'beacon', id: RA }, 0);
    expect([...collector.addresses()]).toEqual([`mc/sfe.${RA}`]);
  });

  it('drops what a source said when it falls silent, or its address is gone for a while', () => {
    const collector = new FlowCollector({ leaseMs: 30_000, graceMs: 2000 });
    collector.connected(0);
    collector.inTable(new Set(['b']), 0);
    collector.receive(told('a', siteRecord('a', 'a')), 0);
    collector.receive(told('b', siteRecord('b', 'b')), 0);
    collector.inTable(new Set(), 1000);
    collector.tick(2900);
    expect(collector.records().map(({ id }) => id)).toEqual(['b', 'a']);
    collector.tick(3000);
    expect(collector.records().map(({ id }) => id)).toEqual(['a']);
    collector.tick(30_000);
    expect(collector.records()).toEqual([]);
  });

  it('keeps a source whose address is back in time', () => {
    const collector = new FlowCollector({ graceMs: 2000 });
    collector.connected(0);
    collector.inTable(new Set(['b']), 0);
    collector.receive(told('b', siteRecord('b', 'b')), 0);
    collector.inTable(new Set(), 1000);
    collector.inTable(new Set(['b']), 2500);
    collector.tick(4000);
    expect(collector.records()).toHaveLength(1);
  });

  it('forgets records that ended', () => {
    const collector = new FlowCollector();
    collector.connected(0);
    collector.receive(told('a', siteRecord('a', 'a')), 0);
    collector.receive(told('a', ...readRecords([{ 0: 0, 1: 'a', 4: 17 }])), 1);
    expect(collector.records()).toEqual([]);
  });

  it('forgets what is not told again after a lost connection', () => {
    const collector = new FlowCollector();
    collector.connected(0);
    collector.receive(told('a', siteRecord('a', 'a'), siteRecord('gone', 'gone')), 0);
    collector.disconnected();
    collector.connected(10_000);
    collector.receive({ type: 'heartbeat', id: 'a' }, 10_500);
    collector.receive(told('a', siteRecord('a', 'a')), 11_000);
    expect(collector.records()).toHaveLength(2);
    collector.tick(collector.deadline());
    expect(collector.records().map(({ id }) => id)).toEqual(['a']);
  });

  it('keeps no more sources and records than it may, and none that it is told to ignore', () => {
    const collector = new FlowCollector({ sourceCountMax: 2, recordCountMax: 2 });
    collector.connected(0);
    collector.ignore(new Set(['own']));
    for (const id of ['own', 'a', 'b', 'c']) {
      collector.receive(told(id, ...[1, 2, 3].map((index) => siteRecord(`${id}${index}`, 'x'))), 0);
    }
    expect(collector.records().map(({ id }) => id)).toEqual(['a1', 'a2', 'b1', 'b2']);
  });
});

describe('what a site tells', () => {
  const site = { id: 'w', name: 'west', namespace: 'ns', platform: 'kubernetes', version: '1.2.3' };
  const startTime = 1_795_275_439_354_819;

  it('comes over the wire as it was: the site, and nothing that its routers tell', () => {
    const event = overWire({ to: 'mc/sfe.w', subject: 'RECORD', records: ownRecords({ site }, startTime) });
    const sites = sitesOfRecords(event?.type === 'records' ? event.records : []);
    expect(sites).toEqual([{ site, routers: [], listeners: [], connectors: [], services: [] }]);
  });

  it('is keyed by uint, with numbers of 64 bits and the kind of record as uint, as the original has it', () => {
    const [map] = toWire({ to: 'x', subject: 'RECORD', records: ownRecords({ site }, startTime) }).body as Map<
      { type: { name: string }; value: number },
      { type: { name: string } } | string
    >[];
    const types = [...map!].map(([key, value]) => [
      key.value,
      key.type.name,
      typeof value === 'string' || value.type.name,
    ]);
    expect(types.slice(0, 3)).toEqual([
      [0, expect.stringMatching(/Uint/), expect.stringMatching(/Uint/)],
      [1, 'SmallUint', true],
      [3, 'SmallUint', 'Ulong'],
    ]);
  });
});

describe('the emitter', () => {
  const records = [siteRecord('w', 'west'), siteRecord('x', 'x')];

  function speaking(): FlowEmitter {
    const emitter = new FlowEmitter({ recordsPerMessage: 50 });
    emitter.setRecords('w', records, 0);
    emitter.setHeard(true, 0);
    emitter.tick(0, 0);
    emitter.tick(100, 100);
    return emitter;
  }

  it('says nothing while nobody collects', () => {
    const emitter = new FlowEmitter();
    emitter.setRecords('w', records, 0);
    emitter.tick(60_000, 0);
    expect(subjects(emitter)).toEqual([]);
    expect(emitter.deadline()).toBe(Infinity);
    expect(emitter.source).toBeUndefined();
  });

  it('makes itself known and tells everything when somebody begins to', () => {
    expect(subjects(speaking())).toEqual([
      'BEACON mc/sfe.all',
      'HEARTBEAT mc/sfe.w',
      'HEARTBEAT mc/sfe.w.heartbeats',
      'RECORD mc/sfe.w',
    ]);
  });

  it('goes on with beacons and heartbeats at the pace of the original', () => {
    const emitter = speaking();
    messagesOf(emitter);
    const counts = { BEACON: 0, HEARTBEAT: 0, RECORD: 0 };
    for (let now = emitter.deadline(); now <= 60_000; now = emitter.deadline()) {
      emitter.tick(now, now);
      for (const { subject } of messagesOf(emitter)) counts[subject as keyof typeof counts] += 1;
    }
    expect(counts).toEqual({ BEACON: 6, HEARTBEAT: 60, RECORD: 0 });
  });

  it('tells what changed, what ended, and everything again when asked', () => {
    const emitter = speaking();
    messagesOf(emitter);
    emitter.setRecords('w', [siteRecord('w', 'new')], 1000);
    emitter.tick(1100, 1100);
    const [change] = messagesOf(emitter);
    expect(change!.records!.map(({ id, attributes }) => [id, attributes.get(4) ?? attributes.get(30)])).toEqual([
      ['x', 1_100_000],
      ['w', 'new'],
    ]);
    emitter.asked(1200);
    emitter.asked(1210);
    emitter.tick(1300, 1300);
    expect(messagesOf(emitter).map((message) => message.records?.length)).toEqual([1]);
  });

  it('ends everything when the site ends, and is silent then', () => {
    const emitter = speaking();
    messagesOf(emitter);
    emitter.leave(5000);
    expect(messagesOf(emitter).flatMap((message) => message.records!.map(({ id }) => id))).toEqual(['w', 'x']);
    expect(emitter.deadline()).toBe(Infinity);
  });

  it('is understood by the collector', () => {
    const emitter = speaking();
    const collector = new FlowCollector();
    collector.connected(0);
    for (const message of messagesOf(emitter)) collector.receive(overWire(message)!, 100);
    expect(collector.records().map(({ id }) => id)).toEqual(['w', 'x']);
  });
});
