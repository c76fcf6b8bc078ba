/** One service of the cluster set in one cluster when something fails: restarts, silence, missing parts, what others wrote by hand. */
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../lib/kube/object.ts';
import type { Observed } from '../../service-controller/reconcile/observed.ts';
import { planService } from '../../service-controller/reconcile/plan.ts';
import {
  carrier,
  cluster,
  exported,
  HTTP,
  observed,
  record,
  START,
  silent,
} from '../support/services/observed-service.ts';
import {
  conditionOf,
  endpointsOf,
  keyOf,
  listenerOf,
  ServiceWorld,
  specOf,
  world,
} from '../support/services/service-world.ts';

const HOUR = 3_600_000;

describe('a restart', () => {
  const restarted = (made: ServiceWorld, parts: Partial<Observed>) => {
    made.view = { ...made.view, isSettled: false, startedAt: made.now, ...parts };
  };

  it('changes nothing before the others were heard', () => {
    const made = world({
      ...exported(),
      clusters: [cluster('west', record({ since: 1, labels: { a: 'b' }, priority: 3 })), cluster('north')],
    });
    made.writes = [];
    restarted(made, { clusters: [] });
    made.rest();
    expect(made.writes).toEqual([]);
    made.view = { ...made.view, clusters: [cluster('west', record({ since: 1, labels: { a: 'b' }, priority: 3 }))] };
    made.rest();
    expect(made.writes).toEqual([]);
  });

  it('leaves what was made for an exporter that may still be heard, while the others are settled', () => {
    const made = world({ clusters: [cluster('west'), cluster('north')] });
    made.writes = [];
    restarted(made, { clusters: [cluster('north')], isSettled: true, hasWaited: false });
    made.rest();
    expect(made.writes).toEqual([]);
    expect(made.slicesOf('west')).not.toEqual([]);
    made.view = { ...made.view, hasWaited: true };
    made.rest();
    expect(made.slicesOf('west')).toEqual([]);
    expect(made.slicesOf('north')).not.toEqual([]);
  });

  it('keeps an import of clusters that stay silent for an hour, without endpoints', () => {
    const made = world({ clusters: [cluster('west')] });
    restarted(made, { clusters: [], isSettled: true });
    made.rest();
    expect(made.slicesOf('west')).toEqual([]);
    expect(specOf(made.import)).toMatchObject({ ports: [{ name: 'http', port: 80 }] });
    expect(listenerOf(made, 'west')).toBeDefined();
    const { requeueAt } = planService(made.look(), made.now);
    expect(requeueAt).toBe(made.now + HOUR);
    made.now = requeueAt;
    made.rest();
    expect([...made.objects.keys()]).toEqual([]);
  });

  it('takes the word of a cluster that is heard and no longer exports it, and of one that left', () => {
    const made = world({ clusters: [cluster('west'), cluster('north')] });
    restarted(made, { clusters: [silent('west')], isSettled: true, heard: new Set(['west', 'north']) });
    made.rest();
    expect([...made.objects.keys()]).toEqual([]);
  });

  it('takes this cluster out at once when its export goes, though nobody else was heard yet', () => {
    const made = world(exported());
    restarted(made, { export: undefined });
    made.rest();
    expect(made.import).toBeDefined();
    expect(made.list('Connector').concat(made.slicesOf('east'))).toEqual([]);
    expect(made.targets('http')).toEqual([]);
    made.view = { ...made.view, isSettled: true };
    made.rest();
    expect([...made.objects.keys()]).toEqual([]);
  });

  it('keeps what it finds while nobody was heard, though the import was deleted by hand', () => {
    const made = world({ clusters: [cluster('west')] });
    made.objects.delete('ServiceImport/shop/web');
    restarted(made, { clusters: [] });
    const before = [...made.objects.keys()];
    made.rest();
    expect([...made.objects.keys()]).toEqual(before);
  });
});

describe('labels that another cluster exports', () => {
  const recommended = { 'app.kubernetes.io/name': 'web' };

  it('never say who made the import, nor what it leads to', () => {
    const labels = { ...recommended, 'app.kubernetes.io/managed-by': 'Helm' };
    const annotations = { 'multicluster.kubernetes.io/derived-service': 'mine', note: 'x' };
    const made = world({ clusters: [cluster('west', record({ type: 'Headless', labels, annotations }))] });
    const { metadata } = made.import!;
    expect(metadata.labels).toMatchObject({
      ...recommended,
      'app.kubernetes.io/managed-by': 'skuprt-service-controller',
    });
    expect(metadata.annotations).toEqual({ note: 'x', 'skuprt.io/exporting-clusters': 'west' });
  });

  it('stay over a restart, and an import with them alone is nobody of ours', () => {
    const made = world({ clusters: [cluster('west', record({ labels: recommended }))] });
    made.view = { ...made.view, clusters: [], isSettled: false, startedAt: made.now };
    made.rest();
    expect(made.import!.metadata.labels).toMatchObject(recommended);
    made.view = { ...made.view, isSettled: true, heard: new Set(['west']) };
    const { 'app.kubernetes.io/managed-by': _, ...labels } = made.import!.metadata.labels!;
    const { 'skuprt.io/exporting-clusters': __, ...annotations } = made.import!.metadata.annotations!;
    const foreign = { ...made.import!, metadata: { ...made.import!.metadata, labels, annotations } };
    made.objects.set('ServiceImport/shop/web', foreign);
    made.rest();
    expect(made.import).toBe(foreign);
  });
});

describe('a conflict', () => {
  it('is told to the exporter once', () => {
    const made = world({ ...exported(), clusters: [cluster('west', record({ ports: [{ ...HTTP, port: 81 }] }))] });
    expect(made.events.map(({ reason, about }) => [about.kind, reason])).toEqual([['ServiceExport', 'PortConflict']]);
  });
});

describe('silence', () => {
  it('ends an export after an hour', () => {
    const made = world({ clusters: [cluster('west')] });
    made.view = { ...made.view, clusters: [cluster('west', record(), { state: 'lost', heardAt: START })] };
    made.rest();
    expect(made.import).toBeDefined();
    expect(planService(made.look(), made.now).requeueAt).toBe(START + HOUR);
    made.now = START + HOUR;
    made.rest();
    expect([...made.objects.keys()]).toEqual([]);
  });

  it('takes what is last in an order that leaves nothing leading astray', () => {
    const made = world({ clusters: [cluster('west')] });
    made.writes = [];
    made.view = { ...made.view, clusters: [], heard: new Set(['west']) };
    made.pass();
    const kinds = made.writes.map((write) => write.replace(/^prune (\w+)\/(derived)?.*/, '$1$2'));
    expect(kinds).toEqual([
      'ServiceImport',
      'EndpointSlicederived',
      'EndpointSlice',
      'Servicederived',
      'MultiKeyListener',
      'Listener',
    ]);
  });
});

describe('without what it needs', () => {
  it('no Site: the import is there, nothing leads to other clusters, and the export says why', () => {
    const made = new ServiceWorld(
      observed({
        ...exported(),
        clusters: [cluster('west')],
        carrier: undefined,
        carrierFault: 'no Site in this cluster',
      }),
    );
    made.rest();
    expect(conditionOf(made.import, 'Ready')).toMatchObject({
      status: 'True',
      message: expect.stringContaining('no Site') as string,
    });
    expect(made.slicesOf('west').flatMap(endpointsOf)).toEqual([]);
    expect(made.targets('http')).toEqual(['10.0.0.1:8080']);
    expect(made.list('Connector').concat(made.list('Listener'))).toEqual([]);
    expect(conditionOf(made.view.export, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'Pending',
      message: 'no Site in this cluster',
    });
  });

  it('the Site goes: what it was told stays as it is, but for what this cluster no longer exports', () => {
    const made = world({ ...exported(), clusters: [cluster('west')] });
    const ofSite = () => ['Listener', 'MultiKeyListener', 'Connector'].map((kind) => made.list(kind).length);
    made.view = { ...made.view, carrier: undefined, carrierFault: 'no Site in this cluster' };
    made.rest();
    expect(ofSite()).toEqual([1, 1, 1]);
    made.view = { ...made.view, export: undefined };
    made.rest();
    expect(ofSite()).toEqual([1, 1, 0]);
  });

  it('the Site moves: its resources move along', () => {
    const made = world({ ...exported(), clusters: [cluster('west')] });
    made.view = { ...made.view, carrier: carrier({ namespace: 'other' }) };
    made.rest();
    const namespaces = ['Listener', 'MultiKeyListener', 'Connector']
      .flatMap((kind) => made.list(kind))
      .map(({ metadata }) => metadata.namespace);
    expect(new Set(namespaces)).toEqual(new Set(['other']));
  });

  it('no namespace: nothing is written there, and the routers are told nothing', () => {
    const made = world({ ...exported(), clusters: [cluster('west')] });
    made.view = { ...made.view, hasNamespace: false };
    made.writes = [];
    made.rest();
    expect(made.writes.filter((write) => !/^prune (Connector|Listener|MultiKeyListener)\//.test(write))).toEqual([]);
    expect(made.list('Listener')).toEqual([]);
    expect(made.record).toBeUndefined();
  });

  it('garbage is read as absent', () => {
    const made = world({ ...exported(), clusters: [cluster('west')] });
    const broken = (object: KubeObject | undefined, parts: object): KubeObject => ({ ...object!, ...parts });
    const look = made.look();
    const junk: unknown[] = [
      undefined,
      null,
      7,
      'text',
      [null],
      { ports: 'x', ips: 3, clusterIPs: [1, 'None'], ipFamilies: {} },
    ];
    for (const value of junk) {
      const parts = { spec: value, status: value, endpoints: value, ports: value, addressType: value };
      const seen: Observed = {
        ...look,
        service: broken(look.service, parts),
        export: broken(look.export, parts),
        import: broken(look.import, {
          ...parts,
          metadata: { ...look.import!.metadata, annotations: { 'skuprt.io/exporting-clusters': ',,%,west' } },
        }),
        slices: look.slices.map((one) => broken(one, parts)),
        derived: look.derived.map((one) => broken(one, parts)),
        madeSlices: look.madeSlices.map((one) =>
          broken(one, { ...parts, metadata: { name: 'x', namespace: 'shop', labels: null } }),
        ),
        connectors: look.connectors.map((one) => broken(one, parts)),
        listeners: look.listeners.map((one) => broken(one, parts)),
        isSettled: false,
        clusters: [],
      };
      expect(() => planService(seen, START)).not.toThrow();
      expect(() => planService({ ...seen, isSettled: true, clusters: [cluster('west')] }, START)).not.toThrow();
    }
  });

  it('objects that lost their labels are nobody of ours', () => {
    const made = world({ clusters: [cluster('west')] });
    const stray = { ...made.list('Service')[0]!, metadata: { name: 'derived-x', namespace: 'shop', labels: {} } };
    const { prune } = planService(
      { ...made.look(), derived: [...made.look().derived, stray], clusters: [], heard: new Set(['west']) },
      START,
    );
    expect(prune.map(keyOf)).not.toContain('Service/shop/derived-x');
  });
});
