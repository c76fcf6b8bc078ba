/** Our blocks in a Corefile: in it, out of it to the letter, and not at all where something is not understood. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CorefileError, clusterBlock, objectionsTo, parseCorefile, zoneOf } from '../../cli/commands/dns/corefile.ts';
import { blocksOf, differenceOf, regionOf, withoutRegion, withRegion } from '../../cli/commands/dns/region.ts';
import { COREFILES } from '../support/corefiles.ts';

const ZONES = ['supercluster.local', 'clusterset.local'];
const blocks = (address: string) => blocksOf({ zones: ZONES, address, port: '53', bind: [] });

describe.each(Object.entries(COREFILES))('the Corefile of %s', (_name, text) => {
  it('is understood, and has nothing against our zones', () => {
    const corefile = parseCorefile(text);
    expect(corefile.blocks.length).toBeGreaterThan(0);
    expect(objectionsTo(corefile, ZONES)).toEqual([]);
  });

  it('gets our blocks, and only these', () => {
    const after = withRegion(text, blocks('10.96.0.53'));
    expect(after.startsWith(text)).toBe(true);
    const before = parseCorefile(text).blocks;
    const found = parseCorefile(after).blocks;
    expect(found.slice(0, before.length).map(({ keys, directives }) => ({ keys, directives }))).toEqual(
      before.map(({ keys, directives }) => ({ keys, directives })),
    );
    expect(found.slice(before.length).map(({ keys }) => keys)).toEqual(ZONES.map((zone) => [`${zone}:53`]));
    expect(found.at(-1)!.directives.find(({ name }) => name === 'forward')?.args).toEqual(['.', '10.96.0.53']);
  });

  it('is what it was to the letter when they are taken out', () => {
    expect(withoutRegion(withRegion(text, blocks('10.96.0.53')))).toBe(text);
  });

  it('stays the same when they are put in again, and follows the address in their place', () => {
    const once = withRegion(text, blocks('10.96.0.53'));
    expect(withRegion(once, blocks('10.96.0.53'))).toBe(once);
    const grown = `${once}other.example:53 {\n    forward . 192.0.2.1\n}\n`;
    const moved = withRegion(grown, blocks('10.96.0.99'));
    expect(moved).toBe(grown.replaceAll('10.96.0.53', '10.96.0.99'));
    expect(withoutRegion(moved)).toBe(
      `${text}${text.endsWith('\n') ? '' : '\n'}other.example:53 {\n    forward . 192.0.2.1\n}\n`,
    );
  });
});

it('any text is what it was when our blocks are taken out', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', '\n', '}', '{', '#', ' ', '.:53', '\r\n') }), (text) => {
      expect(withoutRegion(withRegion(text, blocks('10.0.0.1')))).toBe(text);
    }),
    { seed: 5 },
  );
});

describe('refuses', () => {
  const refused = (text: string) => {
    expect(() => parseCorefile(text), text).toThrow(CorefileError);
  };

  it('braces that do not match', () => {
    refused('.:53 {\n errors\n');
    refused('.:53 {\n errors\n}\n}\n');
    refused('.:53 {\n health {\n lameduck 5s\n }\n');
    refused('}\n');
  });

  it('what begins no block, and a quotation mark without its end', () => {
    refused('errors\nforward . 1.1.1.1\n');
    refused('{\n errors\n}\n');
    refused('.:53 {\n log "x\n}\n');
  });

  it.each([
    ['supercluster.local:53 {\n forward . 192.0.2.1\n}\n', 'server block'],
    ['SuperCluster.local. {\n forward . 192.0.2.1\n}\n', 'server block'],
    ['a.example, dns://supercluster.local:53 {\n errors\n}\n', 'server block'],
    [
      '.:53 {\n kubernetes cluster.local supercluster.local {\n multicluster supercluster.local\n }\n}\n',
      'multicluster',
    ],
    ['(k) {\n kubernetes supercluster.local {\n multicluster\n }\n}\n.:53 {\n import k\n}\n', 'multicluster'],
  ])('zones that the file does something with: %j', (text, what) => {
    const objections = objectionsTo(parseCorefile(text), ZONES);
    expect(objections).toHaveLength(1);
    expect(objections[0]).toContain('supercluster.local');
    expect(objections[0]).toContain(what);
  });

  it('but nothing about zones that are not asked for, or that only look alike', () => {
    const text = 'my.supercluster.local:53 local:53 {\n errors\n}\n.:53 {\n kubernetes cluster.local\n}\n';
    expect(objectionsTo(parseCorefile(text), ZONES)).toEqual([]);
    expect(objectionsTo(parseCorefile('clusterset.local {\n errors\n}\n'), ['supercluster.local'])).toEqual([]);
  });

  it('marks that are broken', () => {
    const text = withRegion(COREFILES.kubeadm!, blocks('10.96.0.53'));
    for (const broken of [text.replace('# END skuprt dns', ''), text.replace('# BEGIN skuprt dns', '#'), text + text]) {
      expect(() => regionOf(broken)).toThrow(CorefileError);
      expect(() => withoutRegion(broken)).toThrow(CorefileError);
      expect(() => withRegion(broken, '')).toThrow(CorefileError);
    }
  });
});

describe('understands', () => {
  it('files that are imported, and snippets that are not files', () => {
    expect(parseCorefile(COREFILES.k3s!).imports.sort()).toEqual([
      '/etc/coredns/custom/*.override',
      '/etc/coredns/custom/*.server',
    ]);
    expect(parseCorefile(COREFILES.stubs!).imports).toEqual([]);
  });

  it('where CoreDNS listens', () => {
    expect(clusterBlock(parseCorefile(COREFILES['other port']!))).toEqual({
      port: '5353',
      bind: ['10.0.0.10', '10.0.0.11'],
    });
    expect(clusterBlock(parseCorefile(COREFILES.stubs!))).toEqual({ port: '53', bind: [] });
    expect(blocksOf({ zones: ['a.b'], address: 'fd00::53', port: '5353', bind: ['10.0.0.10'] })).toBe(
      'a.b:5353 {\n    bind 10.0.0.10\n    errors\n    cache 5 {\n        denial 9984 1 0\n    }\n    loadbalance\n    forward . fd00::53\n}\n',
    );
  });

  it('keys of server blocks', () => {
    expect(['.', '.:53', 'Example.ORG.', 'dns://a.b:5353', 'tls://.:853'].map(zoneOf)).toEqual([
      { zone: '.', port: '53' },
      { zone: '.', port: '53' },
      { zone: 'example.org', port: '53' },
      { zone: 'a.b', port: '5353' },
      { zone: '.', port: '853' },
    ]);
  });
});

it('the difference is our lines', () => {
  const text = COREFILES.kubeadm!;
  const after = withRegion(text, blocks('10.96.0.53'));
  const lines = differenceOf(text, after).split('\n');
  expect(lines.filter((line) => line.startsWith('+'))).toHaveLength(after.split('\n').length - text.split('\n').length);
  expect(lines.filter((line) => line.startsWith('-'))).toEqual([]);
  expect(
    differenceOf(after, withRegion(after, blocks('10.96.0.99')))
      .split('\n')
      .filter((line) => /^[-+]/.test(line)),
  ).toContain('-    forward . 10.96.0.53');
  expect(differenceOf(text, text)).not.toMatch(/^[-+]/m);
});
