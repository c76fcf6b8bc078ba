/** The collector at a real router: what it sees of a network, of its connections, and of what becomes of its links. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Collector } from '../../console/collector/collector.ts';
import { applyChanges } from '../../console/model/changes.ts';
import type { FlowView, NetworkView } from '../../console/model/view.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork } from '../support/live-network.ts';
import { connect, echoServer, type Listening, unusedPort } from '../support/tcp.ts';

const network = new LiveNetwork();
const stop = new AbortController();
const flows = new Map<string, FlowView>();
let backend: Listening;
let collector: Collector;
let running: Promise<void>;
/** Routers that were seen beside what they had been before. */
const twice: string[][] = [];
let picture: NetworkView;
let routerPort: number;
let servicePort: number;
let closedPort: number;
let keptPort: number;

beforeAll(async () => {
  backend = await echoServer();
  const [west, east] = [await network.router('west'), await network.router('east')];
  for (const { id, entities } of [west, east]) {
    entities.push(['site', { name: `site-${id}`, platform: 'local', namespace: id }]);
    entities.push(['address', { name: 'mc', prefix: 'mc', distribution: 'multicast' }]);
  }
  await network.link(west, east);
  servicePort = await network.publish(west, 'echo');
  network.offer(east, 'echo', backend.port);
  keptPort = await network.publish(west, 'kept');
  network.offer(east, 'kept', backend.port);
  const spec = JSON.stringify({ services: [{ routingKeys: ['kept'] }], rules: [{ action: 'Deny' }] });
  east.entities.push(['accessPolicy', { name: 'ClusterAccessPolicy/nobody', spec }]);
  closedPort = await network.publish(west, 'closed');
  network.offer(east, 'closed', await unusedPort());
  // At the side that accepts: what the link does is told by the other.
  routerPort = await network.amqp(east);
  await network.start();
  collector = new Collector({
    connect: async () => ({ host: '127.0.0.1', port: routerPort }),
    clock: systemClock,
    log: createLogger({ name: 'test', level: 'silent' }),
  });
  running = collector.start(stop.signal);
  picture = collector.view();
  collector.subscribe((changes) => {
    picture = applyChanges(picture, changes);
    const alive = picture.routers.filter(({ goneSince }) => goneSince === undefined).map(({ name }) => name);
    if (new Set(alive).size < alive.length) twice.push(alive);
  });
  collector.subscribeFlows({ address: 'echo' }, (changed) => {
    for (const flow of changed) flows.set(flow.id, flow);
  });
});

afterAll(async () => {
  stop.abort();
  await running;
  await backend.close();
  await network.stop();
});

const siteName = (id: string) => picture.sites.find((site) => site.id === id)?.name;
const seen = (what: string, is: () => boolean) => eventually(() => `${what}: ${JSON.stringify(picture)}`, is, 30_000);

describe('the collector', () => {
  test('asks the platform seldom while nobody looks, and at once and often when somebody does', async () => {
    let askedCount = 0;
    const events = async () => {
      askedCount++;
      return [];
    };
    const own = new AbortController();
    const idle = new Collector({
      connect: async () => ({ host: '127.0.0.1', port: routerPort }),
      platform: { events, certificates: async () => [] },
      clock: systemClock,
      log: createLogger({ name: 'test', level: 'silent' }),
    });
    const over = idle.start(own.signal);
    await eventually('it has asked once', () => askedCount > 0);
    const unsubscribe = idle.subscribe(() => {});
    await eventually('it asks on', () => askedCount >= 4, 10_000);
    unsubscribe();
    own.abort();
    await over;
  });

  test('sees sites, the link with its direction, and both ends of a service', async () => {
    await seen('all is seen', () => picture.sites.length === 2 && picture.links[0]?.status === 'up');
    await seen('the service', () => picture.services.some(({ connectorCount }) => connectorCount === 1));
    expect(picture.sites.map(({ name, namespace, self }) => ({ name, namespace, self }))).toEqual(
      expect.arrayContaining([
        { name: 'site-west', namespace: 'west', self: false },
        { name: 'site-east', namespace: 'east', self: true },
      ]),
    );
    expect(picture.routers.map(({ name, mode }) => [name, mode]).sort()).toEqual([
      ['east', 'interior'],
      ['west', 'interior'],
    ]);
    const [link] = picture.links;
    expect(picture.links).toHaveLength(1);
    expect([siteName(link!.fromSite), siteName(link!.toSite)]).toEqual(['site-west', 'site-east']);
    expect(link!.endpoint).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(link!.cost).toBe(1);
    await seen('its round trip', () => (picture.links[0]?.roundTripMs ?? 0) > 0);
    // Heartbeats and this test's own messages.
    await seen('octets both ways', () => (picture.links[0]?.octets ?? 0) > 0 && picture.links[0]!.octetsBack > 0);
    const echo = picture.services.find(({ address }) => address === 'echo');
    expect(echo).toMatchObject({ listenerCount: 1, connectorCount: 1, protocol: 'tcp' });
  });

  test('sees a connection from its beginning to its end, and what it carries', async () => {
    await network.accepting(servicePort);
    const client = await connect(servicePort);
    await seen('it is open', () => [...flows.values()].some(({ state, toSite }) => state === 'open' && toSite !== ''));
    client.write('x'.repeat(1000));
    await seen('octets', () =>
      [...flows.values()].some(({ octets, octetsBack }) => octets === 1000 && octetsBack === 1000),
    );
    await seen('the weight', () => picture.traffic.some(({ flowsOpen }) => flowsOpen > 0));
    const traffic = picture.traffic.find(({ address }) => address === 'echo')!;
    expect([siteName(traffic.fromSite), siteName(traffic.toSite)]).toEqual(['site-west', 'site-east']);
    const ends = picture.endpoints.filter(({ address }) => address === 'echo');
    expect(ends.map(({ flowsOpen }) => flowsOpen)).toEqual([1, 1]);
    client.end();
    await seen('it has ended', () =>
      [...flows.values()].some(({ state, octets }) => state === 'closed' && octets === 1000),
    );
    const flow = [...flows.values()].find(({ octets }) => octets === 1000)!;
    expect(flow).toMatchObject({ address: 'echo', listener: 'listener-echo', connector: 'connector-echo' });
    expect(flow.client).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(collector.flows({ from: 'site-west', state: 'closed' }).map(({ id }) => id)).toContain(flow.id);
    expect(collector.flows({ from: 'site-east' })).toEqual([]);
  });

  test('sees that a connection was refused, and why', async () => {
    await network.accepting(closedPort);
    (await connect(closedPort)).on('error', () => undefined);
    await seen('it is refused', () => collector.flows({ address: 'closed', state: 'refused' }).length > 0);
    const [refused] = collector.flows({ address: 'closed', state: 'refused' });
    expect(refused!.reason).toContain('ECONNREFUSED');
    await seen('the event', () => picture.events.some(({ type }) => type === 'flow-refused'));
    const event = picture.events.find(({ type }) => type === 'flow-refused')!;
    expect(event).toMatchObject({ severity: 'warning', object: 'service/closed' });
    expect(siteName(event.site)).toBe('site-west');
  });

  test('asks its router what policies have refused', async () => {
    await network.accepting(keptPort);
    (await connect(keptPort)).on('error', () => undefined);
    await eventually('it is counted', async () => {
      const counts = await collector.refusedByPolicies();
      return (counts?.get('ClusterAccessPolicy/nobody') ?? 0) > 0;
    });
  });

  test('sees that a link is down whose router cannot say so any more', async () => {
    network.processes.signal('west', 'SIGKILL');
    const killedAt = performance.now();
    await seen('it is down', () => picture.links.every(({ status }) => status === 'down'));
    process.stdout.write(`down seen after ${Math.round(performance.now() - killedAt)} ms\n`);
    await seen('the event', () => picture.events.some(({ type }) => type === 'link-down'));
    await seen('since when', () => picture.routers.some(({ name, goneSince }) => name === 'west' && goneSince! > 0));
    await seen('no listener', () => picture.services.every(({ listenerCount }) => listenerCount === 0));
  });

  test('sees a router that was started again as what it is now, and nothing of before beside it', async () => {
    const before = picture.routers.find(({ name }) => name === 'west')!.id;
    await network.start('west');
    const isBack = () =>
      picture.links.some(({ status }) => status === 'up') &&
      picture.services.find(({ address }) => address === 'echo')?.listenerCount === 1;
    await seen('it is back', isBack);
    expect(picture.routers.map(({ name }) => name).sort()).toEqual(['east', 'west']);
    expect(picture.routers.some(({ id }) => id === before)).toBe(false);
    expect(twice).toEqual([]);
  });
});
