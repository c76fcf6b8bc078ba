/** Clusters that tell each other of their services over real routers, one of them an edge. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { RouterClient } from '../../lib/router-client/client.ts';
import { ServiceExchangeDriver } from '../../service-controller/exchange/driver.ts';
import { ServiceExchange } from '../../service-controller/exchange/exchange.ts';
import { encodeMessage, SERVICES_ADDRESS } from '../../service-controller/exchange/messages.ts';
import { SITES_ADDRESS, SiteRouters } from '../../service-controller/exchange/site-routers.ts';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { contentOf, serviceRecord } from '../support/sim/services-network.ts';

const network = new LiveNetwork();
const stop = new AbortController();
const members = new Map<string, Member>();
const log = createLogger({ name: 'test', level: 'silent' });
const EDGE = { role: 'edge' };

/** A service-controller's part in the exchange, and a site-controller that answers for the site. */
class Member {
  readonly exchange: ServiceExchange;
  readonly driver: ServiceExchangeDriver;
  readonly client: RouterClient;
  /** Of the site-controller. */
  readonly site: RouterClient;
  readonly id: string;

  constructor(id: string, port: number, siteRecord: string) {
    this.id = id;
    const instance = Math.round(systemClock.wall() * 1000);
    this.exchange = new ServiceExchange({ clusterId: id, clusterSet: 'set', siteId: `site-${id}`, instance });
    const endpoint = async () => ({ host: '127.0.0.1', port });
    this.client = new RouterClient({
      containerId: `services-${id}`,
      endpoint,
      multicastAddress: SERVICES_ADDRESS,
      onUp: () => this.driver.connected(),
      onDown: () => this.driver.disconnected(),
      onMessage: (text, ingress) => this.driver.onMessage(text, ingress),
      onHeard: (message, address, ingress) => this.driver.onHeard(message, address, ingress),
      log,
    });
    this.site = new RouterClient({
      containerId: `site-${id}`,
      endpoint,
      multicastAddress: SITES_ADDRESS,
      onUp: () => this.site.send(siteRecord),
      onDown: () => {},
      onMessage: (text) => {
        if (text.includes(`"request","siteId":"site-${id}"`)) this.site.send(siteRecord);
      },
      log,
    });
    const { exchange, client } = this;
    const parts = { exchange, client, routers: new SiteRouters(), clock: systemClock, onChange: () => {} };
    this.driver = new ServiceExchangeDriver(parts);
    void this.client.run(stop.signal);
    void this.site.run(stop.signal);
  }

  /** `cluster site state services` of each view. */
  get known(): string[] {
    const views = this.exchange.views();
    return views.map(({ id, siteId, state, services }) => [id, siteId, state, ...services.keys()].join(' '));
  }
}

/** As the site-controller at that router would tell it. */
function siteRecordOf({ id }: LiveRouter): string {
  return JSON.stringify({ v: 1, type: 'record', instance: 1, seq: 1, site: { id: `site-${id}` }, routers: [{ id }] });
}

beforeAll(async () => {
  const [west, east] = [await network.router('west'), await network.router('east')];
  const edge = await network.router('edge', 'edge');
  await network.link(west, east);
  await network.link(edge, east, { more: EDGE });
  for (const router of [west, east, edge]) {
    router.entities.push(['address', { name: 'mc', prefix: 'mc', distribution: 'multicast' }]);
    const port = await network.amqp(router);
    const member = new Member(router.id, port, siteRecordOf(router));
    member.driver.setOwn(contentOf([serviceRecord(`of-${router.id}`)]));
    members.set(router.id, member);
  }
  // One after the other, so that each is up in time on a machine that does much else.
  for (const id of members.keys()) await network.start(id);
});
afterAll(async () => {
  stop.abort();
  for (const { driver } of members.values()) driver.stop();
  await network.stop();
});

const lineOf = (id: string, ...services: string[]) => [id, `site-${id}`, 'live', ...services].join(' ');

test('each cluster learns of the others, of the one at an edge router too', async () => {
  const everyone = ['east', 'edge', 'west'];
  const missing = () => [...members.values()].map(({ id, known, exchange }) => ({ id, known, ...exchange.refusals }));
  await eventually(
    () => `everyone knows everyone: ${JSON.stringify(missing())}`,
    async () =>
      [...members.values()].every(({ id, known }) => {
        const others = everyone.filter((other) => other !== id).map((other) => lineOf(other, `team/of-${other}`));
        return JSON.stringify(known) === JSON.stringify(others);
      }),
    20_000,
  );
});

test('a change arrives everywhere', async () => {
  const { driver } = members.get('edge')!;
  driver.setOwn(contentOf([serviceRecord('of-edge'), serviceRecord('new')]));
  for (const id of ['east', 'west']) {
    await eventually(`${id} knows of it`, async () =>
      members.get(id)!.known.includes(lineOf('edge', 'team/of-edge', 'team/new')),
    );
  }
});

test('a cluster cannot speak for another', async () => {
  const west = members.get('west')!;
  const east = members.get('east')!;
  const head = { v: 1, set: 'set', cluster: 'edge', instance: 2 ** 51, box: 1, type: 'leave' } as const;
  for (const site of ['site-edge', 'site-west']) west.client.send(encodeMessage({ ...head, site }));
  await eventually('it is noted', async () => east.exchange.claims().length > 0);
  expect(east.exchange.claims()).toEqual([{ clusterId: 'edge', siteId: 'site-west' }]);
  expect(east.known).toContain(lineOf('edge', 'team/of-edge', 'team/new'));
});

test('a cluster that leaves is forgotten', async () => {
  members.get('west')!.driver.stop();
  await eventually('east has forgotten west', async () =>
    members.get('east')!.known.every((line) => !line.startsWith('west')),
  );
});
