/** Clusters that fall silent, leave, come back and change hands: what is kept of them, and who speaks. */
import { describe, expect, it } from 'vitest';
import { ServiceExchange } from '../../service-controller/exchange/exchange.ts';
import { join, known, network, numbered, sentDuring } from '../support/services-exchange.ts';
import { contentOf, type Process, type ServicesNetwork } from '../support/sim/services-network.ts';

/** The last whole set and the last digest that `process` sends while `work` runs. */
function told({ exchange }: Process, work: () => void): { update: string; digest: string } {
  const texts = { update: '', digest: '' };
  const next = exchange.nextMessage.bind(exchange);
  exchange.nextMessage = () => {
    const message = next();
    if (message?.text.includes('"type":"update"')) texts.update = message.text;
    if (message?.text.includes('"type":"digest"')) texts.digest = message.text;
    return message;
  };
  work();
  exchange.nextMessage = next;
  return texts;
}

function isSettled(net: ServicesNetwork, { exchange, skewMs }: Process): boolean {
  return exchange.isSettled(net.now + skewMs);
}

describe('silence', () => {
  it('makes a cluster lost when its lease ends, not before; what it told is kept', () => {
    const net = network();
    const a = join(net, 'a', 3);
    const b = join(net, 'b');
    net.run(3000);
    net.kill(a);
    net.run(9500);
    expect(known(b)).toEqual(['a:live:3']);
    net.run(6000);
    expect(known(b)).toEqual(['a:lost:3']);
    expect(b.exchange.stats.expired).toBe(1);
  });

  it('ends without a word about services when nothing changed meanwhile', () => {
    const net = network();
    join(net, 'a', 200);
    const b = join(net, 'b');
    net.run(3000);
    net.isCut = () => true;
    net.run(60_000);
    expect(known(b)).toEqual(['a:lost:200']);
    net.isCut = () => false;
    const sent = sentDuring(net, () => net.run(6000));
    expect(known(b)).toEqual(['a:live:200']);
    expect(new Set(sent.map((one) => one.split(/[:>]/)[1]))).toEqual(new Set(['digest', 'hello']));
  });

  it('of many ends for all with the first word that anyone hears', () => {
    const net = network();
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) join(net, id);
    net.run(3000);
    net.isCut = (from, to) => from < 'd' !== to < 'd';
    net.run(60_000);
    net.isCut = () => false;
    const isWhole = () =>
      net.processes.every(({ exchange }) => exchange.views().every(({ state }) => state === 'live'));
    const isAnyBack = () =>
      net.processes.some(({ exchange }) => exchange.views().every(({ state }) => state === 'live'));
    expect(isWhole()).toBe(false);
    while (!isAnyBack() && net.now < 100_000) net.run(1);
    net.run(300);
    expect(isWhole()).toBe(true);
  });

  it('ends, with the changes alone, when something did', () => {
    const net = network();
    const a = join(net, 'a', 200);
    const b = join(net, 'b');
    net.run(3000);
    net.isCut = () => true;
    net.run(30_000);
    net.setOwn(a, contentOf(numbered(190)));
    net.run(30_000);
    net.isCut = () => false;
    net.sent.bytes = 0;
    net.run(6000);
    expect(known(b)).toEqual(['a:live:190']);
    expect(net.sent.bytes).toBeLessThan(4000);
  });

  it('is forgotten after the retention, not before', () => {
    const net = network({ retentionMs: 600_000 });
    const a = join(net, 'a', 3);
    const b = join(net, 'b');
    net.run(3000);
    net.kill(a);
    net.run(610_000);
    expect(known(b)).toEqual(['a:lost:3']);
    net.run(10_000);
    expect(known(b)).toEqual([]);
  });

  it('of the own router ends no lease, and everyone has a full one afterwards', () => {
    const net = network();
    join(net, 'a', 3);
    const b = join(net, 'b');
    net.run(3000);
    net.disconnect(b);
    net.run(120_000);
    expect(known(b)).toEqual(['a:live:3']);
    expect(b.exchange.deadline()).toBe(Infinity);
    net.isCut = () => true;
    net.connect(b);
    net.run(14_900);
    expect(known(b)).toEqual(['a:live:3']);
    net.run(200);
    expect(known(b)).toEqual(['a:lost:3']);
  });

  it('is not settled before everyone had time to answer', () => {
    const net = network();
    join(net, 'a', 3);
    net.run(1000);
    const b = join(net, 'b');
    net.run(2900);
    expect(isSettled(net, b)).toBe(false);
    const { revision } = b.exchange;
    net.run(200);
    expect(isSettled(net, b)).toBe(true);
    expect(b.exchange.revision).toBeGreaterThan(revision);
  });

  it('is not settled while the set of one that was heard does not come', () => {
    const net = network({ heartbeatMs: 2000 });
    join(net, 'a', 3);
    net.run(8000);
    // Of what it sends nothing arrives; that somebody is there it hears, by a heartbeat.
    net.isCut = (from) => from === 'b';
    const b = net.start('b');
    for (let ms = 0; ms < 14_000; ms += 100) {
      net.run(100);
      expect(isSettled(net, b)).toBe(false);
    }
    net.isCut = () => false;
    net.run(6000);
    expect(isSettled(net, b)).toBe(true);
    expect(known(b)).toEqual(['a:live:3']);
  });

  it('is settled after its greetings, and has waited for those that heard none of them after a lease', () => {
    const net = network();
    join(net, 'a', 3);
    net.run(5000);
    net.isCut = () => true;
    const b = net.start('b');
    net.run(3100);
    expect(isSettled(net, b)).toBe(true);
    const hasWaited = () => b.exchange.hasWaited(net.now + b.skewMs);
    net.run(11_800);
    expect(hasWaited()).toBe(false);
    net.run(200);
    expect(hasWaited()).toBe(true);
  });

  it('hears who answers only the last greeting before it is settled', () => {
    const net = network();
    join(net, 'a', 3);
    net.run(5000);
    net.isCut = () => true;
    const b = net.start('b');
    net.run(1900);
    net.isCut = () => false;
    net.run(1000);
    expect(isSettled(net, b)).toBe(false);
    expect(known(b)).toEqual(['a:live:3']);
    net.run(200);
    expect(isSettled(net, b)).toBe(true);
  });

  it('greets a site that comes into reach after the last greeting, and waits for it', () => {
    const net = network();
    join(net, 'a', 3);
    net.run(5000);
    net.isCut = () => true;
    const b = net.start('b');
    net.run(2900);
    const routers = new Map(['a', 'b', 'new'].map((id) => [`router-${id}`, `site-${id}`]));
    net.turn(b, (exchange, now) => exchange.setRouters(routers, now));
    net.isCut = () => false;
    net.run(200);
    expect(isSettled(net, b)).toBe(false);
    expect(known(b)).toEqual(['a:live:3']);
    net.run(800);
    expect(isSettled(net, b)).toBe(false);
    net.run(200);
    expect(isSettled(net, b)).toBe(true);
  });

  it('is not settled while the router of somebody who answered is not known', () => {
    const net = network();
    join(net, 'a', 3);
    net.run(5000);
    const b = new ServiceExchange({ clusterId: 'b', clusterSet: 'set', siteId: 'site-b', instance: 1 });
    const digest = told(net.processes[0]!, () => net.run(6000)).digest;
    b.connected(0);
    for (let now = 0; now < 14_000; now += 100) {
      if (now % 5000 === 1000) b.receive({ text: digest, ingress: 'router-a' }, now);
      b.tick(now);
      expect(b.isSettled(now)).toBe(false);
    }
    // A message by a router that nobody ever tells of keeps nobody waiting for longer.
    expect([b.unknownSites(), b.isSettled(15_000)]).toEqual([['site-a'], true]);
  });
});

describe('leaving and coming back', () => {
  it('a cluster that leaves is forgotten at once, and late messages do not bring it back', () => {
    const net = network();
    const b = join(net, 'b');
    const a = net.start('a');
    const { update, digest } = told(a, () => {
      net.setOwn(a, contentOf(numbered(3)));
      net.run(3000);
    });
    expect(known(b)).toEqual(['a:live:3']);
    net.leave(a);
    net.run(10);
    expect(known(b)).toEqual([]);
    net.inject(update, 'router-a');
    net.inject(digest, 'router-a');
    net.run(60_000);
    expect(known(b)).toEqual([]);
  });

  it('what a former process of a cluster said changes nothing', () => {
    const net = network();
    const b = join(net, 'b');
    const former = net.start('a', { instance: 10 });
    const { update, digest } = told(former, () => {
      net.setOwn(former, contentOf(numbered(3)));
      net.run(3000);
    });
    net.kill(former);
    const young = net.start('a', { instance: 20 });
    net.setOwn(young, contentOf(numbered(5)));
    net.run(3000);
    net.kill(young);
    net.inject(digest, 'router-a');
    net.inject(update, 'router-a');
    expect(known(b)).toEqual(['a:live:5']);
    net.run(15_500);
    expect(known(b)).toEqual(['a:lost:5']);
  });

  it('a new process of the same set costs no snapshot to those who have it', () => {
    const net = network();
    const first = join(net, 'a', 200);
    const b = join(net, 'b');
    const standby = net.start('a');
    net.run(3000);
    net.kill(first);
    net.run(100);
    const sent = sentDuring(net, () => {
      net.setOwn(standby, contentOf(numbered(200)));
      net.run(3000);
    });
    expect(known(b)).toEqual(['a:live:200']);
    expect(sent.filter((one) => one.startsWith('a:'))).toEqual(['a:digest']);
    net.setOwn(standby, contentOf(numbered(201)));
    net.run(300);
    expect(known(b)).toEqual(['a:live:201']);
  });

  it('a standby knows everyone when its turn comes', () => {
    const net = network();
    const first = join(net, 'a', 2);
    join(net, 'b', 5);
    const standby = net.start('a');
    net.run(3000);
    net.kill(first);
    expect(known(standby)).toEqual(['b:live:5']);
  });

  it('a standby with a clock that is behind is heard at once', () => {
    const net = network();
    const first = net.start('a', { instance: 2000 });
    net.setOwn(first, contentOf(numbered(1)));
    const b = join(net, 'b');
    const standby = net.start('a', { instance: 1000 });
    net.run(3000);
    net.kill(first);
    net.setOwn(standby, contentOf(numbered(2)));
    net.run(100);
    expect(known(b)).toEqual(['a:live:2']);
  });

  it('of two processes that speak for a cluster the later does, whatever the clocks say', () => {
    const net = network();
    const old = net.start('a', { instance: 2000 });
    net.setOwn(old, contentOf(numbered(1)));
    const b = join(net, 'b');
    net.run(20_000);
    const young = net.start('a', { instance: 1000 });
    net.setOwn(young, contentOf(numbered(2)));
    net.run(7000);
    expect(old.exchange.isSpeaking).toBe(false);
    expect(young.exchange.isSpeaking).toBe(true);
    expect(known(b)).toEqual(['a:live:2']);
    net.leave(young);
    net.run(1000);
    expect(old.exchange.isSpeaking).toBe(true);
    expect(known(b)).toEqual(['a:live:1']);
  });

  it('one that waits speaks again when the other falls silent', () => {
    const net = network();
    const old = join(net, 'a', 1);
    const b = join(net, 'b');
    net.run(20_000);
    const young = join(net, 'a', 2);
    net.run(7000);
    expect(old.exchange.isSpeaking).toBe(false);
    net.kill(young);
    net.run(21_000);
    expect(old.exchange.isSpeaking).toBe(true);
    expect(known(b)).toEqual(['a:live:1']);
  });

  it('one that resigns says nothing more, not even good-bye', () => {
    const net = network();
    const a = join(net, 'a', 1);
    const b = join(net, 'b');
    net.run(3000);
    a.exchange.resign();
    const sent = sentDuring(net, () => {
      net.leave(a);
      net.run(3000);
    });
    expect(sent.filter((one) => one.startsWith('a:'))).toEqual([]);
    expect(known(b)).toEqual(['a:live:1']);
  });

  it('a process with a clock that is behind is heard once the crashed one is lost', () => {
    const net = network();
    const old = net.start('a', { instance: 2000 });
    net.setOwn(old, contentOf(numbered(1)));
    const b = join(net, 'b');
    net.run(20_000);
    net.kill(old);
    const young = net.start('a', { instance: 1000 });
    net.setOwn(young, contentOf(numbered(2)));
    net.run(16_000);
    net.run(6000);
    expect(known(b)).toEqual(['a:live:2']);
  });
});
