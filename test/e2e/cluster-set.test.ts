/** Services of a cluster set on two clusters with pods: export, import, names, choice, failover, as a user of either cluster sees them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  clusterSetIp,
  conditionOfExport,
  endpoints,
  imported,
  isServing,
  nameOf,
  offer,
  resolve,
  service,
  serviceExport,
  tally,
  wireNames,
  ZONES,
} from './cluster-set.ts';
import { attemptsOf, failures } from './load.ts';
import { CONTEXTS, dropPlaces, eventually, newNamespace, Place, workload } from './world.ts';

const TWO_MINUTES = 120_000;
const NAMESPACE = 'e2e-set';

describe.skipIf(CONTEXTS.length < 2)('services of a cluster set', { timeout: TWO_MINUTES }, () => {
  const [west, east] = CONTEXTS.slice(0, 2).map((context) => new Place(context, NAMESPACE)) as [Place, Place];

  beforeAll(async () => {
    await Promise.all([west, east].map(newNamespace));
    await Promise.all([west, east].map(wireNames));
    await Promise.all([west.client(), east.client()]);
  }, TWO_MINUTES);
  afterAll(() => dropPlaces([west, east]), TWO_MINUTES);

  it('an exported Service answers in the other cluster under each of its names', async () => {
    await west.server('backend', 2, { env: [{ name: 'ANSWER', value: 'hello from west' }] });
    await west.apply(service('backend'));
    await west.skuprt(['service', 'export', 'backend']);
    const { spec } = await imported(east, 'backend');
    const short = `backend.${NAMESPACE}.${ZONES[0]}`;
    for (const name of [short, ...ZONES.map((zone) => nameOf('backend', east, zone))]) {
      await eventually(`${name} is known`, async () => (await resolve(east, 'A', name))?.[0] === spec.ips[0], 40_000);
      // A name is there before kube-proxy has heard of its address.
      const answer = await eventually(`${name} answers`, () => east.ask('client', `http://${name}:8080/`));
      expect(answer).toBe('hello from west');
    }
    const records = await resolve(east, 'SRV', `_http._tcp.${nameOf('backend', east)}`);
    expect(records).toMatchObject([{ name: nameOf('backend', east), port: 8080 }]);
    expect(await resolve(east, 'A', nameOf('nobody', east))).toBe('ENOTFOUND');
  });

  it('a cluster with endpoints of its own uses them, and the other one when they are gone', async () => {
    await Promise.all([offer(west, 'near'), offer(east, 'near')]);
    await imported(east, 'near');
    const ip = await clusterSetIp(east, 'near');
    await eventually('answered nearby', async () => Object.keys(await tally(east, ip, 5)).join() === east.context);
    const load = east.start('client', 'load', [ip, 8080, 50, 1000]);
    await sleep(1000);
    await east.kubectl(['scale', 'deployment/near', '--replicas', '0']);
    const gone = Date.now();
    await eventually(
      'answered by the other',
      async () => Object.keys(await tally(east, ip, 5)).join() === west.context,
    );
    await east.kubectl(['scale', 'deployment/near', '--replicas', '1']);
    await eventually(
      'answered nearby again',
      async () => Object.keys(await tally(east, ip, 5)).join() === east.context,
    );
    expect(failures(attemptsOf(await load.stop()), gone + 2000)).toEqual([]);
  });

  it('endpoints that are not ready are withdrawn elsewhere within a second', async () => {
    await offer(west, 'moody');
    await eventually('ready here', () => isServing(east, 'moody', west.context));
    const [pod] = await west.list('pods', 'app=moody');
    const withdrawn = east.shown('endpointslices', await sliceOf(east, 'moody'), isWithdrawn, 20_000);
    const started = performance.now();
    // The kubelet finds out in its own time: what is measured begins with a label that takes the pod out of the Service.
    await west.kubectl(['label', 'pod', pod.metadata.name, 'app=other', '--overwrite']);
    await withdrawn;
    // kubectl takes a moment to start, and the Deployment makes another pod.
    expect(performance.now() - started).toBeLessThan(2500);
  });

  it('pods of a StatefulSet are reached by their own names', async () => {
    await west.apply(
      service('store', { clusterIP: 'None' }),
      workload('StatefulSet', 'store', 2),
      serviceExport('store'),
    );
    await west.kubectl(['rollout', 'status', 'statefulset/store', '--timeout=90s'], { timeoutMs: 100_000 });
    await eventually('two endpoints', async () => (await endpoints(east, 'store', west.context)).length === 2);
    for (const pod of ['store-0', 'store-1']) {
      const name = `${pod}.${west.context}.${nameOf('store', east)}`;
      await eventually(
        `${pod} answers`,
        async () => (await east.ask('client', `http://${name}:8080/`)) === pod,
        40_000,
      );
    }
    const all = await resolve(east, 'A', nameOf('store', east));
    expect(new Set(all).size).toBe(2);
  });

  it('a client stays with one pod of another cluster where the Service asks for it', async () => {
    await west.server('sticky', 3);
    const affinity = { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } } };
    await west.apply(service('sticky', affinity), serviceExport('sticky'));
    await imported(east, 'sticky');
    const ip = await clusterSetIp(east, 'sticky');
    await eventually('an answer', () => east.ask('client', `http://${ip}:8080/`));
    await eventually('three pods are known', async () => (await west.list('pods', 'app=sticky')).length === 3);
    const clients = ['client', 'one', 'two', 'three', 'four', 'five'];
    await Promise.all(clients.slice(1).map((name) => east.client(name)));
    const answers = await Promise.all(clients.map((name) => tally(east, ip, 8, name)));
    for (const answer of answers) expect(Object.keys(answer)).toHaveLength(1);
    expect(new Set(answers.flatMap((answer) => Object.keys(answer))).size).toBeGreaterThan(1);
  });

  it('connections are shared between clusters by weight', async () => {
    const shared = { 'skuprt.io/locality': 'none' };
    await Promise.all([
      offer(west, 'shared', 1, { ...shared, 'skuprt.io/weight': '300' }),
      offer(east, 'shared', 1, { ...shared, 'skuprt.io/weight': '100' }),
    ]);
    await imported(east, 'shared');
    const ip = await clusterSetIp(east, 'shared');
    await eventually('both answer', async () => Object.keys(await tally(east, ip, 20)).length === 2);
    const { [west.context]: ofWest = 0, [east.context]: ofEast = 0 } = await tally(east, ip, 200);
    expect(ofWest + ofEast).toBe(200);
    // Three quarters of 200, and four standard deviations.
    expect(Math.abs(ofWest - 150)).toBeLessThan(25);
  });

  it('exports that differ say so on both sides, and the older one counts', async () => {
    await offer(west, 'argued');
    await imported(east, 'argued');
    await sleep(1100);
    await east.apply(service('argued', {}, [{ name: 'http', port: 9090 }]), serviceExport('argued'));
    for (const place of [west, east]) {
      await eventually(`${place.context} says so`, async () => {
        const conflict = await conditionOfExport(place, 'argued', 'Conflict');
        return conflict?.status === 'True' && conflict.reason.includes('PortConflict');
      });
      expect((await imported(place, 'argued')).spec.ports).toMatchObject([{ name: 'http', port: 8080 }]);
    }
    const told = await east.skuprt(['service', 'explain', 'argued']);
    expect(told).toContain(west.context);
  });

  it('a service that nobody exports any longer is gone, and its name with it', async () => {
    await offer(west, 'fleeting');
    await imported(east, 'fleeting');
    await west.skuprt(['service', 'unexport', 'fleeting', '--yes']);
    await eventually('the import is gone', async () => {
      const names = (await east.list('serviceimports.multicluster.x-k8s.io')).map(({ metadata }) => metadata.name);
      return !names.includes('fleeting');
    });
    await eventually(
      'the name is gone',
      async () => (await resolve(east, 'A', nameOf('fleeting', east))) === 'ENOTFOUND',
      40_000,
    );
    for (const kind of ['listeners', 'multikeylisteners', 'connectors'])
      for (const place of [west, east]) {
        const left = await new Place(place.context, 'skuprt-system').list(kind, 'skuprt.io/service=fleeting');
        expect(left).toEqual([]);
      }
  });
});

async function sliceOf(place: Place, name: string): Promise<string> {
  const slices = await place.list('endpointslices', `multicluster.kubernetes.io/service-name=${name}`);
  return slices[0].metadata.name as string;
}

function isWithdrawn(slice: { endpoints?: { conditions?: { ready?: boolean } }[] }): boolean {
  return (slice.endpoints ?? []).every(({ conditions }) => conditions?.ready === false);
}
