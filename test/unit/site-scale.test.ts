/** Sites with thousands of listeners and connectors: what they say of themselves still fits where it has to. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../config/api/index.ts';
import { configText, listenerPorts } from '../../config/router-config.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { packedText, unpackedText } from '../../lib/packed-text.ts';
import { decodeReport, encodeReport } from '../../lib/router-client/report.ts';
import { parseWanted } from '../../site-controller/adaptor/wanted.ts';
import { decodeMessage, encodeMessage, LIMITS } from '../../site-controller/exchange/record.ts';
import { allocatePorts } from '../../site-controller/reconcile/listener/ports.ts';
import { keysOnce, withinLimits } from '../../site-controller/reconcile/told.ts';
import { namespacePlanOf } from '../support/namespace-plan.ts';
import { remoteSite, resource, routerState, site } from '../support/observed.ts';
import { applied, onKubernetes } from '../support/observed-cluster.ts';

const CONFIG_MAP_BYTES_MAX = 1024 * 1024;
const PLACE = { pod: 'pod', certs: '/certs', proxies: '/proxies', bind: undefined };
const LOCAL_SERVER = resource('Secret', 'skupper-local-server', {
  type: 'kubernetes.io/tls',
  stringData: { 'ca.crt': 'ca', 'tls.crt': 'cert', 'tls.key': 'key' },
});

function many(count: number): Resource[] {
  return Array.from({ length: count }, (_, index) =>
    resource('Listener', `svc-abcdefghij-${index}-8080`, {
      routingKey: `skuprt.service/cluster/namespace/service-${index}/8080`,
      host: `host-${index}`,
      port: 8080,
      settings: { 'skuprt.io/service': 'none' },
    }),
  );
}

function dataOf(objects: readonly KubeObject[]): Record<string, string> {
  const map = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'skupper-router');
  return map!.data as Record<string, string>;
}

function sizeOf(data: Record<string, string>): number {
  return Object.values(data).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

describe('a text that is packed where room is short', () => {
  it('comes back as it was, is the same each time, and stays plain while it is short', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 0, max: 30 }), (text, plainLengthMax) => {
        const packed = packedText(text, plainLengthMax);
        expect(unpackedText(packed)).toBe(text);
        expect(packedText(text, plainLengthMax)).toBe(packed);
        if (text.length <= plainLengthMax) expect(packed).toBe(text);
      }),
      { seed: 20261121, numRuns: 200 },
    );
  });

  it('is nothing when it is damaged, or larger than anyone packs', () => {
    const packed = packedText('x'.repeat(1000), 10);
    expect(unpackedText(packed.slice(0, -8))).toBeUndefined();
    expect(unpackedText('gzip:')).toBeUndefined();
    expect(unpackedText('gzip:no such thing')).toBeUndefined();
    expect(unpackedText(packedText('x'.repeat(64 * 1024 * 1024 + 1), 10))).toBeUndefined();
  });
});

describe('a site with four thousand listeners', () => {
  const resources = [site(), LOCAL_SERVER, ...many(4000)];
  const { apply, faults } = namespacePlanOf(onKubernetes(resources));
  const data = dataOf(apply);

  it('has a configuration that fits into a ConfigMap, and that its adaptors read', () => {
    expect(faults).toEqual([]);
    expect(sizeOf(data)).toBeLessThan(CONFIG_MAP_BYTES_MAX / 4);
    const wanted = parseWanted(data, PLACE);
    expect(wanted.entities.filter(({ type }) => type === 'tcpListener')).toHaveLength(4000);
    expect(JSON.parse(wanted.siteContent!).listeners).toHaveLength(4000);
  });

  it('finds every port again in it', () => {
    const objects = apply.map(applied);
    // Without what remembers them, ports that met go to whom comes first.
    expect(allocatePorts(onKubernetes(resources, { objects }))).toEqual(listenerPorts(data));
    expect(listenerPorts(data).size).toBe(4000);
  });

  it('has reports of routers of which several fit into one ConfigMap', () => {
    const listeners = new Map(
      [...listenerPorts(data)].map(([name, port]) => [name, { operStatus: 'up', message: '', port }]),
    );
    const state = routerState({ listeners });
    const text = encodeReport(state);
    expect(text.length).toBeLessThan(CONFIG_MAP_BYTES_MAX / 8);
    expect(decodeReport(text)?.listeners).toEqual(listeners);
    expect(decodeReport(text.slice(0, -20))).toBeUndefined();
  });
});

it('a site with few listeners has a configuration that Skupper reads', () => {
  const data = dataOf(namespacePlanOf(onKubernetes([site(), LOCAL_SERVER, ...many(3)])).apply);
  expect(JSON.parse(data['skrouterd.json']!)).toBeInstanceOf(Array);
  expect(JSON.parse(data['site.json']!)).toMatchObject({ listeners: [{}, {}, {}] });
  expect(configText(data, 'skrouterd.json')).toBe(data['skrouterd.json']);
});

it('a configuration for which there is no room is told of', () => {
  const keyOf = (index: number) => createHash('sha512').update(String(index)).digest('base64');
  const listeners = Array.from({ length: 60 }, (_, index) =>
    resource('MultiKeyListener', `m-${index}`, {
      host: `m-${index}`,
      port: 80,
      strategy: { priority: { routingKeys: Array.from({ length: 256 }, (_entry, key) => keyOf(index * 256 + key)) } },
    }),
  );
  const { faults } = namespacePlanOf(onKubernetes([site(), LOCAL_SERVER, ...listeners]));
  expect(faults).toEqual([
    expect.stringMatching(/^what the site tells the others fits into no message: \d+ connectors and listeners are/),
    expect.stringMatching(/^the configuration of the routers has \d+ bytes, compressed, and ConfigMap skupper-router/),
  ]);
});

describe('what a site tells the others', () => {
  const records = (name: string, count: number) =>
    Array.from({ length: count }, (_, index) => ({
      name: `${name}-${index}`,
      routingKey: `${name}-${index}`,
      host: '',
      port: 1,
    }));
  const asMessage = (content: object) =>
    decodeMessage(encodeMessage({ v: 1, type: 'record', instance: 1, seq: 1, ...content } as never));

  it('is all of it while that can be taken in', () => {
    const content = remoteSite('west', {
      listeners: records('l', 100),
      connectors: records('c', LIMITS.serviceCountMax),
    });
    expect(withinLimits(content)).toEqual({ content, leftOutCount: 0 });
  });

  it.each([
    ['many listeners', { listeners: records('l', 20_000), connectors: records('c', 3) }, 3],
    ['many connectors', { listeners: records('l', 5), connectors: records('c', 20_000) }, LIMITS.serviceCountMax],
    ['long names', { listeners: records('l'.repeat(200), 5000), connectors: records('c'.repeat(200), 1000) }, 1000],
  ])('is as much as others take in when there are %s: connectors first', (_what, parts, connectorCount) => {
    const whole = remoteSite('west', parts);
    const { content, leftOutCount } = withinLimits(whole);
    expect(() => asMessage(content)).not.toThrow();
    expect(() => asMessage(whole)).toThrow();
    expect(content.connectors).toHaveLength(connectorCount);
    const count = (of: typeof content) => of.listeners.length + of.connectors.length;
    expect(leftOutCount).toBe(count(whole) - count(content));
  });

  it('has each routing key of listeners without a place once', () => {
    const [a, b] = records('l', 2);
    expect(keysOnce([a!, b!, { ...b!, name: 'other' }], [{ ...a!, name: 'placed' }])).toEqual([b]);
  });
});
