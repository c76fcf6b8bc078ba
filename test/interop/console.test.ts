/** The console's collector at networks with routers of the original, at either end of the link: it sees the same. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Collector } from '../../console/collector/collector.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork } from '../support/live-network.ts';
import { originalRouter } from '../support/original-router.ts';
import type { Kind } from '../support/router-process.ts';
import { connect, echoServer, type Listening } from '../support/tcp.ts';

const WITHIN_MS = 40_000;
const PAIRS: readonly (readonly [west: Kind, east: Kind])[] =
  originalRouter === undefined
    ? [['ours', 'ours']]
    : [
        ['original', 'original'],
        ['ours', 'original'],
        ['original', 'ours'],
      ];

describe.each(PAIRS)('a collector at %s, linked from %s', (westKind, eastKind) => {
  const network = new LiveNetwork();
  const stop = new AbortController();
  let backend: Listening;
  let collector: Collector;
  let running: Promise<void>;
  let servicePort: number;

  beforeAll(async () => {
    backend = await echoServer();
    const west = await network.router('west', 'interior', westKind);
    const east = await network.router('east', 'interior', eastKind);
    for (const { id, entities } of [west, east]) {
      entities.push(['site', { name: `site-${id}`, namespace: id }]);
      entities.push(['address', { name: 'mc', prefix: 'mc', distribution: 'multicast' }]);
    }
    await network.link(west, east);
    servicePort = await network.publish(west, 'echo');
    network.offer(east, 'echo', backend.port);
    const port = await network.amqp(east);
    await network.start();
    collector = new Collector({
      connect: async () => ({ host: '127.0.0.1', port }),
      clock: systemClock,
      log: createLogger({ name: 'test', level: 'silent' }),
    });
    running = collector.start(stop.signal);
    collector.subscribe(() => undefined);
  }, 60_000);

  afterAll(async () => {
    stop.abort();
    await running;
    await backend.close();
    await network.stop();
  });

  const seen = (what: string, is: () => boolean) =>
    eventually(() => `${what}: ${JSON.stringify([collector.view(), collector.flows()])}`, is, WITHIN_MS);

  it('sees sites, the link with its direction, and the service', async () => {
    await seen('sites', () => collector.view().sites.length === 2);
    await seen('the link', () => collector.view().links.some(({ status, toSite }) => status === 'up' && toSite !== ''));
    const { sites, links } = collector.view();
    const name = (id: string) => sites.find((site) => site.id === id)?.name;
    expect(links.map(({ fromSite, toSite }) => [name(fromSite), name(toSite)])).toEqual([['site-west', 'site-east']]);
    expect(sites.find(({ self }) => self)?.name).toBe('site-east');
    await seen('the service', () => {
      const [echo] = collector.view().services;
      return echo?.address === 'echo' && echo.listenerCount === 1 && echo.connectorCount === 1;
    });
  });

  it('sees a connection, where it leads, and what it carries', async () => {
    await network.accepting(servicePort, true, WITHIN_MS);
    const client = await connect(servicePort);
    client.on('error', () => undefined);
    client.write('x'.repeat(1000));
    const ours = () => collector.flows({ address: 'echo' }).find(({ octets }) => octets === 1000);
    await seen('octets', () => ours()?.state === 'open' && ours()?.octetsBack === 1000 && ours()?.toSite !== '');
    const { sites } = collector.view();
    const { fromSite, toSite } = ours()!;
    expect([fromSite, toSite].map((id) => sites.find((site) => site.id === id)?.name)).toEqual([
      'site-west',
      'site-east',
    ]);
    client.end();
    await seen('its end', () => ours()?.state === 'closed');
  });
});
