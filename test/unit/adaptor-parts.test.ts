/** The parts of the adaptor: what a ConfigMap says, which files its profiles need, which endpoint a link dials, when to write. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { SeededRandom } from '../../lib/random.ts';
import { parseAdaptorConfig } from '../../site-controller/adaptor/config.ts';
import { EndpointChoice } from '../../site-controller/adaptor/endpoint-choice.ts';
import { ProfileDirectory } from '../../site-controller/adaptor/files.ts';
import { LatestWriter } from '../../site-controller/adaptor/latest-writer.ts';
import { holdBack, planFiles } from '../../site-controller/adaptor/profiles.ts';
import { type Place, parseWanted, renderSections } from '../../site-controller/adaptor/wanted.ts';
import { secretDigest, tlsSecret } from '../../site-controller/pki/secret.ts';
import { useVirtualTime } from '../support/virtual-time.ts';

const PLACE: Place = { pod: 'pod-a', certs: '/certs', proxies: '/proxies', bind: undefined };
const ROUTER = ['router', { id: `west-\${HOSTNAME}`, mode: 'interior' }] as const;
const tls = (name: string, more: object = {}) =>
  ['sslProfile', { name, caCertFile: `/etc/skupper-router-certs/${name}/ca.crt`, ...more }] as const;
const full = (name: string, more: object = {}) =>
  tls(name, {
    certFile: `/etc/skupper-router-certs/${name}/tls.crt`,
    privateKeyFile: `/etc/skupper-router-certs/${name}/tls.key`,
    ...more,
  });
const wanted = (sections: readonly (readonly [string, object])[], adaptor: object = {}, place: Partial<Place> = {}) =>
  parseWanted(
    { 'skrouterd.json': JSON.stringify([ROUTER, ...sections]), 'adaptor.json': JSON.stringify(adaptor) },
    { ...PLACE, ...place },
  );
const material = { ca: 'CA', certificate: 'CERT', privateKey: 'KEY' };

describe('a ConfigMap', () => {
  it('is read with the name of the pod, the places of files and the host to bind to', () => {
    const sections = [
      full('s'),
      ['listener', { name: 'a', host: '0.0.0.0', port: 1 }],
      ['tcpListener', { name: 'b', port: 2, address: 'x' }],
      ['listener', { name: 'c', host: '192.0.2.1', port: 3 }],
      ['tcpConnector', { name: 'd', host: 'localhost', port: 4, address: 'x' }],
    ] as const;
    const read = wanted(sections, {}, { bind: '127.0.0.2' });
    const hosts = read.entities.filter(({ type }) => type !== 'sslProfile').map(({ attributes }) => attributes.host);
    expect(hosts).toEqual(['127.0.0.2', '127.0.0.2', '192.0.2.1', 'localhost']);
    expect(read.entities[0]!.attributes.certFile).toBe('/certs/s/tls.crt');
    expect(JSON.parse(renderSections(read.sections))[0]).toEqual(['router', { id: 'west-pod-a', mode: 'interior' }]);
  });

  it.each([
    ['no router configuration', {}, 'has no skrouterd.json'],
    ['no JSON', { 'skrouterd.json': '{' }, 'is not JSON'],
    ['no list', { 'skrouterd.json': '{}' }, 'is not a list'],
    ['no router', { 'skrouterd.json': '[]' }, 'there is no router'],
    ['an unknown type', { 'skrouterd.json': '[["nonsense",{}]]' }, 'section 0: of an unknown type "nonsense"'],
    ['no name', { 'skrouterd.json': '[["router",{}],["connector",{}]]' }, 'section 1: connector without a name'],
    ['a list', { 'skrouterd.json': '[["router",{}],["connector",{"name":"x","host":[]}]]' }, 'host is not a text'],
    ['a double', { 'skrouterd.json': '[["router",{}],["router",{}]]' }, "router 'router' is there twice"],
    ['a wrong adaptor.json', { 'skrouterd.json': '[["router",{}]]', 'adaptor.json': '{"ha":1}' }, '/ha'],
  ])('with %s is refused by name', (_name, data, message) => {
    expect(() => parseWanted(data, PLACE)).toThrow(message);
  });

  it('without adaptor.json, or with members of a later version, is taken', () => {
    expect(parseAdaptorConfig(undefined)).toEqual({ tls: {}, endpoints: {}, proxies: {}, ha: false });
    expect(parseAdaptorConfig('{"ha":true,"later":1}').ha).toBe(true);
  });
});

describe('the files of profiles', () => {
  const secrets = new Map([
    ['s', tlsSecret('s', material)],
    ['ca-only', tlsSecret('ca-only', { ca: 'CA' })],
  ]);

  it.each([
    ['all of its Secret', full('s'), {}, ['ca.crt', 'tls.key', 'tls.crt']],
    ['the CA only', tls('s-profile'), {}, ['ca.crt']],
    ['the Secret that adaptor.json names', full('x'), { tls: { x: source('s') } }, ['ca.crt', 'tls.key', 'tls.crt']],
  ])('are %s', (_name, section, adaptor, expected) => {
    const plan = planFiles(wanted([section], adaptor), secrets, '/certs');
    expect([...[...plan.profiles.values()][0]!.files.keys()]).toEqual(expected);
  });

  it('wait for a Secret that is not there or not complete; those of other places are left alone', () => {
    const sections = [
      full('none'),
      full('ca-only'),
      ['sslProfile', { name: 'own', caCertFile: '/mine/ca.crt' }],
    ] as const;
    const plan = planFiles(wanted(sections), secrets, '/certs');
    expect([...plan.missing]).toEqual([
      ['none', 'none'],
      ['ca-only', 'ca-only'],
    ]);
    expect(plan.profiles.size).toBe(0);
  });

  it('never leave their directory', () => {
    const plan = planFiles(wanted([full('../../x')]), new Map([['../../x', tlsSecret('x', material)]]), '/certs');
    expect(plan.profiles.size).toBe(0);
  });

  it('are written once, and removed with their profile', async () => {
    const root = mkdtempSync(join(tmpdir(), 'skuprt-files-'));
    const directory = new ProfileDirectory({ certs: join(root, 'certs'), proxies: join(root, 'proxies') });
    const read = wanted([full('s')], {}, { certs: join(root, 'certs') });
    const plan = planFiles(read, secrets, join(root, 'certs'));
    expect(await directory.write(plan)).toEqual(['s']);
    expect(await directory.write(plan)).toEqual([]);
    expect(readFileSync(join(root, 'certs', 's', 'tls.key'), 'utf8')).toBe('KEY');
    // A crash in the middle leaves no mark.
    rmSync(join(root, 'certs', 's', '.digest'));
    expect((await directory.read()).profiles.size).toBe(0);
    expect(await directory.write(plan)).toEqual(['s']);
    await directory.prune(new Set(), new Set());
    expect(existsSync(join(root, 'certs', 's'))).toBe(false);
  });

  it('hold back the ordinal of another revision, and what uses a profile without files', () => {
    const users = [
      ['tcpListener', { name: 'l', port: 1, multiAddressStrategy: 'priority', sslProfile: 's' }],
      ['listenerAddress', { name: 'la', address: 'x', value: 1, listener: 'l' }],
      ['tcpConnector', { name: 'free', port: 1, address: 'x' }],
    ] as const;
    const read = wanted([full('s', { ordinal: 2, oldestValidOrdinal: 1 }), ...users], { tls: { s: source('s') } });
    const digest = secretDigest(secrets.get('s')!);
    const disk = (profiles: [string, string][]) => ({ profiles: new Map(profiles), proxies: new Set<string>() });
    const shown = { sslProfile: [{ name: 's', ordinal: 1, oldestValidOrdinal: 0 }] };
    const ordinal = (held: ReturnType<typeof holdBack>) => held.entities[0]!.attributes.ordinal;
    expect(ordinal(holdBack(read, shown, disk([['s', 'other']]), '/certs'))).toBe(1);
    expect(ordinal(holdBack(read, shown, disk([['s', digest]]), '/certs'))).toBe(2);
    expect(ordinal(holdBack(read, {}, disk([['s', 'other']]), '/certs'))).toBe(2);
    expect([...holdBack(read, {}, disk([]), '/certs').frozen]).toEqual([
      'sslProfile/s',
      'tcpListener/l',
      'listenerAddress/la',
    ]);
  });

  function source(secret: string) {
    const digest = secretDigest(tlsSecret(secret, material));
    return { secret, parts: 'all', digest, ordinal: 2, oldestValidOrdinal: 1 };
  }
});

describe('the endpoint of a link', () => {
  const list = ['a', 'b', 'c'].map((host) => ({ host, port: 55671 }));
  const endpoints = { link: list };
  const connector = wanted([['connector', { name: 'link', host: 'a', port: '55671' }]]).entities;
  const down = new Map([['link', { status: 'CONNECTING', message: '' }]]);
  const up = new Map([['link', { status: 'SUCCESS', message: '' }]]);
  const failed = new Map([['link', { status: 'FAILED', message: 'refused' }]]);
  const dialled = (choice: EndpointChoice) => choice.apply(connector, endpoints)[0]!.attributes.host;

  it('is kept while it works, and goes round while none does', () => {
    const choice = new EndpointChoice(new SeededRandom(1));
    choice.update(endpoints, {}, up, 0);
    choice.update(endpoints, {}, up, 60_000);
    expect(dialled(choice)).toBe('a');
    choice.update(endpoints, {}, down, 62_000);
    expect(dialled(choice)).toBe('a');
    const seen: unknown[] = [];
    for (let now = 70_000; now < 100_000; now += 500) {
      choice.update(endpoints, {}, down, now);
      if (seen.at(-1) !== dialled(choice)) seen.push(dialled(choice));
    }
    expect(seen.slice(0, 4)).toEqual(['b', 'c', 'a', 'b']);
  });

  it('is the one that the router has when the adaptor starts', () => {
    const choice = new EndpointChoice(new SeededRandom(1));
    choice.update(endpoints, { connector: [{ name: 'link', host: 'b', port: '55671' }] }, up, 0);
    expect(dialled(choice)).toBe('b');
  });

  it('is left sooner when it refuses than when it is silent, and not at the same moment by all', () => {
    const leftAfter = (states: typeof down, seed: number) => {
      const choice = new EndpointChoice(new SeededRandom(seed));
      choice.update(endpoints, {}, states, 0);
      return choice.deadline(endpoints, states);
    };
    expect(leftAfter(failed, 1)).toBeLessThan(leftAfter(down, 1));
    expect(new Set([1, 2, 3, 4].map((seed) => leftAfter(down, seed))).size).toBe(4);
    expect(leftAfter(up, 1)).toBe(Infinity);
  });
});

describe('the latest of many values', () => {
  it('is written once, again when that failed, and never when it is the same', async () => {
    const clock: Clock = { now: () => performance.now(), wall: () => 0 };
    const written: string[] = [];
    let failures = 2;
    const writer = new LatestWriter<string>({
      what: 'value',
      write: async (value) => {
        if (failures-- > 0) throw new Error('away');
        written.push(value);
      },
      identify: (value) => value,
      intervalMs: 20,
      clock,
      random: { next: () => 0 },
      log: createLogger({ name: 'test', level: 'silent' }),
    });
    const stopping = new AbortController();
    const running = writer.run(stopping.signal);
    for (const value of ['a', 'b', 'b', 'c']) writer.set(value);
    const until = performance.now() + 2000;
    while (written.length === 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
    writer.set('c');
    await new Promise((resolve) => setTimeout(resolve, 60));
    stopping.abort();
    await running;
    expect(written).toEqual(['c']);
  });

  it('is written soon after the first, and ever less often while it changes all the time', async () => {
    useVirtualTime(1_000_000);
    try {
      const times: number[] = [];
      const writer = new LatestWriter<number>({
        what: 'value',
        write: async () => void times.push(performance.now()),
        identify: String,
        intervalMs: 200,
        clock: { now: () => performance.now(), wall: () => 0 },
        random: { next: () => 0 },
        log: createLogger({ name: 'test', level: 'silent' }),
      });
      const stopping = new AbortController();
      const running = writer.run(stopping.signal);
      const changeFor = async (ms: number) => {
        for (const until = performance.now() + ms; performance.now() < until; ) {
          writer.set(performance.now());
          await vi.advanceTimersByTimeAsync(5);
        }
      };
      const gaps = () => times.slice(1).map((time, index) => Math.round((time - times[index]!) / 25) * 25);
      await changeFor(1000);
      expect(gaps()).toEqual([25, 50, 100, 200, 200, 200, 200].slice(0, gaps().length));
      expect(times.length).toBeGreaterThanOrEqual(6);
      await vi.advanceTimersByTimeAsync(2000);
      times.length = 0;
      await changeFor(200);
      expect(gaps()).toEqual([25, 50, 100]);
      stopping.abort();
      await running;
    } finally {
      vi.useRealTimers();
    }
  });
});
