/**
 * Who a client is, where an original is on the way: what is said of clients crosses it, is believed where routers of ours are linked
 * otherwise too, and of an original's own clients counts what its certificate says.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { siteUri } from '../../lib/site-identity.ts';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { originalRouter } from '../support/original-router.ts';
import type { Kind } from '../support/router-process.ts';
import { echoServer, type Listening } from '../support/tcp.ts';
import { ask } from '../support/two-sites.ts';

const READY_MS_MAX = 60_000;
const CLIENT_COUNT = 10;
/** By policies at the router of the services' backends. */
const ALLOWED = {
  open: {},
  said: { sites: ['W'], verification: 'none' },
  known: { sites: ['W'] },
  'of-middle': { sites: ['M'], verification: 'link' },
  'of-edge': { sites: ['R'], verification: 'link' },
} as const;
const SERVICES = Object.keys(ALLOWED);
const DOUBT = 'nobody who is believed here vouches for router west';

/** West and east are linked by way of an original, and by a way of ours that costs more, where there is one. */
class Places {
  readonly network = new LiveNetwork();
  readonly ports = new Map<string, number>();
  private readonly routers = new Map<string, LiveRouter>();
  private echo: Listening | undefined;
  private amqpPort = 0;

  async start(isLinkedOtherwise: boolean): Promise<void> {
    const { network } = this;
    this.echo = await echoServer();
    const west = await this.router('west', 'W', 'ours');
    const middle = await this.router('middle', 'M', 'original');
    const east = await this.router('east', 'E', 'ours');
    const edge = await this.router('edge', 'R', 'original', 'edge');
    await network.link(west, middle);
    await network.link(middle, east);
    await network.link(edge, east, { more: { role: 'edge' } });
    if (isLinkedOtherwise) {
      const far = await this.router('far', 'F', 'ours');
      await network.link(west, far, { more: { cost: 10 } });
      await network.link(far, east, { more: { cost: 10 } });
    }
    for (const [service, from] of Object.entries(ALLOWED)) {
      network.offer(east, service, this.echo.port);
      for (const at of [west, middle, edge]) this.ports.set(`${at.id} ${service}`, await network.publish(at, service));
      const spec = { services: [{ routingKeys: [service] }], rules: [{ action: 'Allow', from: [from] }] };
      east.entities.push(['accessPolicy', { name: `ClusterAccessPolicy/${service}`, spec: JSON.stringify(spec) }]);
    }
    this.amqpPort = await network.amqp(east);
    await network.start();
    for (const id of ['west', 'middle', 'edge']) {
      const isServed = async () => (await this.allowed(id)).includes('open');
      await eventually(() => `clients at ${id} are served\n${network.evidence()}`, isServed, READY_MS_MAX);
    }
  }

  /** The services that a client there gets an answer of. */
  async allowed(id: string): Promise<string[]> {
    const answers = SERVICES.map(async (service) => {
      try {
        return (await ask(this.ports.get(`${id} ${service}`)!, 'hello')) === 'hello';
      } catch {
        return false;
      }
    });
    const isAllowed = await Promise.all(answers);
    return SERVICES.filter((_, at) => isAllowed[at]);
  }

  /** Routers that east knows, and by whose word. */
  async known(): Promise<string[]> {
    const client = await ManagementClient.connect(this.amqpPort);
    const rows = await client.query('router.identity').finally(() => client.close());
    return rows.map(({ routerId, site, verification }) => `${routerId} ${site} ${verification}`).sort();
  }

  /** How many deliveries a router has passed on to others. */
  async passedOn(id: string): Promise<number> {
    return (await this.network.metrics(this.routers.get(id)!))('qdr_deliveries_transit_total');
  }

  async stop(): Promise<void> {
    await this.network.stop();
    await this.echo?.close();
  }

  private async router(
    id: string,
    site: string,
    kind: Kind,
    mode: LiveRouter['mode'] = 'interior',
  ): Promise<LiveRouter> {
    const made = await this.network.router(id, mode, kind);
    this.routers.set(id, made);
    const directory = join(this.network.directory, id);
    mkdirSync(directory, { recursive: true });
    this.network.authority.write(directory, id, [siteUri(site)]);
    this.network.routerAttributes(made, { metadata: JSON.stringify({ id: site }) });
    return made;
  }
}

describe.runIf(originalRouter)('with an original as the only way', () => {
  const places = new Places();
  beforeAll(() => places.start(false), READY_MS_MAX * 2);
  afterAll(() => places.stop());

  it('what is said of a client arrives, and is not believed, with the reason at both ends', async () => {
    expect(await places.allowed('west')).toEqual(['open', 'said']);
    for (const id of ['west', 'east']) {
      const isTold = () => places.network.processes.logOf(id).includes(DOUBT);
      await eventually(() => `${id} says why\n${places.network.evidence()}`, isTold);
    }
    expect(await places.known()).not.toContainEqual(expect.stringContaining('west'));
  });

  it('clients of the original are of the site that its certificate names', async () => {
    expect(await places.allowed('middle')).toEqual(['open', 'of-middle']);
  });

  it('and so are those of an original at the edge', async () => {
    expect(await places.allowed('edge')).toEqual(['open', 'of-edge']);
  });
});

describe.runIf(originalRouter)('with an original on the way, and a way of ours beside it', () => {
  const places = new Places();
  beforeAll(() => places.start(true), READY_MS_MAX * 2);
  afterAll(() => places.stop());

  it('a client that comes by the original is believed', async () => {
    await eventually(
      () => `east knows west\n${places.network.evidence()}`,
      async () => (await places.known()).includes('west W path'),
    );
    await eventually('all that a client of west may use', async () => {
      return (await places.allowed('west')).join() === 'open,said,known';
    });
    // The way by the original may be the last to stand.
    await eventually('the way by the original', async () => {
      const before = await places.passedOn('far');
      await places.allowed('west');
      return (await places.passedOn('far')) === before;
    });
    const before = await places.passedOn('far');
    for (let at = 0; at < CLIENT_COUNT; at++) expect(await places.allowed('west')).toContain('known');
    expect((await places.passedOn('far')) - before).toBeLessThan(CLIENT_COUNT);
  });
});
