/** Messages of the DNS server: what is refused, EDNS, sizes, the cache of answers, names of an external domain. */
import dnsPacket, { type OptAnswer } from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../service-controller/dns/limits.ts';
import { lengthOf, MessageReader } from '../../service-controller/dns/stream.ts';
import { DnsWorld, decode, dnsEndpoint, opt, query, serviceImport, slice } from '../support/dns.ts';

const NAME = 'web.shop.svc.clusterset.local';
const HEADLESS = 'db.shop.svc.clusterset.local';
const world = () => new DnsWorld().put(serviceImport('web'));

function headless(count: number): DnsWorld {
  const addresses = Array.from({ length: count }, (_, index) => `10.1.${index >> 8}.${index & 255}`);
  return new DnsWorld().put(serviceImport('db', { type: 'Headless' }), slice('db', 'east', addresses));
}

function optOf(bytes: Buffer): OptAnswer | undefined {
  return dnsPacket.decode(bytes).additionals?.find(({ type }) => type === 'OPT') as OptAnswer | undefined;
}

function flagsOf(bytes: Buffer): { aa: boolean; tc: boolean; rd: boolean; ra: boolean; cd: boolean; ad: boolean } {
  const flags = bytes.readUInt16BE(2);
  const has = (bit: number) => (flags & (1 << bit)) !== 0;
  return { aa: has(10), tc: has(9), rd: has(8), ra: has(7), ad: has(5), cd: has(4) };
}

describe('answers', () => {
  it('carry the id of the query, AA, RD and CD as asked, and neither RA nor AD', () => {
    const flags = dnsPacket.CHECKING_DISABLED | dnsPacket.AUTHENTIC_DATA | dnsPacket.RECURSION_DESIRED;
    const bytes = world().raw(query(NAME, 'A', { packet: { id: 0xbeef, flags } }))!;
    expect(bytes.readUInt16BE(0)).toBe(0xbeef);
    expect(flagsOf(bytes)).toEqual({ aa: true, tc: false, rd: true, ra: false, ad: false, cd: true });
    const plain = world().raw(query(NAME, 'A', { packet: { flags: 0 } }))!;
    expect(flagsOf(plain)).toMatchObject({ rd: false, cd: false });
  });

  it('from the cache are those of this query: id, flags, case, EDNS', () => {
    const given = world();
    const first = given.raw(query(NAME, 'A', { packet: { id: 1 } }))!;
    const second = given.raw(query(NAME, 'A', { packet: { id: 2, flags: 0 }, udpSize: 4096 }))!;
    expect(second.readUInt16BE(0)).toBe(2);
    expect(flagsOf(second).rd).toBe(false);
    expect(optOf(first)).toBeUndefined();
    expect(optOf(second)).toBeDefined();
    expect(given.ask(NAME.toUpperCase(), 'A').answers).toEqual([`${NAME.toUpperCase()} A 10.96.1.1`]);
  });

  it('are SERVFAIL before the first sync, with and without EDNS, and data afterwards', () => {
    const given = world();
    given.isReady = false;
    expect(given.ask(NAME, 'A')).toMatchObject({ rcode: 'SERVFAIL', answers: [], authorities: [] });
    expect(given.ask('nothing.clusterset.local', 'A', { udpSize: 1232 }).rcode).toBe('SERVFAIL');
    given.isReady = true;
    expect(given.ask(NAME, 'A').rcode).toBe('NOERROR');
  });
});

describe('are refused', () => {
  it('names outside of the zones, also those that only end alike', () => {
    for (const name of ['example.org', 'local', 'web.shop.svc.cluster.local', 'xclusterset.local', '.']) {
      expect(world().ask(name, 'A'), name).toMatchObject({ rcode: 'REFUSED', answers: [], authorities: [] });
    }
  });

  it('transfers, and other classes than IN', () => {
    for (const transport of ['udp', 'tcp'] as const) {
      expect(world().ask('clusterset.local', 'AXFR', { transport }).rcode).toBe('REFUSED');
      expect(world().ask('clusterset.local', 'IXFR', { transport }).rcode).toBe('REFUSED');
    }
    const chaos = query('version.bind', 'TXT', {
      packet: { questions: [{ name: 'version.bind', type: 'TXT', class: 'CH' }] },
    });
    expect(decode(world().raw(chaos)!).rcode).toBe('REFUSED');
  });

  it('other operations, as not implemented', () => {
    for (const opcode of [1, 2, 4, 5, 15]) {
      const bytes = query(NAME, 'A');
      bytes[2] = (opcode << 3) | 1;
      expect(decode(world().raw(bytes)!).rcode, String(opcode)).toBe('NOTIMP');
    }
  });

  it('malformed queries, with FORMERR and a count', () => {
    const two = query(NAME, 'A', { packet: { questions: [1, 2].map(() => ({ name: NAME, type: 'A' as const })) } });
    const none = query(NAME, 'A', { packet: { questions: [] } });
    const cut = query(NAME, 'A').subarray(0, 30);
    const pointer = Buffer.concat([query(NAME, 'A').subarray(0, 12), Buffer.from([0xc0, 0x0c, 0, 1, 0, 1])]);
    const wide = Buffer.concat([
      query(NAME, 'A').subarray(0, 12),
      Buffer.from([64]),
      Buffer.alloc(64, 'a'),
      Buffer.alloc(5),
    ]);
    const twoOpts = query(NAME, 'A', { packet: { additionals: [opt(), opt()] } });
    const long = Buffer.concat([query(NAME, 'A'), Buffer.alloc(LIMITS.querySizeBytesMax)]);
    const garbage = Buffer.concat([query(NAME, 'A'), Buffer.from([0xff, 0xff, 0xff])]);
    garbage[11] = 1;
    const given = world();
    const all = [two, none, cut, pointer, wide, twoOpts, long, garbage];
    for (const [index, bytes] of all.entries()) {
      const answer = given.raw(bytes)!;
      expect(answer[3]! & 0xf, String(index)).toBe(1);
      expect(answer.readUInt16BE(0)).toBe(4711);
    }
    expect(given.responder.stats.malformedCount).toBe(all.length);
  });

  it('answers, and what is shorter than a header, by silence', () => {
    const given = world();
    const answer = given.raw(query(NAME, 'A'))!;
    expect(given.raw(answer)).toBeUndefined();
    expect(given.raw(Buffer.alloc(0))).toBeUndefined();
    expect(given.raw(query(NAME, 'A').subarray(0, 11))).toBeUndefined();
    expect(given.responder.stats.ignoredCount).toBe(3);
  });

  it('labels with a dot within, which look like two', () => {
    const bytes = query('web-shop.svc.clusterset.local', 'A');
    bytes[12 + 4] = '.'.charCodeAt(0);
    expect(decode(world().raw(bytes)!).rcode).toBe('NXDOMAIN');
  });
});

describe('EDNS', () => {
  it('is answered with ours: version 0, our size, DO as asked', () => {
    const flags = dnsPacket.DNSSEC_OK;
    const bytes = world().raw(query(NAME, 'A', { packet: { additionals: [opt({ udpPayloadSize: 4096, flags })] } }))!;
    expect(optOf(bytes)).toMatchObject({ udpPayloadSize: 1232, ednsVersion: 0, extendedRcode: 0, flag_do: true });
    expect(optOf(world().raw(query(NAME, 'A', { udpSize: 512 }))!)).toMatchObject({ flag_do: false });
  });

  it('of another version is BADVERS', () => {
    const bytes = world().raw(query(NAME, 'A', { packet: { additionals: [opt({ ednsVersion: 1 })] } }))!;
    expect(optOf(bytes)).toMatchObject({ extendedRcode: 1, ednsVersion: 0 });
    expect(decode(bytes)).toMatchObject({ rcode: 'NOERROR', answers: [] });
  });

  it('options that we do not know are taken and not given back', () => {
    const cookie = { code: 10, type: 'COOKIE', data: Buffer.from('0011223344556677', 'hex') };
    const options = [cookie, { code: 65_001, data: Buffer.alloc(7) }] as unknown as OptAnswer['options'];
    const bytes = world().raw(query(NAME, 'A', { packet: { additionals: [opt({ options })] } }))!;
    expect(decode(bytes).answers).toEqual([`${NAME} A 10.96.1.1`]);
    expect(optOf(bytes)?.options).toEqual([]);
  });

  it('beside another additional record is understood', () => {
    const other = { type: 'A' as const, name: 'x.example', data: '192.0.2.1' };
    const bytes = world().raw(query(NAME, 'A', { packet: { additionals: [other, opt()] } }))!;
    expect(optOf(bytes)).toBeDefined();
    expect(decode(bytes).rcode).toBe('NOERROR');
  });
});

describe('sizes', () => {
  it.each([
    [undefined, 512],
    [100, 512],
    [512, 512],
    [900, 900],
    [4096, 1232],
    [65_535, 1232],
  ])('over UDP with EDNS size %s an answer has at most %s octets, with TC', (udpSize, max) => {
    const given = headless(200);
    const bytes = given.raw(query(HEADLESS, 'A', { udpSize }))!;
    expect(bytes.length).toBeLessThanOrEqual(max);
    expect(bytes.length).toBeGreaterThan(max - 16 - 1);
    expect(flagsOf(bytes).tc).toBe(true);
    expect(decode(bytes).answers.length).toBeGreaterThan(20);
    expect(given.responder.stats.truncatedCount).toBe(1);
    expect(optOf(bytes) === undefined).toBe(udpSize === undefined);
  });

  it('over TCP everything is said', () => {
    const said = headless(200).ask(HEADLESS, 'A', { transport: 'tcp' });
    expect(new Set(said.answers).size).toBe(200);
    expect(said.packet.flag_tc).toBe(false);
  });

  it('an answer that just fits is whole', () => {
    const count = Math.floor((512 - (12 + HEADLESS.length + 6)) / 16);
    const fits = headless(count).raw(query(HEADLESS, 'A'))!;
    expect(flagsOf(fits).tc).toBe(false);
    expect(decode(fits).answers).toHaveLength(count);
    expect(flagsOf(headless(count + 1).raw(query(HEADLESS, 'A'))!).tc).toBe(true);
  });

  it('additional addresses that do not fit are left out without TC', () => {
    const given = headless(5);
    const whole = given.raw(query(HEADLESS, 'SRV'), 'tcp')!;
    const cut = given.raw(query(HEADLESS, 'SRV'))!;
    expect(decode(whole).additionals).toHaveLength(5);
    expect(decode(cut).answers).toHaveLength(5);
    expect(decode(cut).additionals.length).toBeLessThan(5);
    expect(flagsOf(cut).tc).toBe(false);
  });

  it('a headless service of thousands shows a part, the same in A and AAAA, and 64 KiB at most', () => {
    const hosts = Array.from({ length: 4000 }, (_, index) => ({ hostname: `db-${index}`, index }));
    const given = new DnsWorld().put(
      serviceImport('db', { type: 'Headless' }),
      slice(
        'db',
        'east',
        hosts.map(({ hostname, index }) => ({ hostname, address: `10.1.${index >> 8}.${index & 255}` })),
      ),
      slice(
        'db',
        'east',
        hosts.map(({ hostname, index }) => ({ hostname, address: `fd00::${(index + 1).toString(16)}` })),
        {
          family: 'IPv6',
        },
      ),
    );
    const fours = given.ask(HEADLESS, 'A', { transport: 'tcp' }).answers.map((text) => text.split(' ')[2]!);
    const sixes = given.ask(HEADLESS, 'AAAA', { transport: 'tcp' }).answers.map((text) => text.split(' ')[2]!);
    expect(fours).toHaveLength(LIMITS.endpointsMax / 2);
    const pods = (addresses: string[], index: (address: string) => number) =>
      addresses.map(index).sort((a, b) => a - b);
    expect(pods(sixes, (address) => Number.parseInt(address.slice(6), 16) - 1)).toEqual(
      pods(fours, (address) => Number(address.split('.')[2]) * 256 + Number(address.split('.')[3])),
    );
    expect(given.raw(query(HEADLESS, 'SRV'), 'tcp')!.length).toBeLessThanOrEqual(65_535);
  });

  it('of thousands of pods without hostnames as many are shown in A and AAAA, with a name each in SRV', () => {
    const indices = Array.from({ length: 2000 }, (_, index) => index);
    const given = new DnsWorld().put(
      serviceImport('db', { type: 'Headless' }),
      slice(
        'db',
        'east',
        indices.map((index) => `10.1.${index >> 8}.${index & 255}`),
      ),
      slice(
        'db',
        'east',
        indices.map((index) => `fd00:10:244:1234:5678:9abc:def0:${(0x1000 + index).toString(16)}`),
        { family: 'IPv6' },
      ),
    );
    const count = (type: string) => given.ask(HEADLESS, type, { transport: 'tcp' }).answers.length;
    expect([count('A'), count('AAAA')]).toEqual([LIMITS.endpointsMax / 2, LIMITS.endpointsMax / 2]);
    expect(count('SRV')).toBeGreaterThan(LIMITS.endpointsMax / 2);
    expect(given.raw(query(HEADLESS, 'SRV'), 'tcp')!.length).toBeLessThanOrEqual(65_535);
  });

  it('of one name of more pods than are shown some are', () => {
    const shared = Array.from({ length: 1200 }, (_, index) => ({
      hostname: 'db',
      address: `10.1.${index >> 8}.${index & 255}`,
    }));
    const given = new DnsWorld().put(serviceImport('db', { type: 'Headless' }), slice('db', 'east', shared));
    expect(given.ask(HEADLESS, 'A', { transport: 'tcp' }).answers).toHaveLength(LIMITS.endpointsMax / 2);
  });

  it('answers of several addresses begin with another one each time, and have them all', () => {
    const given = headless(4);
    const asked = Array.from({ length: 8 }, () => given.ask(HEADLESS, 'A').answers);
    expect(new Set(asked.map(([first]) => first)).size).toBe(4);
    for (const answers of asked) expect([...answers].sort()).toEqual([...asked[0]!].sort());
    const cut = headless(200);
    const firsts = Array.from({ length: 50 }, () => cut.ask(HEADLESS, 'A').answers);
    expect(new Set(firsts.flat()).size).toBeGreaterThan(60);
    for (const answers of firsts) expect(new Set(answers).size).toBe(answers.length);
  });
});

describe('over TCP', () => {
  it('a message is read whole, whatever the pieces that it comes in', () => {
    const messages = [query(NAME, 'A'), query(HEADLESS, 'SRV'), query('x', 'TXT')];
    const stream = Buffer.concat(messages.flatMap((message) => [lengthOf(message), message]));
    for (let split = 0; split <= stream.length; split += 1) {
      const reader = new MessageReader();
      const read = [...reader.push(stream.subarray(0, split))!, ...reader.push(stream.subarray(split))!];
      expect(read, String(split)).toEqual(messages);
      expect(reader.isWithin).toBe(false);
    }
  });

  it('a length beyond any query ends it', () => {
    expect(new MessageReader().push(Buffer.from([0xff, 0xff, 1]))).toBeUndefined();
    expect(new MessageReader().push(Buffer.from([0, 0]))).toEqual([Buffer.alloc(0)]);
  });
});

describe('the cache', () => {
  it('forgets those of too many questions that were asked long ago, and stays right for all', () => {
    const given = world();
    const askOthers = (from: number) => {
      for (let index = from; index < from + LIMITS.cachedAnswersMax / 2 - 1; index += 1) {
        given.raw(query(`n${index}.shop.svc.clusterset.local`, 'A'));
      }
    };
    expect(given.ask(NAME, 'A').answers).toEqual([`${NAME} A 10.96.1.1`]);
    askOthers(0);
    given.put(serviceImport('web', { ips: ['10.96.1.2'] }));
    askOthers(100_000);
    expect(given.ask(NAME, 'A').answers).toEqual([`${NAME} A 10.96.1.2`]);
    askOthers(200_000);
    askOthers(300_000);
    expect(given.ask(NAME, 'A').answers).toEqual([`${NAME} A 10.96.1.2`]);
    expect(given.ask('n0.shop.svc.clusterset.local', 'A').rcode).toBe('NXDOMAIN');
  });
});

describe('an external domain', () => {
  const weighted = (cluster: string, ip: string, weight: number) => ({
    dnsName: 'shop.apps.example.com',
    recordType: 'A',
    recordTTL: 30,
    targets: [ip],
    setIdentifier: cluster,
    providerSpecific: [{ name: 'aws/weight', value: String(weight) }],
  });
  const given = (seed?: number) =>
    new DnsWorld(seed).put(
      dnsEndpoint('plain', [
        { dnsName: 'web.apps.example.com', recordType: 'A', recordTTL: 30, targets: ['192.0.2.1', '192.0.2.2'] },
        { dnsName: 'web.apps.example.com', recordType: 'AAAA', recordTTL: 30, targets: ['2001:db8::1'] },
        { dnsName: 'api.v1.apps.example.com', recordType: 'CNAME', recordTTL: 30, targets: ['lb.cloud.example.'] },
        { dnsName: '*.wild.apps.example.com', recordType: 'A', targets: ['192.0.2.9'] },
        { dnsName: 'a.sub.wild.apps.example.com', recordType: 'A', targets: ['192.0.2.8'] },
        { dnsName: 'other.example.net', recordType: 'A', targets: ['192.0.2.7'] },
        { dnsName: 'bad.apps.example.com', recordType: 'A', targets: ['not-an-ip'] },
      ]),
      dnsEndpoint('weighted', [
        weighted('east', '192.0.2.10', 30),
        weighted('west', '192.0.2.20', 10),
        weighted('south', '192.0.2.30', 0),
      ]),
    );

  it('has the targets of its DNSEndpoints, with their time to live', () => {
    const said = given().ask('Web.apps.example.com', 'A');
    expect(said.answers.sort()).toEqual(['Web.apps.example.com A 192.0.2.1', 'Web.apps.example.com A 192.0.2.2']);
    expect((said.packet.answers![0] as { ttl?: number }).ttl).toBe(30);
    expect(given().ask('web.apps.example.com', 'AAAA').answers).toEqual(['web.apps.example.com AAAA 2001:db8::1']);
    expect(given().ask('web.apps.example.com', 'TXT')).toMatchObject({ rcode: 'NOERROR', answers: [] });
  });

  it('gives an alias for whatever is asked of it', () => {
    for (const type of ['A', 'AAAA', 'CNAME', 'TXT']) {
      expect(given().ask('api.v1.apps.example.com', type).answers).toEqual([
        'api.v1.apps.example.com CNAME lb.cloud.example',
      ]);
    }
  });

  it('knows what exists: empty names, wildcards, and nothing of others', () => {
    expect(given().ask('v1.apps.example.com', 'A')).toMatchObject({ rcode: 'NOERROR', answers: [] });
    expect(given().ask('nothing.apps.example.com', 'A').rcode).toBe('NXDOMAIN');
    expect(given().ask('bad.apps.example.com', 'A').rcode).toBe('NXDOMAIN');
    expect(given().ask('a.b.wild.apps.example.com', 'A').answers).toEqual(['a.b.wild.apps.example.com A 192.0.2.9']);
    // A name that exists is closer than the wildcard.
    expect(given().ask('b.sub.wild.apps.example.com', 'A').rcode).toBe('NXDOMAIN');
    expect(given().ask('wild.apps.example.com', 'A')).toMatchObject({ rcode: 'NOERROR', answers: [] });
    expect(given().ask('other.example.net', 'A').rcode).toBe('REFUSED');
    expect(given().ask('apps.example.com', 'SOA').answers).toHaveLength(1);
  });

  it('chooses among clusters by weight, and never one of weight 0', () => {
    const one = given();
    const counts = new Map<string, number>();
    for (let asked = 0; asked < 4000; asked += 1) {
      const { answers } = one.ask('shop.apps.example.com', 'A');
      expect(answers).toHaveLength(1);
      counts.set(answers[0]!, (counts.get(answers[0]!) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['10', '20'].map((end) => `shop.apps.example.com A 192.0.2.${end}`));
    expect(counts.get('shop.apps.example.com A 192.0.2.10')! / 4000).toBeCloseTo(0.75, 1);
  });

  it('that is an alias and has addresses has addresses; what two objects say is said once', () => {
    const one = new DnsWorld().put(
      dnsEndpoint('x', [
        { dnsName: 'x.apps.example.com', recordType: 'CNAME', targets: ['lb.example'] },
        { dnsName: 'x.apps.example.com', recordType: 'A', targets: ['192.0.2.1', '192.0.2.2'] },
      ]),
      dnsEndpoint('y', [{ dnsName: 'x.apps.example.com', recordType: 'A', targets: ['192.0.2.2'] }]),
    );
    expect(one.ask('x.apps.example.com', 'A').answers.sort()).toEqual(
      ['192.0.2.1', '192.0.2.2'].map((ip) => `x.apps.example.com A ${ip}`),
    );
  });

  it('follows each change, and has nothing left when all is gone', () => {
    const one = new DnsWorld();
    const before = dnsEndpoint('x', [{ dnsName: 'a.b.apps.example.com', recordType: 'A', targets: ['192.0.2.1'] }]);
    const after = dnsEndpoint('x', [{ dnsName: 'c.apps.example.com', recordType: 'A', targets: ['192.0.2.2'] }]);
    one.external.setEndpoint(undefined, before, one.now);
    expect(one.ask('a.b.apps.example.com', 'A').rcode).toBe('NOERROR');
    one.external.setEndpoint(before, after, one.now);
    expect(one.ask('a.b.apps.example.com', 'A').rcode).toBe('NXDOMAIN');
    expect(one.ask('b.apps.example.com', 'A').rcode).toBe('NXDOMAIN');
    expect(one.ask('c.apps.example.com', 'A').answers).toEqual(['c.apps.example.com A 192.0.2.2']);
    one.external.setEndpoint(after, undefined, one.now);
    expect(one.ask('c.apps.example.com', 'A').rcode).toBe('NXDOMAIN');
  });
});
