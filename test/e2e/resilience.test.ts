/** What is killed, cut off or exchanged while pods of one cluster use a service of the other. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attemptsOf, type FlowReport, failures, longestGapMs } from './load.ts';
import { podScript } from './pods.ts';
import {
  CONTEXTS,
  CONTROLLER_NAMESPACE,
  conditionOf,
  connector,
  dropPlaces,
  eventually,
  IMAGE,
  type Json,
  LAB,
  lab,
  listener,
  newPair,
  Place,
  routerPods,
} from './world.ts';

const FOUR_MINUTES = 240_000;
const KILLS = 50;

describe.skipIf(CONTEXTS.length < 2)('with two routers in each site', { timeout: FOUR_MINUTES }, () => {
  let places: [Place, Place];

  beforeAll(async () => {
    places = await newPair('ha', { flags: ['--enable-link-access', '--enable-ha'] });
    await prepare(...places);
  }, FOUR_MINUTES);
  afterAll(() => dropPlaces(places), FOUR_MINUTES);

  it.each([0, 1])('a router of site %i is killed: no new request fails after a second', async (index) => {
    const [west, east] = places;
    await eventually('four routers', async () => (await readyRouters(west)) + (await readyRouters(east)) === 4, 60_000);
    const load = east.start('client', 'load', ['backend', 8080, 25, 2000]);
    await sleep(3000);
    const [victim] = await routerPods(places[index]!);
    const killed = Date.now();
    await places[index]!.kubectl(['delete', 'pod', victim!, '--force', '--grace-period=0', '--wait=false']);
    await sleep(8000);
    const attempts = attemptsOf(await load.stop());
    expect(attempts.length).toBeGreaterThan(100);
    expect(failures(attempts, killed + 1000)).toEqual([]);
  });
});

describe.skipIf(CONTEXTS.length < 2)('with one router in each site', { timeout: FOUR_MINUTES }, () => {
  let west: Place;
  let east: Place;

  beforeAll(async () => {
    [west, east] = await newPair('single');
    await prepare(west, east);
  }, FOUR_MINUTES);
  afterAll(() => dropPlaces([west, east]), FOUR_MINUTES);

  it.each([0, 1])('new connections succeed again soon after the router of site %i was deleted', async (index) => {
    const place = [west, east][index]!;
    const load = east.start('client', 'load', ['backend', 8080, 50, 1000]);
    await sleep(2000);
    await place.kubectl(['delete', 'pod', (await routerPods(place))[0]!, '--wait=false']);
    await sleep(12_000);
    const attempts = attemptsOf(await load.stop());
    expect(attempts.at(-1)!.error).toBe('');
    expect(longestGapMs(attempts)).toBeLessThan(10_000);
  });

  it(
    'certificates are made anew and the CA is rolled over, and no flow is lost',
    async () => {
      const flow = east.start('client', 'flow', ['backend', 7000, 20]);
      const certificate = async (place: Place, secret: string) => (await place.get('secret', secret)).data['tls.crt'];
      const linkSecret = (await east.get('link', `to-${west.context}`)).spec.tlsCredentials;
      const before = {
        ca: await certificate(west, 'skupper-site-ca'),
        server: await certificate(west, 'skupper-site-server'),
        link: await certificate(east, linkSecret),
      };
      await west.remove('secret', 'skupper-site-server');
      const isOther = async (place: Place, secret: string, old: string) => (await certificate(place, secret)) !== old;
      await eventually('a new server certificate', () => isOther(west, 'skupper-site-server', before.server));
      await sleep(3000);
      await west.kubectl(['annotate', 'certificate', 'skupper-site-ca', 'skuprt.io/rotate=one', '--overwrite']);
      // The other site asks by itself only every few minutes: it is told to, and the successor signs when it is known to be trusted there.
      const ask = () =>
        east.kubectl(['annotate', 'link', `to-${west.context}`, `skuprt.io/renew=${Date.now()}`, '--overwrite']);
      const after = async (place: Place, secret: string, old: string) => {
        await ask();
        return isOther(place, secret, old);
      };
      await eventually('a new CA', () => after(west, 'skupper-site-ca', before.ca), 300_000, 10_000);
      await eventually('a new certificate of the link', () => after(east, linkSecret, before.link), 120_000, 10_000);
      await sleep(3000);
      const told = JSON.parse(await flow.stop()) as FlowReport;
      expect(told.lost).toEqual([]);
      expect(told.lines).toBeGreaterThan(1000);
      expect((await east.get('link', `to-${west.context}`)).status.status).toBe('Ready');
    },
    12 * 60_000,
  );

  it.skipIf(!LAB)('a cut between the clusters is shown within five seconds, and healed', async () => {
    const isUp = async () =>
      conditionOf(await east.get('link', `to-${west.context}`), 'Operational')?.status === 'True';
    const started = performance.now();
    await lab('cut', west.context, east.context);
    try {
      await eventually('the link is shown as down', async () => !(await isUp()), 15_000);
      // Looking takes its time too.
      expect(performance.now() - started).toBeLessThan(7000);
    } finally {
      await lab('cut');
    }
    await eventually('the link is up again', isUp, 30_000);
    await eventually('an answer', () => east.ask('client', 'http://backend:8080/'));
  });

  it.skipIf(!LAB)('nothing stops while the API server restarts, and changes go on afterwards', async () => {
    // In a pod of its own, because no kubectl outlives its API server.
    const command = [
      'node',
      '--input-type=module-typescript',
      '-e',
      podScript('load'),
      '--',
      'backend',
      '8080',
      '50',
      '2000',
    ];
    await east.pod('load', IMAGE, command, {}, [{ name: 'DURATION_MS', value: '30000' }]);
    await lab('exec', east.context, 'sh', '-c', 'kill -9 $(pidof kube-apiserver || pidof kube)');
    await sleep(1000);
    await eventually('the API server is back', () => east.kubectl(['get', 'namespaces']), 90_000, 500);
    await west.apply(connector('second', 'backend'));
    await east.apply(listener('second'));
    await eventually('an answer of a service made since', () => east.ask('client', 'http://second:8080/'), 60_000);
    const attempts = attemptsOf(
      await eventually('its report', async () => (await east.kubectl(['logs', 'load'])) || undefined, 60_000, 1000),
    );
    expect(attempts.length).toBeGreaterThan(50);
    expect(failures(attempts, 0)).toEqual([]);
  });

  it(
    'the controller is killed at random points 50 times, and the world is right afterwards',
    async () => {
      const controller = new Place(west.context, CONTROLLER_NAMESPACE);
      const random = seeded(4);
      const wanted = new Set<string>();
      for (let round = 0; round < KILLS; round += 1) {
        const name = `r-${Math.floor(random() * 20)}`;
        if (wanted.delete(name)) {
          await west.remove('listener', name, '--wait=false');
          await west.remove('connector', name, '--wait=false');
        } else {
          wanted.add(name);
          await west.apply(connector(name, 'backend'), listener(name));
        }
        await sleep(random() * 1500);
        const pods = await controller.list('pods', 'skupper.io/component=controller');
        const names = pods.map(({ metadata }: Json) => metadata.name as string);
        await controller.kubectl(['delete', 'pod', ...names, '--force', '--grace-period=0', '--wait=false']);
      }
      const isRight = async () => {
        const services = await west.list('services');
        const hosts = services
          .map(({ metadata }: Json) => metadata.name as string)
          .filter((name) => name.startsWith('r-'));
        const own = [...(await west.list('listeners')), ...(await west.list('connectors'))];
        const kept = own.filter(({ metadata }: Json) => metadata.name.startsWith('r-'));
        const isReady = kept.every(({ status }: Json) => status?.status === 'Ready');
        return isReady && kept.length === 2 * wanted.size && hosts.sort().join() === [...wanted].sort().join();
      };
      await eventually('the world is right', isRight, 90_000, 500);
      for (const name of wanted) await eventually(`${name} answers`, () => east.ask('client', 'http://backend:8080/'));
      expect((await west.list('sites'))[0].status.status).toBe('Ready');
    },
    2 * FOUR_MINUTES,
  );
});

/** A backend in the first, exposed; a client in the second that reaches it. */
async function prepare(west: Place, east: Place): Promise<void> {
  await Promise.all([west.server('backend', 2), east.client()]);
  await west.apply(connector('backend', 'backend'), { ...connector('flows', 'backend', 7000) });
  await east.apply(listener('backend'), listener('flows', 7000, 'backend'));
  await eventually('an answer', () => east.ask('client', 'http://backend:8080/'), 60_000);
}

async function readyRouters(place: Place): Promise<number> {
  const pods = await place.list('pods', 'skupper.io/component=router');
  return pods.filter((pod) => conditionOf(pod, 'Ready')?.status === 'True' && !pod.metadata.deletionTimestamp).length;
}

/** Park and Miller's generator: the same numbers each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
