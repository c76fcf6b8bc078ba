/** The edge of the exchange of services: connections, addresses, time; and routers learnt from the sites on the way. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { ServiceExchangeDriver } from '../../service-controller/exchange/driver.ts';
import { ServiceExchange } from '../../service-controller/exchange/exchange.ts';
import { SERVICES_ADDRESS } from '../../service-controller/exchange/messages.ts';
import { SITES_ADDRESS, SiteRouters } from '../../service-controller/exchange/site-routers.ts';
import { contentOf, serviceRecord } from '../support/sim/services-network.ts';
import { useVirtualTime } from '../support/virtual-time.ts';

beforeEach(() => {
  useVirtualTime(1_000_000);
});
afterEach(() => {
  vi.useRealTimers();
});

/** Routers that carry messages between clients, and site-controllers that answer for their site. */
class Mesh {
  readonly members: { cluster: string; driver: ServiceExchangeDriver; heard: ReadonlySet<string> }[] = [];
  readonly changes: string[] = [];
  isFull = false;
  siteRequests = 0;

  join(cluster: string, instance: number) {
    const exchange = new ServiceExchange({
      clusterId: cluster,
      clusterSet: 'set',
      siteId: `site-${cluster}`,
      instance,
    });
    let heard: ReadonlySet<string> = new Set();
    const send = (to: string, text: string) => {
      if (this.isFull) return false;
      setTimeout(() => this.carry(cluster, to, text), 1);
      return true;
    };
    const client = {
      listen: (addresses: ReadonlySet<string>) => {
        heard = addresses;
      },
      send: (text: string) => send(SERVICES_ADDRESS, text),
      sendTo: ({ to, body }: { to: string; body?: unknown }) => send(to, String(body)),
    };
    const onChange = () => this.changes.push(cluster);
    const driver = new ServiceExchangeDriver({
      exchange,
      routers: new SiteRouters(),
      client,
      clock: systemClock,
      onChange,
    });
    this.members.push({ cluster, driver, heard });
    return { exchange, driver };
  }

  private carry(from: string, to: string, text: string): void {
    if (to === SITES_ADDRESS) this.answerForSite(text);
    for (const { driver, heard } of this.members) {
      if (to === SERVICES_ADDRESS) driver.onMessage(text, `router-${from}`);
      else if (heard.has(to)) driver.onHeard({ body: text }, to, `router-${from}`);
    }
  }

  private answerForSite(text: string): void {
    const { type, siteId } = JSON.parse(text);
    if (type !== 'request') return;
    this.siteRequests += 1;
    const cluster = siteId.slice('site-'.length);
    const body = {
      v: 1,
      type: 'record',
      instance: 1,
      seq: 1,
      site: { id: siteId },
      routers: [{ id: `router-${cluster}` }],
    };
    setTimeout(() => this.carry(cluster, SITES_ADDRESS, JSON.stringify(body)), 50);
  }
}

describe('drivers', () => {
  it('that know nothing learn the routers of sites and the services of clusters within 300 ms', () => {
    const mesh = new Mesh();
    const a = mesh.join('a', 1);
    const b = mesh.join('b', 2);
    for (const { driver } of [a, b]) {
      driver.connected();
      driver.setOwn(contentOf([serviceRecord('web')]));
    }
    vi.advanceTimersByTime(300);
    expect(a.exchange.views().map(({ id, services }) => [id, ...services.keys()])).toEqual([['b', 'team/web']]);
    expect(b.exchange.views().map(({ id, services }) => [id, ...services.keys()])).toEqual([['a', 'team/web']]);
    expect(new Set(mesh.changes)).toEqual(new Set(['a', 'b']));
    expect(mesh.siteRequests).toBeLessThanOrEqual(4);
  });

  it('wake by themselves for heartbeats and leases, tell of changes once, and rest when stopped', () => {
    const mesh = new Mesh();
    const a = mesh.join('a', 1);
    const b = mesh.join('b', 2);
    for (const { driver } of [a, b]) {
      driver.connected();
      driver.setOwn(contentOf([serviceRecord('web')]));
    }
    vi.advanceTimersByTime(60_000);
    expect(a.exchange.views()[0]!.state).toBe('live');
    mesh.changes.length = 0;
    vi.advanceTimersByTime(60_000);
    expect(mesh.changes).toEqual([]);
    b.driver.stop();
    vi.advanceTimersByTime(10);
    expect(a.exchange.views()).toEqual([]);
    expect(mesh.changes).toEqual(['a']);
    a.driver.stop();
    b.driver.connected();
    vi.advanceTimersByTime(10);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('count what the connection had no room for, and what was lost comes again', () => {
    const mesh = new Mesh();
    const a = mesh.join('a', 1);
    const b = mesh.join('b', 2);
    for (const { driver } of [a, b]) {
      driver.connected();
      driver.setOwn(contentOf([]));
    }
    vi.advanceTimersByTime(3000);
    mesh.isFull = true;
    a.driver.setOwn(contentOf([serviceRecord('web')]));
    vi.advanceTimersByTime(100);
    mesh.isFull = false;
    expect(a.driver.unsentCount).toBe(1);
    vi.advanceTimersByTime(500);
    expect([...b.exchange.views()[0]!.services.keys()]).toEqual(['team/web']);
  });

  it('send nothing while there is no connection, and everything once there is one', () => {
    const mesh = new Mesh();
    const a = mesh.join('a', 1);
    const b = mesh.join('b', 2);
    a.driver.connected();
    b.driver.setOwn(contentOf([serviceRecord('web')]));
    vi.advanceTimersByTime(60_000);
    expect(a.exchange.views()).toEqual([]);
    b.driver.connected();
    vi.advanceTimersByTime(300);
    expect(a.exchange.views().map(({ id }) => id)).toEqual(['b']);
    b.driver.disconnected();
    b.driver.setOwn(contentOf([]));
    vi.advanceTimersByTime(10_000);
    expect(a.exchange.views()[0]!.services.size).toBe(1);
  });

  it('leave messages alone that are no text, or came to an address that is not theirs', () => {
    const mesh = new Mesh();
    const { exchange, driver } = mesh.join('a', 1);
    driver.connected();
    driver.onHeard({ body: Buffer.from('x') }, exchange.inbox, 'r');
    driver.onHeard({ body: 'x' }, 'elsewhere', 'r');
    expect(exchange.stats.received).toBe(0);
    driver.onHeard({ body: 'x' }, exchange.inbox, 'r');
    expect(exchange.stats).toMatchObject({ received: 1, malformed: 1 });
  });
});
