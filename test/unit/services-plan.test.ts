/** What one service of the cluster set is in one cluster: its import, derived Service, slices, and what the routers are told. */
import { describe, expect, it } from 'vitest';
import type { Observed } from '../../service-controller/reconcile/observed.ts';
import {
  carrier,
  cluster,
  DNS,
  DUAL,
  dualCarrier,
  exported,
  HTTP,
  madeExport,
  observed,
  record,
  service,
  silent,
  slice,
} from '../support/services/observed-service.ts';
import {
  choiceOf,
  clustersOf,
  conditionOf,
  endpointsOf,
  entity,
  key,
  keysOf,
  listenerOf,
  portsOf,
  ServiceWorld,
  settingsOf,
  specOf,
  world,
} from '../support/services/service-world.ts';

describe('the import', () => {
  it('is made with its derived Service in the first pass, and shows the addresses once they are given', () => {
    const made = new ServiceWorld(observed({ clusters: [cluster('west')] }));
    made.pass();
    expect(made.import?.metadata.annotations).toMatchObject({
      'multicluster.kubernetes.io/derived-service': made.derivedName,
    });
    expect(specOf(made.import)).toMatchObject({ type: 'ClusterSetIP', ipFamilies: ['IPv4'] });
    expect(specOf(made.import).ips).toBeUndefined();
    const derived = made.find('Service', made.derivedName);
    expect(specOf(derived).selector).toBeUndefined();
    // They are owned by the import.
    expect(made.list('EndpointSlice')).toEqual([]);
    made.pass();
    expect(conditionOf(made.import, 'Ready')).toMatchObject({ status: 'False', reason: 'Pending' });
    made.rest();
    expect(specOf(made.import)).toMatchObject({ ips: specOf(derived).clusterIPs, ipFamilies: ['IPv4'] });
    const { uid, generation } = made.import!.metadata;
    expect(conditionOf(made.import, 'Ready')).toMatchObject({
      status: 'True',
      reason: 'Ready',
      observedGeneration: generation,
    });
    const owned = [made.find('Service', made.derivedName)!, ...made.list('EndpointSlice')];
    expect(owned.map(({ metadata }) => metadata.ownerReferences?.[0]?.uid)).toEqual(owned.map(() => uid));
  });

  it('says what the merged service is', () => {
    const ports = [{ ...HTTP, appProtocol: 'http' }, DNS, { name: 'diameter', protocol: 'SCTP', port: 3868 } as const];
    const made = world({
      clusters: [
        cluster(
          'west',
          record({
            ports,
            sessionAffinity: 'ClientIP',
            sessionAffinityTimeoutSeconds: 10,
            internalTrafficPolicy: 'Local',
            trafficDistribution: 'PreferClose',
          }),
        ),
      ],
    });
    expect(specOf(made.import)).toMatchObject({
      ports,
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
      internalTrafficPolicy: 'Local',
      trafficDistribution: 'PreferClose',
    });
    expect(made.import?.status).toMatchObject({ clusters: [{ cluster: 'west' }], endpointSliceObjects: 'Present' });
    const derived = specOf(made.find('Service', made.derivedName));
    expect(derived).toMatchObject({
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 10 } },
    });
    expect(derived.ports).toMatchObject(ports);
    expect(derived.internalTrafficPolicy).toBeUndefined();
    expect(settingsOf(listenerOf(made, 'west'))).toMatchObject({ 'skuprt.io/session-affinity': 'ClientIP' });
    expect(settingsOf(choiceOf(made))).toMatchObject({ 'skuprt.io/session-affinity': 'ClientIP' });
  });

  it('has the labels and annotations that the oldest exports, and none of the Service or of the others', () => {
    const old = record({ labels: { team: 'a' }, annotations: { owner: 'ada' }, since: 1 });
    const made = world({
      ...exported(),
      export: madeExport({ exportedLabels: { team: 'b' }, exportedAnnotations: { other: 'x' } }),
      clusters: [cluster('west', old)],
    });
    const { labels, annotations } = made.import!.metadata;
    expect(labels).toMatchObject({ team: 'a', 'app.kubernetes.io/managed-by': 'skuprt-service-controller' });
    expect(annotations).toMatchObject({ owner: 'ada', 'skuprt.io/exporting-clusters': 'east,west' });
    expect({ ...labels, ...annotations }).not.toHaveProperty('other');
    expect({ ...labels, ...annotations }).not.toHaveProperty('private');
  });

  it('tells of ports that no router carries, once, and takes it back with them', () => {
    const made = world({ clusters: [cluster('west', record({ ports: [HTTP, DNS] }))] });
    expect(conditionOf(made.import, 'skuprt.io/UnsupportedPorts')).toMatchObject({
      status: 'True',
      reason: 'PortsNotCarried',
    });
    expect(made.events.map(({ reason, type }) => [type, reason])).toEqual([['Warning', 'PortsNotCarried']]);
    made.view = { ...made.view, clusters: [cluster('west')] };
    made.rest();
    expect(conditionOf(made.import, 'skuprt.io/UnsupportedPorts')).toBeUndefined();
    expect(made.events).toHaveLength(1);
  });

  it('keeps the time of a transition while the status stays', () => {
    const made = world({ clusters: [cluster('west')] });
    const before = conditionOf(made.import, 'Ready');
    made.now += 60_000;
    made.view = {
      ...made.view,
      clusters: [cluster('west', record({ ports: [HTTP, { ...HTTP, name: 'b', port: 81 }] }))],
    };
    made.rest();
    const after = conditionOf(made.import, 'Ready');
    expect(after?.observedGeneration).toBeGreaterThan(before!.observedGeneration);
    expect(after?.lastTransitionTime).toBe(before?.lastTransitionTime);
  });

  it('says so when this cluster has no address of the service families', () => {
    const made = world({ clusters: [cluster('west', record({ ipFamilies: ['IPv6'] }))] });
    expect(conditionOf(made.import, 'Ready')).toMatchObject({ status: 'False', reason: 'IPFamilyNotSupported' });
    expect(made.list('Service')).toEqual([]);
    expect(specOf(made.import).ips).toBeUndefined();
  });

  it('is the same object when exporters come and go, and goes with the last of them', () => {
    const made = world(exported());
    const { uid } = made.import!.metadata;
    const { clusterIPs } = specOf(made.find('Service', made.derivedName));
    made.view = { ...made.view, clusters: [cluster('west')] };
    made.rest();
    expect(clustersOf(made.import)).toEqual(['east', 'west']);
    made.view = { ...made.view, export: undefined };
    made.rest();
    expect(clustersOf(made.import)).toEqual(['west']);
    expect(made.import?.metadata.uid).toBe(uid);
    expect(specOf(made.find('Service', made.derivedName)).clusterIPs).toEqual(clusterIPs);
    made.view = { ...made.view, clusters: [silent('west')] };
    made.rest();
    expect([...made.objects.keys()]).toEqual([]);
  });

  it('is made of the oldest also while others conflict, and each export says so', () => {
    const made = world({
      ...exported(),
      clusters: [cluster('west', record({ since: 1, ports: [{ ...HTTP, port: 81 }] }))],
    });
    expect(specOf(made.import).ports).toEqual([{ name: 'http', protocol: 'TCP', port: 81 }]);
    expect(conditionOf(made.view.export, 'Conflict')).toMatchObject({ status: 'True', reason: 'PortConflict' });
  });

  it('of another controller is left alone, and the export and an event say so', () => {
    const foreign = {
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceImport',
      metadata: { name: 'web', namespace: 'shop', uid: 'theirs' },
      spec: { type: 'ClusterSetIP', ports: [] },
    };
    const made = world({ ...exported(), import: foreign, clusters: [cluster('west')] });
    expect(made.import).toEqual(foreign);
    expect(conditionOf(made.view.export, 'Ready')).toMatchObject({ status: 'False', reason: 'Failed' });
    expect(conditionOf(made.view.export, 'Valid')).toMatchObject({ status: 'True' });
    expect(made.events.map(({ type, about }) => [type, about.kind])).toEqual([['Warning', 'ServiceExport']]);
    expect(made.list('EndpointSlice').concat(made.list('Listener'), made.list('Service'))).toEqual([]);
    expect(made.list('Connector')).toHaveLength(1);
    expect(made.record).toBeDefined();
    made.view = { ...made.view, export: undefined, clusters: [] };
    made.rest();
    expect(made.import).toEqual(foreign);
  });
});

describe('endpoints of another cluster', () => {
  it('are the routers, at a port that leads to that cluster only', () => {
    const made = world({ clusters: [cluster('west'), cluster('north')] });
    const [sliceOfWest, ...others] = made.slicesOf('west');
    expect(others).toEqual([]);
    const west = listenerOf(made, 'west');
    expect(west).toMatchObject({
      metadata: {
        namespace: 'site',
        labels: {
          'skuprt.io/service': 'web',
          'skuprt.io/service-namespace': 'shop',
          'multicluster.kubernetes.io/source-cluster': 'west',
        },
      },
      spec: { port: 80, settings: { 'skuprt.io/service': 'none' } },
    });
    expect(west?.metadata.ownerReferences).toBeUndefined();
    expect(sliceOfWest).toMatchObject({
      addressType: 'IPv4',
      metadata: {
        labels: {
          'multicluster.kubernetes.io/service-name': 'web',
          'endpointslice.kubernetes.io/managed-by': 'skuprt-service-controller',
        },
      },
      ports: [{ name: 'http', protocol: 'TCP', port: made.routerPort(entity(west)) }],
      endpoints: [{ addresses: ['10.1.0.1'], conditions: { ready: true, serving: true, terminating: false } }],
    });
    expect(portsOf(made.slicesOf('north')[0]!)[0]?.port).not.toBe(portsOf(sliceOfWest!)[0]?.port);
  });

  it.each<[string, Partial<Observed>, () => boolean]>([
    ['the cluster has no ready endpoint', { clusters: [cluster('west', record({ ready: 0 }))] }, () => true],
    ['no router listens', { clusters: [cluster('west')] }, () => false],
    [
      'the router is not ready',
      { clusters: [cluster('west')], carrier: carrier({ routers: [{ ...carrier().routers[0]!, isReady: false }] }) },
      () => true,
    ],
  ])('are not ready while %s', (_why, parts, listens) => {
    const made = new ServiceWorld(observed(parts));
    made.listens = listens;
    made.rest();
    const [found] = made.slicesOf('west');
    expect(endpointsOf(found!).map(({ conditions }) => conditions.ready)).toEqual([false]);
  });

  it('are of both families where there are two', () => {
    const made = world({ carrier: dualCarrier(), clusters: [cluster('west', record({ ipFamilies: [...DUAL] }))] });
    expect(specOf(made.import)).toMatchObject({
      ipFamilies: DUAL,
      ips: specOf(made.find('Service', made.derivedName)).clusterIPs,
    });
    expect((specOf(made.import).ips as string[]).length).toBe(2);
    expect(made.slicesOf('west').map((found) => [found.addressType, endpointsOf(found)[0]?.addresses])).toEqual([
      ['IPv4', ['10.1.0.1']],
      ['IPv6', ['fd00:1::1']],
    ]);
    expect(made.targets('http')).toHaveLength(2);
  });

  it('lack the ports that this cluster does not have', () => {
    const admin = { name: 'admin', protocol: 'TCP', port: 81 } as const;
    const made = world({ clusters: [cluster('north', record({ ports: [admin] })), cluster('west')] });
    expect(portsOf(made.slicesOf('north')[0]!).map(({ name }) => name)).toEqual(['admin']);
    expect(portsOf(made.slicesOf('west')[0]!).map(({ name }) => name)).toEqual(['http']);
    expect(keysOf(choiceOf(made, 80))).toEqual([key('west')]);
    expect(keysOf(choiceOf(made, 81))).toEqual([key('north', 81)]);
  });

  it('go when its lease ends, with the import, its listener and its key left, and come back without another write there', () => {
    const made = world({ ...exported(), clusters: [cluster('west')] });
    made.writes = [];
    made.view = { ...made.view, clusters: [cluster('west', record(), { state: 'lost' })] };
    made.rest();
    expect(made.slicesOf('west')).toEqual([]);
    expect(clustersOf(made.import)).toEqual(['east']);
    expect(keysOf(choiceOf(made))).toEqual([key('east'), key('west')]);
    expect(listenerOf(made, 'west')).toBeDefined();
    made.view = { ...made.view, clusters: [cluster('west')] };
    made.rest();
    expect(endpointsOf(made.slicesOf('west')[0]!)[0]?.conditions.ready).toBe(true);
    expect(
      made.writes.filter((write) => /Listener|Connector|apply ServiceImport|Service\/derived/.test(write)),
    ).toEqual([]);
  });

  it('go with its export, together with its listener and its key', () => {
    const made = world({ ...exported(), clusters: [cluster('west')] });
    made.writes = [];
    made.view = { ...made.view, clusters: [silent('west')] };
    made.rest();
    expect(made.slicesOf('west')).toEqual([]);
    expect(listenerOf(made, 'west')).toBeUndefined();
    expect(keysOf(choiceOf(made))).toEqual([key('east')]);
    const [first, second] = ['EndpointSlice', 'Listener'].map((kind) =>
      made.writes.findIndex((write) => write.startsWith(`prune ${kind}/`)),
    );
    expect(first).toBeLessThan(second!);
  });
});

describe('endpoints of this cluster', () => {
  const pods = [
    { address: '10.0.0.1', zone: 'a', nodeName: 'n1', hostname: 'web-0' },
    { address: '10.0.0.2', ready: false },
  ];

  it('are the pods, slice for slice', () => {
    const second = slice([{ address: '10.0.0.3' }], {
      name: 'web-2',
      ports: [{ name: 'http', protocol: 'TCP', port: 9090 }],
    });
    const made = world({ ...exported(pods), slices: [slice(pods), second] });
    const official = made.slicesOf('east');
    expect(official.map((found) => [portsOf(found)[0]?.port, endpointsOf(found)]).sort()).toEqual([
      [
        8080,
        [
          {
            addresses: ['10.0.0.1'],
            conditions: { ready: true, serving: true, terminating: false },
            hostname: 'web-0',
            zone: 'a',
            nodeName: 'n1',
          },
          { addresses: ['10.0.0.2'], conditions: { ready: false, serving: false, terminating: false } },
        ],
      ],
      [9090, [{ addresses: ['10.0.0.3'], conditions: { ready: true, serving: true, terminating: false } }]],
    ]);
    made.writes = [];
    made.view = { ...made.view, slices: [slice(pods), { ...second, endpoints: [] }] };
    made.rest();
    const changed = made.writes.filter((write) => official.some(({ metadata }) => write.endsWith(metadata.name)));
    expect(changed).toHaveLength(1);
  });

  it('are offered to the mesh when they are ready, at the port of the pods', () => {
    const made = world({
      ...exported(pods),
      slices: [slice(pods), slice([{ address: 'fd00::1' }], { name: 'web-6', family: 'IPv6' })],
    });
    const [connector, ...others] = made.list('Connector');
    expect(others).toEqual([]);
    expect(connector).toMatchObject({
      metadata: {
        namespace: 'site',
        labels: { 'skuprt.io/service': 'web', 'app.kubernetes.io/managed-by': 'skuprt-service-controller' },
      },
      spec: {
        routingKey: key('east'),
        host: 'web.shop.svc',
        port: 80,
        settings: { 'skuprt.io/endpoints': '10.0.0.1:8080,[fd00::1]:8080' },
      },
    });
    made.view = { ...made.view, slices: [slice([{ address: '10.0.0.1', ready: false }])] };
    made.rest();
    expect(settingsOf(made.list('Connector')[0])).toMatchObject({ 'skuprt.io/endpoints': '' });
  });

  it.each([
    ['the export', { export: undefined }],
    ['the Service', { service: undefined, slices: [] }],
  ])('are withdrawn at once with %s', (_what, parts) => {
    const made = world({ ...exported(pods), clusters: [cluster('west')] });
    made.view = { ...made.view, ...parts };
    made.pass();
    expect(made.list('Connector')).toEqual([]);
    expect(made.slicesOf('east')).toEqual([]);
    expect(made.record).toBeUndefined();
    expect(keysOf(choiceOf(made))).toEqual([key('west')]);
    expect(made.targets('http')).toEqual([`10.1.0.1:${made.routerPort(entity(choiceOf(made)))}`]);
  });

  it('serve nothing while the export is of another type than the merged one', () => {
    const made = world({
      ...exported(pods),
      service: service({ clusterIP: 'None', clusterIPs: ['None'] }),
      clusters: [cluster('west', record({ since: 1 }))],
    });
    expect(specOf(made.import).type).toBe('ClusterSetIP');
    expect(clustersOf(made.import)).toEqual(['east', 'west']);
    expect(made.list('Connector')).toEqual([]);
    expect(made.slicesOf('east')).toEqual([]);
  });

  it('are not used by a cluster that has the Service but does not export it', () => {
    const made = world({ service: service(), slices: [slice(pods)], clusters: [cluster('west')] });
    expect(made.slicesOf('east')).toEqual([]);
    expect(made.list('Connector')).toEqual([]);
    expect(made.targets('http')).toEqual([`10.1.0.1:${made.routerPort(entity(choiceOf(made)))}`]);
  });
});

describe('the clusterset IP', () => {
  it('leads to the pods of this cluster while traffic stays here', () => {
    const made = world({ ...exported(), clusters: [cluster('west')] });
    expect(made.targets('http')).toEqual(['10.0.0.1:8080']);
    expect(keysOf(choiceOf(made))).toEqual([key('east'), key('west')]);
    expect(JSON.parse(settingsOf(choiceOf(made))['skuprt.io/tiers']!)).toEqual([
      { [key('east')]: 100 },
      { [key('west')]: 100 },
    ]);
    for (const { metadata } of made
      .list('EndpointSlice')
      .filter(({ metadata: { labels } }) => labels?.['kubernetes.io/service-name'])) {
      expect(Object.keys(metadata.labels!).filter((label) => label.startsWith('multicluster.'))).toEqual([]);
    }
  });

  it('moves to the routers once they listen, and back once a pod is ready', () => {
    const made = world({ ...exported(), clusters: [cluster('west')] });
    made.listens = () => false;
    made.view = { ...made.view, export: madeExport({}, { 'skuprt.io/locality': 'none' }) };
    made.rest();
    expect(made.targets('http')).toEqual(['10.0.0.1:8080']);
    made.listens = () => true;
    made.rest();
    const routers = [`10.1.0.1:${made.routerPort(entity(choiceOf(made)))}`];
    expect(made.targets('http')).toEqual(routers);
    made.view = { ...made.view, export: madeExport(), slices: [slice([{ address: '10.0.0.1', ready: false }])] };
    made.rest();
    expect(made.targets('http')).toEqual(routers);
    made.view = { ...made.view, slices: [slice([{ address: '10.0.0.9' }])] };
    made.writes = [];
    made.rest();
    expect(made.targets('http')).toEqual(['10.0.0.9:8080']);
    const order = made.writes.filter((write) => write.includes(`EndpointSlice/${made.derivedName}`));
    expect(order.map((write) => write.split(' ')[0])).toEqual(['apply', 'prune']);
  });

  it('leads to the routers for a port that this cluster does not have, beside its pods for another', () => {
    const admin = { name: 'admin', protocol: 'TCP', port: 81 } as const;
    const made = world({ ...exported(), clusters: [cluster('west', record({ ports: [HTTP, admin] }))] });
    expect(made.targets('http')).toEqual(['10.0.0.1:8080']);
    expect(made.targets('admin')).toEqual([`10.1.0.1:${made.routerPort(entity(choiceOf(made, 81)))}`]);
    expect(keysOf(choiceOf(made, 81))).toEqual([key('west', 81)]);
  });

  it('leads to the pods of this cluster for ports that no router carries, wherever the rest goes', () => {
    const both = [
      { name: 'http', protocol: 'TCP', port: 8080 },
      { name: 'dns', protocol: 'UDP', port: 5353 },
    ];
    const ports = [{ ...HTTP }, { ...DNS }];
    const made = world({
      service: service({ ports }),
      export: madeExport({}, { 'skuprt.io/locality': 'none' }),
      slices: [slice([{ address: '10.0.0.1' }], { ports: both })],
      clusters: [cluster('west', record({ ports }))],
    });
    expect(made.targets('dns')).toEqual(['10.0.0.1:5353']);
    expect(made.targets('http')).toEqual([`10.1.0.1:${made.routerPort(entity(choiceOf(made)))}`]);
    expect(made.list('Listener')).toHaveLength(1);
  });

  it('tells TCP and UDP of one number apart', () => {
    const ports = [{ name: 'dns-tcp', protocol: 'TCP', port: 53 } as const, { ...DNS }];
    const targets = ports.map((port) => ({ ...port, port: 5300 }));
    const made = world({
      service: service({ ports }),
      export: madeExport({}, { 'skuprt.io/locality': 'none' }),
      slices: [slice([{ address: '10.0.0.1' }], { ports: targets })],
      clusters: [cluster('west', record({ ports: [...ports] }))],
    });
    expect(made.targets('dns')).toEqual(['10.0.0.1:5300']);
    expect(made.targets('dns-tcp')).toEqual([`10.1.0.1:${made.routerPort(entity(choiceOf(made, 53)))}`]);
    made.view = { ...made.view, slices: [slice([{ address: '10.0.0.1', ready: false }], { ports: targets })] };
    made.rest();
    expect(made.targets('dns')).toEqual([]);
    const slices = made.list('EndpointSlice').filter(({ metadata }) => metadata.labels?.['kubernetes.io/service-name']);
    expect(
      slices
        .flatMap(portsOf)
        .map(({ name, port }) => `${name} ${port === 5300 ? 'pods' : 'routers'}`)
        .sort(),
    ).toEqual(['dns pods', 'dns-tcp routers']);
  });

  it('leads not to a port that lost its name to an older one, though another has its number', () => {
    const older = [{ ...HTTP, port: 8080 }, { name: 'web', protocol: 'TCP', port: 80 } as const];
    const made = world({ ...exported(), clusters: [cluster('west', record({ since: 1, ports: older }))] });
    expect(made.targets('web')).toEqual([`10.1.0.1:${made.routerPort(entity(choiceOf(made)))}`]);
    expect(made.slicesOf('east').concat(made.list('Connector'))).toEqual([]);
  });

  it('needs a name for each of several ports', () => {
    const made = world({
      clusters: [
        cluster('west', record({ ports: [{ ...HTTP, name: '' }] })),
        cluster('north', record({ ports: [DNS] })),
      ],
    });
    const names = portsOf(made.find('Service', made.derivedName)!).map(({ name }) => name);
    expect(names).toHaveLength(2);
    expect(new Set(names).size).toBe(2);
    expect(names.every(Boolean)).toBe(true);
    expect(made.targets(names.find((name) => name !== 'dns')!)).toHaveLength(1);
  });
});
