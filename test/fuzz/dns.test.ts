/** The DNS server among whatever comes: answers or silence, never an exception; answers can be read and keep to their size. */
import dnsPacket from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../service-controller/dns/limits.ts';
import { lengthOf, MessageReader } from '../../service-controller/dns/stream.ts';
import { DnsWorld, dnsEndpoint, namespace, opt, query, serviceImport, slice } from '../support/dns.ts';

const RUNS = { seed: 20_261_121, numRuns: 3000 };

const NAMES = [
  'web.shop.svc.clusterset.local',
  '_http._tcp.web.shop.supercluster.local',
  'db.shop.svc.clusterset.local',
  'db-0.east.db.shop.svc.clusterset.local',
  'nothing.shop.svc.clusterset.local',
  'dns-version.clusterset.local',
  'web.apps.example.com',
  'example.org',
];
const TYPES = ['A', 'AAAA', 'SRV', 'TXT', 'NS', 'SOA', 'ANY', 'AXFR', 'MX'];

function world(): DnsWorld {
  const pods = Array.from({ length: 120 }, (_, index) => ({ address: `10.1.0.${index}`, hostname: `db-${index}` }));
  return new DnsWorld().put(
    namespace('shop'),
    serviceImport('web', { ips: ['10.96.1.1', 'fd00::1'] }),
    serviceImport('db', { type: 'Headless' }),
    slice('db', 'east', pods),
    dnsEndpoint('web', [{ dnsName: 'web.apps.example.com', recordType: 'A', targets: ['192.0.2.1'] }]),
  );
}

const shared = world();

/** What holds of any answer, whatever was asked. */
function check(bytes: Buffer, transport: 'udp' | 'tcp'): void {
  const before = Buffer.from(bytes);
  const answer = shared.raw(bytes, transport);
  expect(bytes.equals(before), 'the query was written to').toBe(true);
  if (answer === undefined) return;
  expect(answer.readUInt16BE(0)).toBe(bytes.readUInt16BE(0));
  expect(answer[2]! & 0x80).toBe(0x80);
  expect(answer.length).toBeLessThanOrEqual(transport === 'udp' ? LIMITS.udpSizeBytesMax : LIMITS.tcpSizeBytesMax);
  dnsPacket.decode(answer);
  expect(dnsPacket.decode.bytes).toBe(answer.length);
}

const transport = fc.constantFrom('udp' as const, 'tcp' as const);
const asked = fc
  .record({
    name: fc.constantFrom(...NAMES),
    type: fc.constantFrom(...TYPES),
    udpSize: fc.option(fc.integer({ min: 0, max: 65_535 }), { nil: undefined }),
    version: fc.constantFrom(0, 0, 0, 1, 255),
  })
  .map(({ name, type, udpSize, version }) =>
    query(name, type, {
      packet:
        udpSize === undefined
          ? {}
          : { additionals: [opt({ udpPayloadSize: udpSize, ednsVersion: version } as object)] },
    }),
  );

describe('the server', () => {
  it('takes any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), transport, (bytes, over) => check(Buffer.from(bytes), over)),
      RUNS,
    );
  });

  it('takes queries with any octets behind the header', () => {
    const header = fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(3));
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 300 }), transport, ([qd, an, ns, ar], rest, over) =>
        check(Buffer.concat([Buffer.from([0, 7, 1, 0, 0, qd, 0, an, 0, ns, 0, ar]), rest]), over),
      ),
      RUNS,
    );
  });

  it('takes queries in which octets were changed, put in, taken out or cut off', () => {
    const change = fc.record({
      how: fc.constantFrom('set', 'insert', 'remove', 'cut'),
      at: fc.nat(200),
      value: fc.nat(255),
    });
    fc.assert(
      fc.property(asked, fc.array(change, { minLength: 1, maxLength: 6 }), transport, (bytes, changes, over) => {
        const octets = [...bytes];
        for (const { how, at, value } of changes) {
          const index = at % Math.max(1, octets.length);
          if (how === 'set') octets[index] = value;
          else if (how === 'insert') octets.splice(index, 0, value);
          else if (how === 'remove') octets.splice(index, 1);
          else octets.length = index;
        }
        check(Buffer.from(octets), over);
      }),
      RUNS,
    );
  });

  it('takes any labels below its zones, and gives their case back', () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 63 });
    const zone = fc.constantFrom('supercluster.local', 'ClusterSet.LOCAL', 'svc.clusterset.local', 'apps.example.com');
    fc.assert(
      fc.property(
        fc.array(label, { maxLength: 3 }),
        zone,
        fc.constantFrom(1, 28, 33, 255, 6),
        (labels, origin, type) => {
          const parts = [
            ...labels.map((octets) => Buffer.from(octets)),
            ...origin.split('.').map((text) => Buffer.from(text)),
          ];
          const name = Buffer.concat([
            ...parts.flatMap((part) => [Buffer.from([part.length]), part]),
            Buffer.from([0]),
          ]);
          const header = Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
          const bytes = Buffer.concat([header, name, Buffer.from([0, type, 0, 1])]);
          check(bytes, 'udp');
          const answer = shared.raw(bytes)!;
          expect(answer.subarray(12, 12 + name.length).equals(name) || answer.length === 12).toBe(true);
        },
      ),
      RUNS,
    );
  });

  it('answers a stream of queries alike, whatever pieces it comes in', () => {
    const cuts = fc.array(fc.nat(2000), { maxLength: 20 });
    fc.assert(
      fc.property(fc.array(asked, { minLength: 1, maxLength: 8 }), cuts, (queries, at) => {
        const stream = Buffer.concat(queries.flatMap((bytes) => [lengthOf(bytes), bytes]));
        const points = [0, ...at.map((one) => one % (stream.length + 1)), stream.length].sort((a, b) => a - b);
        const reader = new MessageReader();
        const read = points.slice(1).flatMap((end, index) => reader.push(stream.subarray(points[index]!, end))!);
        // Rotation and the choice by weight begin anew in each world.
        const [whole, pieces] = [world(), world()];
        const answers = (one: DnsWorld, all: Buffer[]) => all.map((bytes) => one.raw(bytes, 'tcp')?.toString('hex'));
        expect(answers(pieces, read)).toEqual(answers(whole, queries));
      }),
      { ...RUNS, numRuns: 200 },
    );
  });

  it('reads any stream, and ends it where a length is beyond any query', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 }), (chunks) => {
        const reader = new MessageReader();
        for (const chunk of chunks) {
          const messages = reader.push(Buffer.from(chunk));
          if (messages === undefined) return;
          for (const message of messages) check(Buffer.from(message), 'tcp');
        }
      }),
      RUNS,
    );
  });
});

describe('objects', () => {
  const anything = fc.anything({ maxDepth: 3 });
  const address = fc.constantFrom('10.0.0.1', 'fd00::1', '', 'x', '10.0.0.1/8', '::', '::ffff:1.2.3.4');
  const port = fc.record({
    name: fc.constantFrom('http', '', 'a.b', 'x'.repeat(80)),
    port: fc.integer(),
    protocol: fc.constantFrom('TCP', 'UDP', 'x'),
  });
  const importOf = fc.record({
    type: fc.constantFrom('ClusterSetIP', 'Headless', 'x'),
    ips: fc.array(address),
    ports: fc.array(port),
  });

  it('of any ips, ports, hosts and clusters make answers that can be read, or none', () => {
    const endpoint = fc.record({
      addresses: fc.array(address, { maxLength: 3 }),
      hostname: fc.constantFrom(undefined, 'db-0', 'A', 'a.b', '-', 'x'.repeat(64)),
      conditions: fc.constantFrom({}, { ready: true }, { ready: false }),
    });
    const slices = fc.record({
      addressType: fc.constantFrom('IPv4', 'IPv6', 'FQDN'),
      ports: fc.constantFrom(null, [], [{ name: 'http', protocol: 'TCP', port: 80 }]),
      endpoints: fc
        .constantFrom(null, undefined)
        .map((none) => none)
        .chain((none) => fc.oneof(fc.constant(none), fc.array(endpoint))),
      cluster: fc.constantFrom('east', 'a.b', '', 'EAST', 'x'.repeat(63)),
    });
    fc.assert(
      fc.property(importOf, fc.array(slices, { maxLength: 3 }), (spec, all) => {
        const one = new DnsWorld();
        one.put({ ...serviceImport('db'), spec });
        for (const [index, { cluster, ...given }] of all.entries()) {
          const made = slice('db', cluster, []);
          one.put({ ...made, ...given, metadata: { ...made.metadata, name: `s-${index}` } });
        }
        for (const type of ['A', 'AAAA', 'SRV', 'ANY']) {
          for (const name of ['db.shop', '_http._tcp.db.shop', 'db-0.east.db.shop', 'a.east.db.shop']) {
            const { answers } = one.ask(`${name}.supercluster.local`, type, { transport: 'tcp' });
            expect(new Set(answers).size).toBe(answers.length);
          }
        }
      }),
      { ...RUNS, numRuns: 1000 },
    );
  });

  it('DNSEndpoints of any content make answers that can be read, or none', () => {
    const record = fc.record({
      dnsName: fc.constantFrom(
        'a.apps.example.com',
        '*.apps.example.com',
        'apps.example.com',
        'A.B.apps.example.com.',
        'x..apps.example.com',
        '',
      ),
      recordType: fc.constantFrom('A', 'AAAA', 'CNAME', 'TXT', 'x'),
      targets: fc.array(fc.oneof(address, fc.constantFrom('lb.example', 'a..b'))),
      recordTTL: fc.integer(),
      setIdentifier: fc.constantFrom('', 'east', 'west'),
      providerSpecific: fc.array(
        fc.record({ name: fc.constant('aws/weight'), value: fc.constantFrom('0', '10', '-1', 'x') }),
      ),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(record, anything), { maxLength: 6 }), (endpoints) => {
        const one = new DnsWorld();
        const object = dnsEndpoint('x', endpoints as object[]);
        one.external.setEndpoint(undefined, object, one.now);
        for (const name of ['a', 'b.a', 'x.y']) one.ask(`${name}.apps.example.com`, 'A', { transport: 'tcp' });
        one.external.setEndpoint(object, undefined, one.now);
        expect(one.ask('a.apps.example.com', 'A').rcode).toBe('NXDOMAIN');
      }),
      { ...RUNS, numRuns: 1000 },
    );
  });
});
