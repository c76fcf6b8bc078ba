/** Whatever comes to the exchange of services, it throws nothing but its coded error, stays within its limits, and ends. */
import { describe, expect, it } from 'vitest';
import { type Random, randomInt, SeededRandom } from '../../lib/random.ts';
import { type OwnEntry, ownEntries } from '../../service-controller/exchange/entries.ts';
import { ServiceExchange } from '../../service-controller/exchange/exchange.ts';
import { LIMITS } from '../../service-controller/exchange/limits.ts';
import {
  decodeChanges,
  decodeMessage,
  encodeUpdate,
  type Head,
  ServicesMessageError,
  type UpdateMessage,
} from '../../service-controller/exchange/messages.ts';
import { OwnSet } from '../../service-controller/exchange/own-set.ts';
import { Peer } from '../../service-controller/exchange/peer.ts';
import { checkIngress, checkService } from '../../service-controller/exchange/record.ts';
import type { ServiceRecord } from '../../service-controller/records.ts';
import { contentOf, serviceRecord } from '../support/sim/services-network.ts';

const HEAD: Head = { v: 1, set: 'set', cluster: 'a', site: 'site-a', instance: 1, box: 1 };

function pick<T>(random: Random, list: readonly T[]): T {
  return list[randomInt(random, list.length)]!;
}

/** Every kind of message that a publisher sends, packed and plain. */
function samples(): string[] {
  const texts: string[] = [];
  const exchange = new ServiceExchange({ clusterId: 'a', clusterSet: 'set', siteId: 'site-a', instance: 1 });
  const drain = () => {
    for (let next = exchange.nextMessage(); next !== undefined; next = exchange.nextMessage()) texts.push(next.text);
  };
  exchange.setOwn(contentOf(Array.from({ length: 30 }, (_, index) => serviceRecord(`web-${index}`))), 0);
  exchange.connected(0);
  for (const now of [0, 100, 1000, 6000]) exchange.tick(now);
  exchange.setOwn(contentOf([serviceRecord('web-0', RICH)]), 7000);
  exchange.tick(8000);
  exchange.leave();
  drain();
  const ask = { ...HEAD, type: 'request', about: 'b', aboutInstance: 1, aboutBox: 1, seq: -1 };
  return [...texts, JSON.stringify(ask)];
}

const RICH: Partial<ServiceRecord> = {
  ipFamilies: ['IPv4', 'IPv6'],
  sessionAffinity: 'ClientIP',
  sessionAffinityTimeoutSeconds: 10,
  internalTrafficPolicy: 'Local',
  trafficDistribution: 'PreferClose',
  labels: { 'example.com/a': 'b' },
  annotations: { note: 'two\nlines' },
  clusterSelectors: [
    {
      propertySelector: {
        matchProperties: { 'region.example.com': '@SameAsImporter@' },
        matchExpressions: [{ key: 'zone', operator: 'In', values: ['a', 'b'] }],
      },
    },
  ],
  priority: 1,
  weight: 5,
  locality: 'none',
  localMinimum: 2,
  pods: [{ hostname: 'web-0', ready: true }],
  external: [{ ip: '2001:db8::1' }, { hostname: 'lb.example.com' }],
};

const NAMES = ['', 'x', '__proto__', 'toString', 'A_B', 'labels', 'x'.repeat(400)];
const VALUES: readonly unknown[] = [
  ...['', 'x', 'A_B', '../x', 'a/b', '10.0.0.1', 'x'.repeat(70), '\u0000', '\ud800', '__proto__', 'web-0'],
  ...[
    -1,
    0,
    1.5,
    2 ** 53,
    1e308,
    true,
    null,
    undefined,
    [],
    {},
    [null],
    [[]],
    { ip: 'x' },
    JSON.parse('{"__proto__":{"a":1}}'),
  ],
];

/** The same value with something somewhere replaced, removed or added. */
function mutated(random: Random, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random.next() < 0.15) return pick(random, VALUES);
  if (Array.isArray(value)) {
    const copy = [...value];
    if (copy.length === 0 || random.next() < 0.1) return [...copy, pick(random, VALUES)];
    const at = randomInt(random, copy.length);
    copy[at] = mutated(random, copy[at]);
    return copy;
  }
  const keys = Object.keys(value);
  if (keys.length === 0 || random.next() < 0.1) return { ...value, [pick(random, NAMES)]: pick(random, VALUES) };
  const key = pick(random, keys);
  if (random.next() < 0.1) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
  return { ...value, [key]: mutated(random, (value as Record<string, unknown>)[key]) };
}

function garbled(random: Random, text: string): string {
  if (random.next() < 0.4) return JSON.stringify(mutated(random, JSON.parse(text)) ?? null);
  const bytes = Buffer.from(text);
  for (let flips = randomInt(random, 6); flips > 0; flips -= 1)
    bytes[randomInt(random, bytes.length)] = randomInt(random, 256);
  const cut = random.next() < 0.3 ? randomInt(random, bytes.length) : bytes.length;
  return bytes.subarray(0, cut).toString('utf8');
}

/** True when the message was fine. */
function decodes(text: string): boolean {
  try {
    const message = decodeMessage(text);
    if (message.type === 'update') decodeChanges(message, message.packed === undefined ? [] : [message.packed]);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(ServicesMessageError);
    return false;
  }
}

describe('the decoder', () => {
  it('takes what publishers send', () => {
    expect(samples().filter((text) => !decodes(text))).toEqual([]);
  });

  it('throws its coded error alone for messages with octets and members changed, cut and added', () => {
    const random = new SeededRandom(1);
    const texts = samples();
    let refused = 0;
    for (let round = 0; round < 8000; round += 1) if (!decodes(garbled(random, pick(random, texts)))) refused += 1;
    expect(refused).toBeGreaterThan(3000);
    expect(refused).toBeLessThan(7900);
  });

  it('throws its coded error for what is too large, nested too deeply, or unpacks to too much', () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const update = (more: string) =>
      JSON.stringify({ ...HEAD, type: 'update', from: -1, to: 1, hash: '0'.repeat(32), part: 0, parts: 1 }).replace(
        /}$/,
        `,${more}}`,
      );
    const changes = (services: string) => `"changes":{"services":${services},"ingresses":[],"removed":[]}`;
    expect(decodes(update(changes('[]')))).toBe(true);
    expect(decodes(update(changes(`[{"namespace":"a","name":"b","x":${deep}}]`)))).toBe(false);
    expect(decodes(update(`"changes":${deep}`))).toBe(false);
    expect(decodes(`"${'x'.repeat(LIMITS.messageBytesMax)}"`)).toBe(false);
    const bomb = `{"services":[],"ingresses":[],"removed":["${'x'.repeat(LIMITS.changesBytesMax)}"]}`;
    const packed = encodeUpdate(HEAD, { from: -1, to: 1, hash: '0'.repeat(32) }, bomb);
    expect(packed).toHaveLength(1);
    expect(decodes(packed[0]!)).toBe(false);
  });

  it('gives records that hold their own check, whatever was done to them', () => {
    const random = new SeededRandom(2);
    const service = serviceRecord('web', RICH);
    const ingress = { namespace: 'n', name: 'i', hosts: ['*.a.b'], addresses: [{ ip: '::1' }], isHealthy: true };
    let fine = 0;
    for (let round = 0; round < 6000; round += 1) {
      for (const [check, sample] of [
        [checkService, service],
        [checkIngress, ingress],
      ] as const) {
        const result = check(mutated(random, sample));
        if ('fault' in result) continue;
        fine += 1;
        expect(check(JSON.parse(JSON.stringify(result.value)))).toEqual(result);
        expect(Object.keys(result.value).filter((key) => !(key in sample))).toEqual([]);
      }
    }
    expect(fine).toBeGreaterThan(300);
  });
});

describe('the state machine', () => {
  it('survives garbled messages by any router, wakes in the future, and keeps its limits', () => {
    const random = new SeededRandom(3);
    const texts = samples();
    const exchange = new ServiceExchange({ clusterId: 'b', clusterSet: 'set', siteId: 'site-b', instance: 5 });
    exchange.setOwn(contentOf([serviceRecord('web')]), 0);
    exchange.setRouters(
      new Map([
        ['ra', 'site-a'],
        ['rb', 'site-b'],
        ['rc', 'site-c'],
      ]),
      0,
    );
    exchange.connected(0);
    let now = 0;
    for (let round = 0; round < 6000; round += 1) {
      const ingress = pick(random, ['ra', 'ra', 'ra', 'rb', 'rc', 'unknown', undefined]);
      exchange.receive({ text: garbled(random, pick(random, texts)), ingress }, now);
      exchange.tick(now);
      expect(exchange.deadline()).toBeGreaterThan(now);
      while (exchange.nextMessage() !== undefined);
      now += randomInt(random, 40);
    }
    expect(exchange.stats.malformed).toBeGreaterThan(1000);
    for (const { services, ingresses } of exchange.views()) {
      for (const service of services.values()) expect(checkService(service)).toEqual({ value: service });
      for (const ingress of ingresses.values()) expect(checkIngress(ingress)).toEqual({ value: ingress });
    }
  });

  it('a peer that gets any of the updates in any order is at one of the states, and at the last when it gets all that lead there', () => {
    for (let seed = 1; seed <= 150; seed += 1) {
      const random = new SeededRandom(seed);
      const set = new OwnSet();
      const states: string[] = [];
      const updates: UpdateMessage[] = [];
      const model = new Map<string, OwnEntry>();
      for (let step = 0; step < 20; step += 1) {
        for (let count = 1 + randomInt(random, 3); count > 0; count -= 1) {
          const content = contentOf([serviceRecord(`s${randomInt(random, 6)}`, { ready: randomInt(random, 9) })]);
          const [key, entry] = [...ownEntries(content).entries].find(([name]) => name !== 'c')!;
          if (random.next() < 0.3) model.delete(key);
          else model.set(key, entry);
        }
        set.tell(model);
        states[set.seq] = shown(model);
        const from = set.startFor(randomInt(random, set.seq + 1) - 1);
        for (const text of set.update(HEAD, from)) updates.push(decodeMessage(text) as UpdateMessage);
      }
      const peer = new Peer(HEAD, 0);
      for (let round = 0; round < 60; round += 1) {
        const update = pick(random, updates);
        const before = peer.seq;
        const outcome = peer.hearUpdate(update);
        expect(outcome, `seed ${seed}`).not.toBe('bad');
        const canApply = update.to > before && (update.from < 0 || (before >= 0 && update.from <= before));
        expect(outcome === 'applied', `seed ${seed}`).toBe(canApply);
        if (peer.seq >= 0) expect(shownBy(peer), `seed ${seed}`).toBe(states[peer.seq]);
      }
      for (const text of set.update(HEAD, peer.seq)) peer.hearUpdate(decodeMessage(text) as UpdateMessage);
      expect(shownBy(peer), `seed ${seed}`).toBe(shown(model));
    }
  });
});

function shown(model: ReadonlyMap<string, OwnEntry>): string {
  return [...model]
    .map(([key, { text }]) => `${key} ${text}`)
    .sort()
    .join('\n');
}

function shownBy(peer: Peer): string {
  return [...peer.view('a').services]
    .map(([key, service]) => `s/${key} ${JSON.stringify(service)}`)
    .sort()
    .join('\n');
}
