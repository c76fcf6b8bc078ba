/** Names of the pods of a headless service, from the slices of its own cluster to the answers of DNS in each cluster. */
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../lib/kube/object.ts';
import { checkService } from '../../service-controller/exchange/record.ts';
import { PODS_PER_CLUSTER_MAX, PODS_PER_SERVICE_MAX } from '../../service-controller/reconcile/limits.ts';
import type { Observed } from '../../service-controller/reconcile/observed.ts';
import type { IpFamily, ServiceRecord } from '../../service-controller/records.ts';
import { DnsWorld } from '../support/dns.ts';
import {
  carrier,
  cluster,
  DUAL,
  dualCarrier,
  madeExport,
  observed,
  record,
  service,
} from '../support/services/observed-service.ts';
import { endpointsOf, ServiceWorld, specOf } from '../support/services/service-world.ts';

const NAME = 'web.shop.svc.clusterset.local';
const PORTS = [
  { name: 'tcp', protocol: 'TCP', port: 42 },
  { name: 'udp', protocol: 'UDP', port: 42 },
];

interface Pod {
  v4: string;
  v6: string;
  hostname?: string;
  ready?: boolean;
  serving?: boolean;
}

const PODS: Pod[] = [
  { v4: '10.101.0.50', v6: 'fd00:10:101::32' },
  { v4: '10.101.0.52', v6: 'fd00:10:101::34' },
];
const NAMES = ['10-101-0-50', '10-101-0-52', 'fd00-10-101--32', 'fd00-10-101--34'];
const STATEFUL = PODS.map((pod, index) => ({ ...pod, hostname: `web-${index}` }));

/** As Kubernetes has them: one for each family, with the same pods. */
function slices(pods: readonly Pod[], families: readonly IpFamily[] = DUAL): KubeObject[] {
  return families.map((family) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `web-${family.toLowerCase()}`, namespace: 'shop', labels: {} },
    addressType: family,
    ports: PORTS,
    endpoints: pods.map(({ v4, v6, hostname, ready = true, serving = ready }) => ({
      addresses: [family === 'IPv4' ? v4 : v6],
      conditions: { ready, serving, terminating: false },
      ...(hostname !== undefined && { hostname }),
      targetRef: { name: `pod-${v4}` },
    })),
  }));
}

function headless(pods: readonly Pod[], families: readonly IpFamily[] = DUAL): Partial<Observed> {
  const spec = { clusterIP: 'None', clusterIPs: ['None'], ipFamilies: families, ports: PORTS };
  return { service: service(spec), export: madeExport(), slices: slices(pods, families) };
}

function rested(parts: Partial<Observed>, serviceFamilies?: readonly IpFamily[]): ServiceWorld {
  const made = new ServiceWorld(observed(parts));
  if (serviceFamilies !== undefined) made.serviceFamilies = serviceFamilies;
  made.rest();
  return made;
}

const exporter = (pods: readonly Pod[] = PODS, families: readonly IpFamily[] = DUAL) =>
  rested({ clusterId: 'west', carrier: dualCarrier(), ...headless(pods, families) });

/** What others take it for. */
function told({ record: said }: ServiceWorld): ServiceRecord {
  const checked = checkService(JSON.parse(JSON.stringify(said)));
  if (!('value' in checked)) throw new Error(checked.fault);
  return checked.value;
}

const importer = (said: ServiceRecord, parts: Partial<Observed> = {}, serviceFamilies?: readonly IpFamily[]) =>
  rested({ carrier: dualCarrier(), clusters: [cluster('west', said)], ...parts }, serviceFamilies);

const onlyCarrier = (family: IpFamily) =>
  carrier({
    ipFamilies: [family],
    routers: [
      {
        name: 'router-1',
        addresses: [{ family, address: family === 'IPv4' ? '10.1.0.1' : 'fd00:1::1' }],
        isReady: true,
        listening: new Set(),
      },
    ],
  });

function dns(made: ServiceWorld): DnsWorld {
  return new DnsWorld().put(
    made.import!,
    ...made
      .list('EndpointSlice')
      .filter(({ metadata }) => metadata.labels?.['multicluster.kubernetes.io/service-name'] !== undefined),
  );
}

/** Of all SRV answers: target (without the service) and port, sorted. */
function targets(made: ServiceWorld, name = NAME): string[] {
  const { answers } = dns(made).ask(name, 'SRV', { transport: 'tcp' });
  return answers.map((text) => `${text.split(' ')[5]!.replace(`.${NAME}`, '')}:${text.split(' ')[4]}`).sort();
}

/** Addresses that a name has, by type. */
function addresses(made: ServiceWorld, type: 'A' | 'AAAA', pod?: string): string[] {
  const name = pod === undefined ? NAME : `${pod}.west.${NAME}`;
  const { answers } = dns(made).ask(name, type, { transport: 'tcp' });
  return answers.map((text) => text.split(' ')[2]!).sort();
}

const ofPod = (made: ServiceWorld, hostname: string) =>
  specOf(made.list('Service').find(({ metadata }) => metadata.annotations?.['skuprt.io/hostname'] === hostname));
const srv = (names: readonly string[]) => names.map((name) => `${name}.west:42`);
const dialled = (made: ServiceWorld, hostname: string) =>
  made
    .list('Connector')
    .map(specOf)
    .filter(({ routingKey }) => routingKey === `skuprt.service/west/shop/web/42/${hostname}`)
    .map(({ settings }) => (settings as Record<string, string>)['skuprt.io/endpoints']);

describe('pods without a hostname, of a service of two families', () => {
  it('are named by each of their addresses in their own cluster', () => {
    const west = exporter();
    expect(targets(west)).toEqual(srv(NAMES));
    expect(targets(west, `_tcp._tcp.${NAME}`)).toEqual(srv(NAMES));
    expect(addresses(west, 'A')).toEqual(PODS.map(({ v4 }) => v4));
    expect(addresses(west, 'AAAA')).toEqual(PODS.map(({ v6 }) => v6));
    expect([addresses(west, 'A', NAMES[0]), addresses(west, 'AAAA', NAMES[0])]).toEqual([[PODS[0]!.v4], []]);
    expect([addresses(west, 'A', NAMES[2]), addresses(west, 'AAAA', NAMES[2])]).toEqual([[], [PODS[0]!.v6]]);
  });

  it('have the same names in another cluster, with one address each, of that family', () => {
    const east = importer(told(exporter()));
    expect(targets(east)).toEqual(srv(NAMES));
    expect(addresses(east, 'A')).toHaveLength(2);
    expect(addresses(east, 'AAAA')).toHaveLength(2);
    for (const [name, type, other] of [
      [NAMES[0]!, 'A', 'AAAA'],
      [NAMES[2]!, 'AAAA', 'A'],
    ] as const) {
      const [address] = addresses(east, type, name);
      expect(addresses(east, type)).toContain(address);
      expect(ofPod(east, name).clusterIPs).toContain(address);
      expect(addresses(east, other, name)).toEqual([]);
    }
    expect(ofPod(east, NAMES[0]!)).toMatchObject({ ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv4'] });
  });

  it('count once as ready, and are dialled by the address that was asked for', () => {
    const west = exporter();
    expect(told(west).ready).toBe(2);
    expect(NAMES.map((name) => dialled(west, name))).toEqual([
      ['10.101.0.50:42'],
      ['10.101.0.52:42'],
      ['[fd00:10:101::32]:42'],
      ['[fd00:10:101::34]:42'],
    ]);
  });

  it('that come later have a Service of their family alone, once it is known that there are such', () => {
    const east = importer(told(exporter(PODS.slice(0, 1))));
    east.view = { ...east.view, clusters: [cluster('west', told(exporter()))] };
    east.rest();
    expect(ofPod(east, NAMES[3]!)).toMatchObject({ ipFamilyPolicy: 'SingleStack', ipFamilies: ['IPv6'] });
    expect(targets(east)).toEqual(srv(NAMES));
  });

  it('are of the family that the importing cluster has, and of no other', () => {
    for (const [family, names] of [
      ['IPv4', NAMES.slice(0, 2)],
      ['IPv6', NAMES.slice(2)],
    ] as const) {
      const east = importer(told(exporter()), { carrier: onlyCarrier(family) });
      expect(targets(east)).toEqual(srv(names));
      expect(east.list('Service')).toHaveLength(2);
      expect(east.list('Listener')).toHaveLength(2);
      // Nor when its routers have no address for a while.
      east.view = { ...east.view, carrier: carrier({ ipFamilies: [], routers: [] }) };
      east.rest();
      expect(east.list('Service')).toHaveLength(2);
    }
  });

  it('are of one family where Services have one, whatever pods have', () => {
    const east = importer(told(exporter()), {}, ['IPv4']);
    expect(targets(east)).toEqual(srv(NAMES.slice(0, 2)));
    expect(addresses(east, 'AAAA')).toEqual([]);
  });

  it('stand for their pods where the importing cluster has none of their families', () => {
    const winner = record({ type: 'Headless', since: 0, ipFamilies: [...DUAL], ports: PORTS as never, pods: [] });
    const clusters = [cluster('north', winner), cluster('west', told(exporter(PODS, ['IPv4'])))];
    const east = importer(told(exporter()), { carrier: onlyCarrier('IPv6'), clusters });
    expect(targets(east)).toEqual(srv(NAMES.slice(0, 2)));
    expect(addresses(east, 'AAAA')).toHaveLength(2);
    const before = ofPod(east, NAMES[0]!);
    east.writes = [];
    east.view = { ...east.view, clusters: [], isSettled: false, startedAt: east.now };
    east.rest();
    expect([east.writes, ofPod(east, NAMES[0]!)]).toEqual([[], before]);
  });

  it('survive a restart of the controller', () => {
    const east = importer(told(exporter()));
    const { clusters } = east.view;
    east.writes = [];
    east.view = { ...east.view, clusters: [], isSettled: false, startedAt: east.now };
    east.rest();
    east.view = { ...east.view, clusters, isSettled: true };
    east.rest();
    expect(east.writes).toEqual([]);
    expect(targets(east)).toEqual(srv(NAMES));
  });

  it('are as many as other pods are, in each family, and both names of a pod or none', () => {
    const many = Array.from({ length: PODS_PER_CLUSTER_MAX + 5 }, (_, index) => ({
      v4: `10.101.1.${index}`,
      // Not in the order of the others.
      v6: `fd00::${(500 - index).toString(16)}`,
    }));
    const west = exporter(many);
    const said = told(west);
    const east = importer(said);
    expect(addresses(east, 'A')).toHaveLength(PODS_PER_CLUSTER_MAX);
    expect(addresses(east, 'AAAA')).toHaveLength(PODS_PER_CLUSTER_MAX);
    const crowd = Array.from({ length: 20 }, (_, index) => cluster(`c-${index}`, said));
    const full = importer(said, { clusters: crowd });
    const listed = full.slicesOf('c-7').map((slice) => endpointsOf(slice).map(({ hostname }) => hostname!));
    expect(listed.map(({ length }) => length)).toEqual([PODS_PER_SERVICE_MAX / 20, PODS_PER_SERVICE_MAX / 20]);
    const podOf = new Map(
      many.flatMap(({ v4, v6 }, index) => [v4, v6].map((one) => [one.replaceAll(/[.:]/g, '-'), index])),
    );
    const [fours, sixes] = listed.map((names) => names.map((name) => podOf.get(name)));
    expect([...sixes!].sort()).toEqual([...fours!].sort());
  });
});

describe('pods with a hostname, of a service of two families', () => {
  it('have one name with an address of each family, in each cluster', () => {
    const west = exporter(STATEFUL);
    const east = importer(told(west));
    for (const made of [west, east]) {
      expect(targets(made)).toEqual(srv(['web-0', 'web-1']));
      for (const type of ['A', 'AAAA'] as const) {
        expect(addresses(made, type)).toHaveLength(2);
        expect(addresses(made, type, 'web-1')).toHaveLength(1);
      }
    }
    expect(dialled(west, 'web-0')).toEqual(['10.101.0.50:42,[fd00:10:101::32]:42']);
  });

  it('keep their name and address here when they come back with other addresses there', () => {
    const east = importer(told(exporter(STATEFUL)));
    const before = ['A', 'AAAA'].map((type) => addresses(east, type as 'A', 'web-0'));
    const back = [{ v4: '10.101.0.99', v6: 'fd00:10:101::99', hostname: 'web-0' }, STATEFUL[1]!];
    const west = exporter(back);
    east.writes = [];
    for (const said of [told(exporter(STATEFUL.slice(1))), told(west)]) {
      east.view = { ...east.view, clusters: [cluster('west', said)] };
      east.rest();
    }
    expect(['A', 'AAAA'].map((type) => addresses(east, type as 'A', 'web-0'))).toEqual(before);
    expect(east.writes.filter((write) => write.startsWith('prune'))).toEqual([]);
    expect(dialled(west, 'web-0')).toEqual(['10.101.0.99:42,[fd00:10:101::99]:42']);
  });

  it('keep their address also when their name looks like one', () => {
    const odd = [{ ...PODS[0]!, hostname: 'db-a-0' }, STATEFUL[1]!];
    const east = importer(told(exporter(odd)));
    const before = ofPod(east, 'db-a-0').clusterIPs;
    east.view = { ...east.view, clusters: [cluster('west', told(exporter(odd.slice(1))))] };
    east.rest();
    expect(ofPod(east, 'db-a-0').clusterIPs).toEqual(before);
  });

  it('are in names only while they are ready, or their Service says that it does not matter', () => {
    const some = [{ ...STATEFUL[0]!, ready: false }, STATEFUL[1]!];
    const west = exporter(some);
    for (const made of [west, importer(told(west))]) expect(targets(made)).toEqual(srv(['web-1']));
    expect(dialled(west, 'web-0')).toEqual(['']);
    // publishNotReadyAddresses: Kubernetes says ready in the slices, and so do we.
    const all = exporter([{ ...STATEFUL[0]!, serving: false }, STATEFUL[1]!]);
    for (const made of [all, importer(told(all))]) expect(targets(made)).toEqual(srv(['web-0', 'web-1']));
  });

  it('come and go with the scale of their StatefulSet', () => {
    const east = importer(told(exporter(STATEFUL.slice(0, 1))));
    expect(targets(east)).toEqual(srv(['web-0']));
    const kept = addresses(east, 'A', 'web-0');
    east.view = { ...east.view, clusters: [cluster('west', told(exporter(STATEFUL)))] };
    east.rest();
    expect(targets(east)).toEqual(srv(['web-0', 'web-1']));
    east.view = { ...east.view, clusters: [cluster('west', told(exporter(STATEFUL.slice(0, 1))))] };
    east.rest();
    expect([targets(east), addresses(east, 'A')]).toEqual([srv(['web-0']), kept]);
  });
});
