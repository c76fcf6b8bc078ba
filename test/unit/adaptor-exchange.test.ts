/** Several processes of one site in the exchange, as when a pod takes over from another: the site stays known throughout. */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../lib/random.ts';
import { Exchange } from '../../site-controller/exchange/exchange.ts';
import { remoteSite } from '../support/observed.ts';

/** One multicast address; every message comes back to its sender too. */
class Network {
  now = 0;
  readonly members = new Set<Exchange>();
  /** Whenever an observer did not know site a though one of its processes was up for long. */
  readonly gaps: number[] = [];
  sent = 0;
  lose: () => boolean = () => false;

  join(name: string, instance: number): Exchange {
    const exchange = new Exchange({ siteId: `id-${name}`, instance });
    this.members.add(exchange);
    exchange.connected(this.now);
    exchange.setOwn(this.content(name, instance), this.now);
    return exchange;
  }

  content(name: string, port: number) {
    return remoteSite(name, { services: [{ address: 'web', protocol: 'tcp', port: (port % 60_000) + 1 }] });
  }

  leave(exchange: Exchange): void {
    exchange.leave();
    this.deliver();
    this.members.delete(exchange);
  }

  run(ms: number, watch?: () => void): void {
    const end = this.now + ms;
    for (;;) {
      this.deliver();
      watch?.();
      const next = Math.min(...[...this.members].map((member) => member.deadline()));
      if (next > end) break;
      this.now = Math.max(this.now, next);
      for (const member of this.members) member.tick(this.now);
    }
    this.now = end;
  }

  private deliver(): void {
    for (let isQuiet = false; !isQuiet; ) {
      isQuiet = true;
      for (const member of this.members) {
        for (let text = member.nextMessage(); text !== undefined; text = member.nextMessage()) {
          isQuiet = false;
          this.sent += 1;
          for (const other of this.members) if (other === member || !this.lose()) other.receive(text, this.now);
        }
      }
    }
  }
}

const siteNames = (exchange: Exchange) => exchange.records().map(({ site }) => site.name);
const servicePort = (exchange: Exchange) => exchange.records()[0]?.services[0]?.port;

describe('two processes of one site', () => {
  it.each([
    ['whose clocks agree', 1000, 2000],
    ['whose clocks do not', 2000, 1000],
  ])('%s: a rolling restart leaves no gap, and the newer one is heard', (_name, oldInstance, newInstance) => {
    const network = new Network();
    const observer = network.join('b', 1);
    const old = network.join('a', oldInstance);
    network.run(20_000);
    const known = () => expect(siteNames(observer)).toEqual(['a']);
    network.join('a', newInstance);
    network.run(500, known);
    expect(servicePort(observer)).toBe(newInstance + 1);
    network.leave(old);
    network.run(60_000, known);
    expect(servicePort(observer)).toBe(newInstance + 1);
  });

  it('the older one goes on at once when the newer one leaves, and after a lease when that was killed', () => {
    const network = new Network();
    const observer = network.join('b', 1);
    network.join('a', 1000);
    const newer = network.join('a', 2000);
    network.run(10_000);
    network.leave(newer);
    network.run(100);
    expect(servicePort(observer)).toBe(1001);
    const another = network.join('a', 3000);
    network.run(10_000);
    network.members.delete(another);
    network.run(16_000);
    expect(servicePort(observer)).toBe(1001);
  });

  it('the last one to leave takes the site with it', () => {
    const network = new Network();
    const observer = network.join('b', 1);
    const old = network.join('a', 1000);
    const newer = network.join('a', 2000);
    network.run(10_000);
    network.leave(old);
    network.leave(newer);
    expect(siteNames(observer)).toEqual([]);
    expect(observer.goneSites()).toEqual(new Set(['id-a']));
  });

  it('that start together settle on one, and the air is quiet afterwards', () => {
    const network = new Network();
    const observer = network.join('b', 1);
    for (const instance of [1000, 1000 - 1, 1000 + 1]) network.join('a', instance);
    network.run(20_000);
    const before = network.sent;
    network.run(60_000);
    // One heartbeat each 5 s of the two sites.
    expect(network.sent - before).toBeLessThanOrEqual(2 * 13);
    expect(siteNames(observer)).toEqual(['a']);
  });

  it('one that takes the lead is heard though its clock is behind, and the former leader says no good-bye', () => {
    const network = new Network();
    const observer = network.join('b', 1);
    const leader = network.join('a', 9000);
    const standby = new Exchange({ siteId: 'id-a', instance: 10 });
    network.members.add(standby);
    standby.connected(network.now);
    network.run(10_000);
    expect(siteNames(standby)).toEqual(['b']);
    leader.resign();
    const known = () => expect(siteNames(observer)).toEqual(['a']);
    network.run(1000, known);
    standby.setOwn(network.content('a', 10), network.now);
    network.run(60_000, known);
    expect(servicePort(observer)).toBe(11);
  });

  it('whatever starts, leaves and is killed, with losses: the site is known while a process is up for long', () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const random = new SeededRandom(seed);
      const network = new Network();
      const observer = network.join('b', 1);
      const processes: Exchange[] = [];
      network.lose = () => random.next() < 0.1;
      for (let step = 0; step < 30; step += 1) {
        const draw = random.next();
        if (draw < 0.4 && processes.length < 4) {
          processes.push(network.join('a', Math.floor(random.next() * 10_000)));
        } else if (processes.length > 0) {
          const [gone] = processes.splice(Math.floor(random.next() * processes.length), 1);
          if (draw < 0.7) network.leave(gone!);
          else network.members.delete(gone!);
        }
        network.run(Math.floor(random.next() * 8000));
      }
      network.lose = () => false;
      network.run(40_000);
      expect(siteNames(observer), `seed ${seed}`).toEqual(processes.length > 0 ? ['a'] : []);
    }
  });
});
