/** The exchange between sites: who learns what, when, and who is dropped. */
import { describe, expect, it } from 'vitest';
import { Exchange } from '../../site-controller/exchange/exchange.ts';
import { decodeMessage, ExchangeMessageError, encodeMessage, LIMITS } from '../../site-controller/exchange/record.ts';
import { remoteSite } from '../support/observed.ts';

/** Sites on one multicast address; `lose` decides which messages never arrive. */
class Network {
  now = 0;
  readonly sent: { from: string; text: string }[] = [];
  readonly members = new Map<string, Exchange>();
  lose: (from: string, to: string) => boolean = () => false;

  join(name: string, instance = 1): Exchange {
    const exchange = new Exchange({ siteId: `id-${name}`, instance });
    this.members.set(name, exchange);
    exchange.setOwn(remoteSite(name), this.now);
    exchange.connected(this.now);
    return exchange;
  }

  /** Lets everything happen that is due within `ms`. */
  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      this.deliver();
      const next = Math.min(...[...this.members.values()].map((member) => member.deadline()));
      if (next > end) break;
      this.now = Math.max(this.now, next);
      for (const member of this.members.values()) member.tick(this.now);
    }
    this.now = end;
  }

  known(name: string): string[] {
    return this.members
      .get(name)!
      .records()
      .map(({ site }) => site.name);
  }

  private deliver(): void {
    for (const [from, member] of this.members) {
      for (let text = member.nextMessage(); text !== undefined; text = member.nextMessage()) {
        this.sent.push({ from, text });
        for (const [to, other] of this.members) if (!this.lose(from, to)) other.receive(text, this.now);
      }
    }
  }
}

describe('exchange', () => {
  it('lets a newcomer and those present know each other within 200 ms', () => {
    const network = new Network();
    for (const name of ['a', 'b', 'c']) network.join(name);
    network.run(3000);
    network.join('d');
    network.run(200);
    expect(network.known('d')).toEqual(['a', 'b', 'c']);
    expect(network.known('a')).toEqual(['b', 'c', 'd']);
  });

  it('spreads a change after the debounce, as one record', () => {
    const network = new Network();
    const a = network.join('a');
    network.join('b');
    network.run(4000);
    network.sent.length = 0;
    for (const port of [1, 2, 3]) {
      a.setOwn(remoteSite('a', { services: [{ address: 'web', protocol: 'tcp', port }] }), network.now);
    }
    network.run(60);
    expect(network.members.get('b')!.records()[0]!.services[0]!.port).toBe(3);
    expect(network.sent.filter(({ from }) => from === 'a')).toHaveLength(1);
  });

  it('says nothing new when what it is given did not change', () => {
    const network = new Network();
    const a = network.join('a');
    network.run(4000);
    network.sent.length = 0;
    a.setOwn(remoteSite('a'), network.now);
    network.run(500);
    expect(network.sent).toEqual([]);
  });

  it('repairs a lost record with the next digest', () => {
    const network = new Network();
    const a = network.join('a');
    network.join('b');
    network.run(3000);
    network.lose = () => true;
    a.setOwn(remoteSite('a', { services: [{ address: 'web', protocol: 'tcp', port: 80 }] }), network.now);
    network.run(100);
    network.lose = () => false;
    expect(network.members.get('b')!.records()[0]!.services).toEqual([]);
    network.run(5200);
    expect(network.members.get('b')!.records()[0]!.services).toHaveLength(1);
  });

  it('drops a silent site when its lease ends, not before', () => {
    const network = new Network();
    network.join('a');
    network.join('b');
    network.run(3000);
    network.lose = (from) => from === 'b';
    network.run(9000);
    expect(network.known('a')).toEqual(['b']);
    network.run(7000);
    expect(network.known('a')).toEqual([]);
    expect(network.members.get('a')!.stats.expired).toBe(1);
  });

  it('drops a site that leaves at once', () => {
    const network = new Network();
    network.join('a');
    const b = network.join('b');
    network.run(3000);
    b.setOwn(remoteSite('b', { services: [{ address: 'web', protocol: 'tcp', port: 80 }] }), network.now);
    b.leave();
    network.run(200);
    expect(network.known('a')).toEqual([]);
    expect([...network.members.get('a')!.goneSites()]).toEqual(['id-b']);
    network.members.delete('b');
    network.run(30_000);
    expect(network.members.get('a')!.goneSites().size).toBe(0);
  });

  it('keeps everyone while its own router is away, and gives them a full lease afterwards', () => {
    const network = new Network();
    const a = network.join('a');
    network.join('b');
    network.run(3000);
    a.disconnected();
    network.lose = (_from, to) => to === 'a';
    network.run(60_000);
    expect(network.known('a')).toEqual(['b']);
    expect(a.isSettled(network.now)).toBe(false);
    a.connected(network.now);
    network.run(14_000);
    expect(network.known('a')).toEqual(['b']);
    expect(a.isSettled(network.now)).toBe(false);
    network.run(2000);
    expect(a.isSettled(network.now)).toBe(true);
    expect(network.known('a')).toEqual([]);
  });

  it('hides a site whose routers are out of reach, before its lease ends, and shows its record when one is back', () => {
    const network = new Network();
    const a = network.join('a');
    network.join('b');
    network.join('c');
    a.topologyChanged(['a-router', 'b-router', 'c-router'], network.now);
    network.run(20_000);
    network.lose = (from, to) => from === 'b' || to === 'b';
    a.topologyChanged(['a-router', 'c-router'], network.now);
    const { revision } = a;
    network.run(1900);
    expect(network.known('a')).toEqual(['b', 'c']);
    network.run(200);
    expect(network.known('a')).toEqual(['c']);
    expect([...a.goneSites()]).toEqual(['id-b']);
    expect(a.revision).toBe(revision + 1);
    network.run(3000);
    a.topologyChanged(['a-router', 'b-router', 'c-router'], network.now);
    expect(network.known('a')).toEqual(['b', 'c']);
    expect(a.goneSites().size).toBe(0);
    expect(a.revision).toBe(revision + 2);
  });

  it('drops a hidden site when its lease ends', () => {
    const network = new Network();
    const a = network.join('a');
    network.join('b');
    a.topologyChanged(['a-router', 'b-router'], network.now);
    network.run(20_000);
    network.lose = (from) => from === 'b';
    a.topologyChanged(['a-router'], network.now);
    network.run(16_000);
    expect(a.stats.expired).toBe(1);
    a.topologyChanged(['a-router', 'b-router'], network.now);
    expect(network.known('a')).toEqual([]);
  });

  it('keeps a site while one of its routers is in reach, or all are back within the grace', () => {
    const network = new Network();
    const a = network.join('a');
    const b = network.join('b');
    const [router] = remoteSite('b').routers;
    b.setOwn(remoteSite('b', { routers: [router!, { ...router!, id: 'b-router2' }] }), network.now);
    a.topologyChanged(['a-router', 'b-router', 'b-router2'], network.now);
    network.run(3000);
    const { revision } = a;
    a.topologyChanged(['a-router', 'b-router2'], network.now);
    network.run(10_000);
    a.topologyChanged(['a-router'], network.now);
    network.run(1800);
    a.topologyChanged(['a-router', 'b-router'], network.now);
    network.run(10_000);
    expect(network.known('a')).toEqual(['b']);
    expect(a.revision).toBe(revision);
  });

  it('takes it for no loss that its own router, just restarted, reaches nobody yet', () => {
    const network = new Network();
    const a = network.join('a');
    network.join('b');
    a.topologyChanged(['a-router', 'b-router'], network.now);
    network.run(3000);
    const { revision } = a;
    network.lose = () => true;
    a.topologyChanged(['a-router'], network.now);
    a.disconnected();
    network.run(5000);
    a.connected(network.now);
    a.topologyChanged(['a-router'], network.now);
    network.run(10_000);
    expect(network.known('a')).toEqual(['b']);
    expect(a.revision).toBe(revision);
  });

  it('takes the record of a restarted site though its sequence begins anew, and none of its earlier life', () => {
    const network = new Network();
    const a = network.join('a');
    network.join('b', 1);
    network.run(3000);
    const old = network.sent.find(({ from, text }) => from === 'b' && text.includes('"record"'))!.text;
    const content = remoteSite('b', { services: [{ address: 'web', protocol: 'tcp', port: 80 }] });
    a.receive(encodeMessage({ v: 1, type: 'record', instance: 2, seq: 1, ...content }), network.now);
    a.receive(old, network.now);
    expect(a.records()[0]!.services).toHaveLength(1);
  });

  it('ignores a leave of an earlier life', () => {
    const network = new Network();
    const a = network.join('a');
    network.join('b', 5);
    network.run(3000);
    a.receive(encodeMessage({ v: 1, type: 'leave', siteId: 'id-b', instance: 4 }), network.now);
    expect(network.known('a')).toEqual(['b']);
  });

  it('asks for the record of one site at most once a second', () => {
    const a = new Exchange({ siteId: 'id-a', instance: 1 });
    a.connected(0);
    const digest = encodeMessage({ v: 1, type: 'digest', siteId: 'id-b', instance: 1, seq: 9 });
    for (let now = 0; now < 1000; now += 10) a.receive(digest, now);
    const requests: string[] = [];
    for (let text = a.nextMessage(); text !== undefined; text = a.nextMessage()) requests.push(text);
    expect(requests).toHaveLength(1);
  });

  it('answers a flood of requests with one record per debounce', () => {
    const network = new Network();
    const a = network.join('a');
    network.run(2000);
    network.sent.length = 0;
    const request = encodeMessage({ v: 1, type: 'request', siteId: 'id-a' });
    for (let count = 0; count < 1000; count++) a.receive(request, network.now);
    network.run(60);
    expect(network.sent).toHaveLength(1);
  });

  it('converges for any order and loss of the first minute once messages get through', () => {
    const network = new Network();
    let state = 7;
    const random = () => {
      state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
      return state / 0x7fffffff;
    };
    network.lose = () => random() < 0.6;
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) {
      network.join(name);
      network.run(Math.floor(random() * 4000));
    }
    for (let port = 1; port <= 20; port++) {
      const name = names[Math.floor(random() * names.length)]!;
      const services = [{ address: 'web', protocol: 'tcp', port }];
      network.members.get(name)!.setOwn(remoteSite(name, { services }), network.now);
      network.run(2000);
    }
    network.lose = () => false;
    network.run(11_000);
    for (const name of names) expect(network.known(name)).toEqual(names.filter((other) => other !== name));
    const views = names.map(
      (name) =>
        network.members
          .get(name)!
          .records()
          .filter(({ site }) => site.name === 'a' || name === 'a').length,
    );
    expect(views.every((count) => count > 0)).toBe(true);
    const seen = new Set(
      names.slice(1).map((name) =>
        JSON.stringify(
          network.members
            .get(name)!
            .records()
            .find(({ site }) => site.name === 'a'),
        ),
      ),
    );
    expect(seen.size).toBe(1);
  });
});

describe('exchange messages', () => {
  it.each([
    ['garbage', 'nonsense'],
    ['a list', '[]'],
    ['an unknown type', '{"v":1,"type":"x"}'],
    ['another version', '{"v":2,"type":"request","siteId":"a"}'],
    ['a record without a site', '{"v":1,"type":"record","instance":1,"seq":1}'],
    ['a port out of range', recordWith({ services: [{ address: 'a', protocol: 'tcp', port: 70000 }] })],
    ['an endless text', recordWith({ services: [{ address: 'a'.repeat(600), protocol: 'tcp', port: 1 }] })],
    ['a negative sequence', '{"v":1,"type":"digest","siteId":"a","instance":1,"seq":-1}'],
  ])('refuses %s', (_what, text) => {
    expect(() => decodeMessage(text)).toThrow(ExchangeMessageError);
  });

  it('refuses a message above the size limit before parsing it', () => {
    expect(() => decodeMessage(`"${'x'.repeat(LIMITS.messageSizeBytesMax)}"`)).toThrow(/at most/);
  });

  it('counts what is malformed and goes on', () => {
    const exchange = new Exchange({ siteId: 'id-a', instance: 1 });
    exchange.connected(0);
    exchange.receive('{', 0);
    exchange.receive(recordWith({}), 0);
    expect(exchange.stats.malformed).toBe(1);
    expect(exchange.records()).toHaveLength(1);
  });

  it('accepts members of a later version', () => {
    const text = JSON.stringify({ ...JSON.parse(recordWith({})), color: 'red' });
    expect(decodeMessage(text).type).toBe('record');
  });
});

function recordWith(parts: object): string {
  return JSON.stringify({ v: 1, type: 'record', instance: 1, seq: 1, ...remoteSite('b'), ...parts });
}
