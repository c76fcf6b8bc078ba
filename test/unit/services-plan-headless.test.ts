/** Headless services of the cluster set: an address here for each pod that another cluster has. */
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../lib/kube/object.ts';
import { POD_GRACE_MS, PODS_PER_CLUSTER_MAX, PODS_PER_SERVICE_MAX } from '../../service-controller/reconcile/limits.ts';
import type { Observed } from '../../service-controller/reconcile/observed.ts';
import { planService } from '../../service-controller/reconcile/plan.ts';
import type { PodRecord, ServiceRecord } from '../../service-controller/records.ts';
import {
  cluster,
  DUAL,
  dualCarrier,
  HTTP,
  madeExport,
  observed,
  record,
  service,
  slice,
} from '../support/services/observed-service.ts';
import { endpointsOf, portsOf, ServiceWorld } from '../support/services/service-world.ts';

const HEADLESS = { clusterIP: 'None', clusterIPs: ['None'] };
const PODS: PodRecord[] = [
  { hostname: 'web-0', ready: true },
  { hostname: 'web-1', ready: false },
];

const headless = (pods: PodRecord[] = PODS, parts: Partial<ServiceRecord> = {}) =>
  record({ type: 'Headless', pods, ready: pods.filter(({ ready }) => ready).length, ...parts });

function world(parts: Partial<Observed>): ServiceWorld {
  const made = new ServiceWorld(observed(parts));
  made.rest();
  return made;
}

const hostnameOf = ({ metadata }: KubeObject) => metadata.annotations?.['skuprt.io/hostname'];
const serviceOf = (made: ServiceWorld, hostname: string) =>
  made.list('Service').find((one) => hostnameOf(one) === hostname);
const addressOf = (made: ServiceWorld, hostname: string) =>
  (serviceOf(made, hostname)?.spec as { clusterIP: string } | undefined)?.clusterIP;
const listed = (made: ServiceWorld, from = 'west') =>
  made
    .slicesOf(from)
    .flatMap(endpointsOf)
    .map(({ hostname, addresses, conditions }) => [hostname, addresses[0], conditions.ready]);

describe('pods of another cluster', () => {
  it('have a Service each, which leads to the router port for that pod', () => {
    const made = world({ clusters: [cluster('west', headless())] });
    expect(made.import?.spec).toMatchObject({ type: 'Headless', ipFamilies: ['IPv4'] });
    expect(made.import?.spec).not.toHaveProperty('ips');
    expect(made.import?.metadata.annotations).not.toHaveProperty('multicluster.kubernetes.io/derived-service');
    expect(listed(made)).toEqual([
      ['web-0', addressOf(made, 'web-0'), true],
      ['web-1', addressOf(made, 'web-1'), false],
    ]);
    expect(portsOf(made.slicesOf('west')[0]!)).toEqual([{ name: 'http', protocol: 'TCP', port: 80 }]);
    const keys = made.list('Listener').map(({ spec }) => (spec as { routingKey: string }).routingKey);
    expect(keys.sort()).toEqual(['skuprt.service/west/shop/web/80/web-0', 'skuprt.service/west/shop/web/80/web-1']);
    expect(made.list('MultiKeyListener')).toEqual([]);
    const [first, second] = ['web-0', 'web-1'].map((hostname) =>
      made.targets('http', serviceOf(made, hostname)!.metadata.name),
    );
    expect(first).toHaveLength(1);
    expect(second).toHaveLength(1);
    expect(first).not.toEqual(second);
  });

  it('have addresses of both families where there are two', () => {
    const made = world({
      carrier: dualCarrier(),
      clusters: [cluster('west', headless(PODS, { ipFamilies: [...DUAL] }))],
    });
    const ips = (serviceOf(made, 'web-0')!.spec as { clusterIPs: string[] }).clusterIPs;
    expect(
      listed(made)
        .filter(([hostname]) => hostname === 'web-0')
        .map(([, address]) => address),
    ).toEqual(ips);
    expect(ips).toHaveLength(2);
  });

  it('keep their address while they are not ready, and while one of a StatefulSet comes back', () => {
    const made = world({ clusters: [cluster('west', headless())] });
    const before = addressOf(made, 'web-0');
    made.view = { ...made.view, clusters: [cluster('west', headless(PODS.slice(1)))] };
    made.rest();
    expect(listed(made)).toContainEqual(['web-0', before, false]);
    made.now += POD_GRACE_MS - 1;
    made.rest();
    expect(addressOf(made, 'web-0')).toBe(before);
    made.view = { ...made.view, clusters: [cluster('west', headless())] };
    made.rest();
    expect(listed(made)).toContainEqual(['web-0', before, true]);
    expect(serviceOf(made, 'web-0')?.metadata.annotations).not.toHaveProperty('skuprt.io/gone-since');
  });

  it('are forgotten when they are gone for good, at a time that the plan names', () => {
    const made = world({ clusters: [cluster('west', headless())] });
    made.view = { ...made.view, clusters: [cluster('west', headless(PODS.slice(1)))] };
    const at = made.now + POD_GRACE_MS;
    made.rest();
    expect(planService(made.look(), made.now).requeueAt).toBe(at);
    made.now = at;
    made.rest();
    expect(serviceOf(made, 'web-0')).toBeUndefined();
    expect(listed(made).map(([hostname]) => hostname)).toEqual(['web-1']);
    expect(made.list('Listener')).toHaveLength(1);
  });

  it('that are named by their address are forgotten at once', () => {
    const made = world({ clusters: [cluster('west', headless([{ hostname: '10-0-0-1', ready: true }]))] });
    made.view = { ...made.view, clusters: [cluster('west', headless([{ hostname: '10-0-0-2', ready: true }]))] };
    made.rest();
    expect(listed(made).map(([hostname]) => hostname)).toEqual(['10-0-0-2']);
  });

  it('of a lost cluster keep their addresses, unlisted, and those of one that left go', () => {
    const made = world({ clusters: [cluster('west', headless())] });
    const before = addressOf(made, 'web-0');
    made.view = { ...made.view, clusters: [cluster('west', headless(), { state: 'lost' })] };
    made.rest();
    expect(listed(made)).toEqual([]);
    expect(addressOf(made, 'web-0')).toBe(before);
    made.view = { ...made.view, clusters: [], heard: new Set(['west']) };
    made.rest();
    expect([...made.objects.keys()]).toEqual([]);
  });

  it('survive a restart of the controller', () => {
    const made = world({ clusters: [cluster('west', headless())] });
    made.writes = [];
    made.view = { ...made.view, clusters: [], isSettled: false, startedAt: made.now };
    made.rest();
    expect(made.writes).toEqual([]);
    expect(listed(made)[0]?.[2]).toBe(true);
  });

  it('are as many as there is room for, and only those whose names can be asked for', () => {
    const many = Array.from({ length: PODS_PER_CLUSTER_MAX + 20 }, (_, index) => ({
      hostname: `web-${index}`,
      ready: true,
    }));
    const odd = [
      { hostname: 'no good', ready: true },
      { hostname: 'x'.repeat(64), ready: true },
    ];
    const made = world({ clusters: [cluster('west', headless([...odd, ...many]))] });
    expect(made.list('Service')).toHaveLength(PODS_PER_CLUSTER_MAX);
    const crowd = Array.from({ length: 20 }, (_, index) => cluster(`c-${index}`, headless(many)));
    expect(world({ clusters: crowd }).list('Service')).toHaveLength(PODS_PER_SERVICE_MAX);
  });

  it('of a service without ports have none here: there is nothing to lead to', () => {
    const made = world({ clusters: [cluster('west', headless(PODS, { ports: [] }))] });
    expect(made.import?.spec).toMatchObject({ type: 'Headless', ports: [] });
    expect(made.list('Service').concat(made.list('Listener'), made.list('EndpointSlice'))).toEqual([]);
  });
});

describe('pods of this cluster', () => {
  const own = (parts: object = {}): Partial<Observed> => ({
    service: service({ ...HEADLESS, ...parts }),
    export: madeExport(),
    slices: [
      slice([
        { address: '10.0.0.1', hostname: 'web-0' },
        { address: '10.0.0.2', hostname: 'web-1', ready: false },
        { address: '10.0.0.3' },
      ]),
    ],
  });

  it('are listed as they are, without a Service', () => {
    const made = world(own());
    expect(listed(made, 'east')).toEqual([
      ['web-0', '10.0.0.1', true],
      ['web-1', '10.0.0.2', false],
      [undefined, '10.0.0.3', true],
    ]);
    expect(made.list('Service')).toEqual([]);
  });

  it('are offered to the mesh one by one, under the names that the others are told', () => {
    const made = world(own());
    const offered = Object.fromEntries(
      made.list('Connector').map(({ spec }) => {
        const { routingKey, settings } = spec as { routingKey: string; settings: Record<string, string> };
        return [routingKey.replace('skuprt.service/east/shop/web/', ''), settings['skuprt.io/endpoints']];
      }),
    );
    expect(offered).toEqual({
      '80': '10.0.0.1:8080,10.0.0.3:8080',
      '80/web-0': '10.0.0.1:8080',
      '80/web-1': '',
      '80/10-0-0-3': '10.0.0.3:8080',
    });
    expect(made.record?.pods?.map(({ hostname }) => `80/${hostname}`).sort()).toEqual(
      Object.keys(offered)
        .filter((name) => name !== '80')
        .sort(),
    );
  });

  it('are listed also when the service has no ports', () => {
    const made = world({ ...own({ ports: [] }), slices: [slice([{ address: '10.0.0.1' }], { ports: [] })] });
    expect(listed(made, 'east')).toEqual([[undefined, '10.0.0.1', true]]);
    expect(made.list('Connector')).toEqual([]);
  });

  it('serve nothing while an older export has an address of its own', () => {
    const made = world({ ...own(), clusters: [cluster('west', record({ since: 1, ports: [HTTP] }))] });
    expect(made.import?.spec).toMatchObject({ type: 'ClusterSetIP' });
    expect(made.slicesOf('east')).toEqual([]);
    expect(made.list('Connector')).toEqual([]);
  });
});
