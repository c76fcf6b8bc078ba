/** Services of other sites on Kubernetes: a Service of the same name for each, and never in the place of what is there. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Connector } from '../../config/api/connector.ts';
import type { Resource } from '../../config/api/index.ts';
import type { Listener } from '../../config/api/listener.ts';
import { decodeMessage } from '../../site-controller/exchange/record.ts';
import { planImports } from '../../site-controller/reconcile/import/plan.ts';
import { listenerEntities, planListeners } from '../../site-controller/reconcile/listener/plan.ts';
import { allocatePorts } from '../../site-controller/reconcile/listener/ports.ts';
import { planServices } from '../../site-controller/reconcile/listener/services.ts';
import type { Observed } from '../../site-controller/reconcile/observed.ts';
import { ownContent } from '../../site-controller/reconcile/own-content.ts';
import { activeSite } from '../../site-controller/reconcile/site/identity.ts';
import { observed, remoteSite, resource, site } from '../support/observed.ts';
import { applied, foreignService, onKubernetes } from '../support/observed-cluster.ts';

interface Advertised {
  address: string;
  port: number;
  service?: string;
  podsByName?: boolean;
}
const east = (...services: Advertised[]) =>
  remoteSite('east', { services: services.map((service) => ({ protocol: 'tcp', ...service })) });
const network = (...sites: ReturnType<typeof remoteSite>[]) => ({ sites, settled: true, gone: new Set<string>() });
const seeing = (
  services: Advertised[],
  resources: Resource[] = [],
  objects = [] as ReturnType<typeof foreignService>[],
) => onKubernetes([site(), ...resources], { objects }, { network: network(east(...services)) });
const specs = (seen: Observed) =>
  planImports(seen).apply.map(({ metadata, spec }) => `${metadata.name} ${spec.host}:${spec.port} ${spec.routingKey}`);

/** With the imports of `seen` in place, as the next pass finds them. */
function next(seen: Observed, parts: Partial<Observed> = {}): Observed {
  const { apply } = planImports(seen);
  const resources = new Map(seen.resources);
  for (const listener of apply) {
    const metadata = {
      ...listener.metadata,
      uid: 'u',
      resourceVersion: '7',
      creationTimestamp: '2026-03-01T00:00:00Z',
    };
    resources.set(`Listener/${metadata.name}`, { ...listener, metadata });
  }
  const later = { ...seen, resources };
  const ready = { ...later, ports: allocatePorts(later) };
  const objects = new Map(seen.cluster!.objects);
  for (const service of planServices(ready).objects) objects.set(`Service/${service.metadata.name}`, applied(service));
  return { ...ready, cluster: { ...ready.cluster!, objects }, ...parts };
}

describe('a service that another site advertises', () => {
  it('becomes a Listener at a Service of its name and port, at which the router answers', () => {
    const seen = seeing([{ address: 'backend', port: 80 }]);
    expect(specs(seen)).toEqual(['backend backend:80 backend']);
    const after = next(seen);
    expect(planServices(after).objects.map(({ metadata }) => metadata.name)).toEqual(['backend']);
    expect(listenerEntities(after)).toHaveLength(1);
    expect(planListeners(after)[0]!.findings[0]).toMatchObject({ type: 'Configured', status: 'True' });
    expect(planImports(after)).toEqual(planImports(seen));
  });

  it('has all its ports at one Service', () => {
    const seen = seeing([
      { address: 'shop:80', port: 80, service: 'shop' },
      { address: 'shop:443', port: 443, service: 'shop' },
    ]);
    expect(specs(seen)).toEqual(['shop-443 shop:443 shop:443', 'shop-80 shop:80 shop:80']);
    expect(planServices(next(seen)).objects.map(({ spec }) => (spec as { ports: object[] }).ports)).toMatchObject([
      [
        { name: 'shop-443', port: 443 },
        { name: 'shop-80', port: 80 },
      ],
    ]);
  });

  it('gets a name that a Service may have when its own is none', () => {
    for (const [address, pattern] of [
      ['My_Service/v1', /^my-service-v1-[0-9a-f]{8} my-service-v1-[0-9a-f]{8}:80 /],
      ['8080', /^8080 s-8080-[0-9a-f]{8}:80 /],
      ['x'.repeat(200), /^x{54}-[0-9a-f]{8} x{54}-[0-9a-f]{8}:80 /],
      ['//', /^service-[0-9a-f]{8} service-[0-9a-f]{8}:80 /],
    ] as const) {
      expect(specs(seeing([{ address, port: 80 }]))[0]).toMatch(pattern);
    }
  });

  it('offers its pods by name when its site does', () => {
    const podsByName = (...flags: boolean[]) => {
      const sites = flags.map((flag, index) => ({
        ...east({ address: 'db', port: 1, podsByName: flag }),
        site: { ...east().site, id: `id-${index}` },
      }));
      return planImports(onKubernetes([site()], {}, { network: network(...sites) })).apply[0]!.spec.exposePodsByName;
    };
    expect([podsByName(false), podsByName(false, true), podsByName(true)]).toEqual([undefined, true, true]);
  });

  it('follows its port', () => {
    const seen = next(seeing([{ address: 'backend', port: 80 }]), {
      network: network(east({ address: 'backend', port: 81 })),
    });
    expect(specs(seen)).toEqual(['backend backend:81 backend']);
  });

  it.each([
    ['a Service of somebody else', [], [foreignService('backend')], 'Service backend already exists in namespace'],
    [
      'a Listener of the user at its host',
      [resource('Listener', 'mine', { routingKey: 'other', host: 'backend.ns-west', port: 1 })],
      [],
      'Listener mine with host backend already exists in namespace',
    ],
    [
      'a MultiKeyListener at its host',
      [
        resource('MultiKeyListener', 'mine', {
          host: 'backend',
          port: 1,
          strategy: { priority: { routingKeys: ['a'] } },
        }),
      ],
      [],
      'MultiKeyListener mine with host backend already exists in namespace',
    ],
  ])('gives way to %s, before it is imported and after', (_what, resources, objects, why) => {
    const seen = seeing([{ address: 'backend', port: 80 }], resources, objects);
    expect(planImports(seen)).toEqual({
      apply: [],
      prune: [],
      release: [],
      refused: new Map([['backend', why]]),
    });
    const before = next(seeing([{ address: 'backend', port: 80 }]));
    const added = new Map(before.resources);
    for (const extra of resources) added.set(`${extra.kind}/${extra.metadata.name}` as never, extra);
    const found = new Map(before.cluster!.objects);
    for (const object of objects) found.set('Service/backend', object);
    const after = { ...before, resources: added, cluster: { ...before.cluster!, objects: found } };
    expect(planImports(after)).toMatchObject({ apply: [], prune: ['backend'] });
  });

  it('never takes the Services by which a site is reached', () => {
    const { apply, refused } = planImports(seeing([{ address: 'skupper-router-local', port: 5671 }]));
    expect(apply).toEqual([]);
    expect(refused!.get('skupper-router-local')).toContain('already exists');
  });

  it('is not imported where the user listens for its address', () => {
    const own = resource('Listener', 'mine', { routingKey: 'backend', host: 'elsewhere', port: 1 });
    expect(planImports(seeing([{ address: 'backend', port: 80 }], [own]))).toMatchObject({
      apply: [],
      refused: new Map(),
    });
  });

  it('is named when it wants the place of another import', () => {
    const { apply, refused } = planImports(
      seeing([
        { address: 'shop', port: 80 },
        { address: 'shop:80', port: 80, service: 'shop' },
      ]),
    );
    expect(apply).toHaveLength(1);
    expect(refused!.get('shop:80')).toBe('Listener shop with host shop and port 80 already exists in namespace');
  });

  it('stays while its site may not have spoken yet, and goes when it is withdrawn', () => {
    const before = next(seeing([{ address: 'backend', port: 80 }]));
    const silent = { ...before, network: { sites: [], settled: false, gone: new Set<string>() } };
    expect(planImports(silent)).toMatchObject({ apply: planImports(before).apply, prune: [] });
    expect(planImports({ ...before, network: network(east()) })).toMatchObject({ apply: [], prune: ['backend'] });
  });
});

/** Names are few, so that they meet. */
const names = fc.constantFrom('a', 'b', 'A', '1', 'foreign', 'skupper-router-local');
const services = fc.array(
  fc.record({
    address: fc.constantFrom('a', 'b', 'a:1', 'a:2', 'A', '1', 'foreign', 'foreign:1', 'skupper-router-local'),
    port: fc.constantFrom(1, 2),
    service: fc.option(names, { nil: undefined }),
  }),
  { maxLength: 6 },
);
const users = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('u1', 'a', 'a-1'),
    host: fc.constantFrom('a', 'b', 'z'),
    key: fc.constantFrom('k', 'a'),
  }),
  { selector: ({ name }) => name, maxLength: 3 },
);

describe('whatever other sites advertise', () => {
  it('no import takes a place that is taken, and doing it twice changes nothing', () => {
    fc.assert(
      fc.property(services, users, (advertised, mine) => {
        const own = mine.map(({ name, host, key }) => resource('Listener', name, { routingKey: key, host, port: 1 }));
        const seen = seeing(advertised, own, [foreignService('foreign')]);
        const { apply, prune, refused } = planImports(seen);
        expect(prune).toEqual([]);
        const hosts = new Set([
          'foreign',
          'skupper-router-local',
          ...own.map((listener) => (listener as Listener).spec.host),
        ]);
        for (const { metadata, spec } of apply) {
          expect(hosts).not.toContain(spec.host);
          expect(own.map((listener) => listener.metadata.name)).not.toContain(metadata.name);
          expect(spec.host).toMatch(/^[a-z]([-a-z0-9]*[a-z0-9])?$/);
          expect(refused!.has(spec.routingKey)).toBe(false);
        }
        expect(new Set(apply.map(({ metadata }) => metadata.name)).size).toBe(apply.length);
        expect(new Set(apply.map(({ spec }) => `${spec.host}:${spec.port}`)).size).toBe(apply.length);
        const after = next(seen);
        expect(planImports(after)).toEqual(planImports(seen));
        expect(next(after).cluster!.objects).toEqual(after.cluster!.objects);
      }),
      { seed: 20261121, numRuns: 200 },
    );
  });
});

describe('what a site advertises', () => {
  const advertising = (name: string, routingKey: string, port: number, settings: object) =>
    resource('Connector', name, {
      routingKey,
      port,
      host: 'shop',
      settings: { 'skuprt.io/advertise': 'true', ...settings },
    });

  it('names the service of which an address is one port, and says that pods have names', () => {
    const ofShop = { 'skuprt.io/service-name': 'shop', 'skuprt.io/service-port': '80' };
    const spec = { ...(advertising('c', 'db', 5432, {}) as Connector).spec, exposePodsByName: true };
    const pods = resource('Connector', 'c', spec);
    const seen = observed([
      site(),
      advertising('a', 'shop:80', 8080, ofShop),
      advertising('b', 'single', 90, {}),
      pods,
    ]);
    const content = ownContent(seen, activeSite(seen)!);
    expect(content.services).toEqual([
      { address: 'shop:80', protocol: 'tcp', port: 80, service: 'shop' },
      { address: 'single', protocol: 'tcp', port: 90 },
      { address: 'db', protocol: 'tcp', port: 5432, podsByName: true },
    ]);
    const message = JSON.stringify({ v: 1, type: 'record', instance: 1, seq: 1, ...content });
    expect(decodeMessage(message)).toMatchObject({ services: content.services });
  });

  it('is imported by a site on a host at one Listener for each port', () => {
    const ports = new Map([
      ['import/"shop:80"', 80],
      ['import/"shop:443"', 4443],
    ]);
    const services = [
      { address: 'shop:80', port: 80, service: 'shop' },
      { address: 'shop:443', port: 443, service: 'shop' },
    ];
    expect(specs(observed([site()], { ports, network: network(east(...services)) }))).toEqual([
      'shop-443 127.0.0.1:4443 shop:443',
      'shop-80 127.0.0.1:80 shop:80',
    ]);
  });

  it('holds attached connectors too', () => {
    const connector = resource(
      'AttachedConnector',
      'db',
      { siteNamespace: 'ns-west', port: 5432, selector: 'app=db' },
      {
        namespace: 'apps',
      },
    );
    const settings = { 'skuprt.io/advertise': 'true' };
    const binding = resource('AttachedConnectorBinding', 'db', {
      connectorNamespace: 'apps',
      routingKey: 'db',
      settings,
    });
    const seen = onKubernetes([site(), binding], { attached: [{ connector: connector as never, pods: [] }] });
    expect(ownContent(seen, activeSite(seen)!).services).toEqual([{ address: 'db', protocol: 'tcp', port: 5432 }]);
  });
});
