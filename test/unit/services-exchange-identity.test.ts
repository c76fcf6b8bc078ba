/** Who may say something about which cluster: only its site, and the first site that said it. */
import { describe, expect, it } from 'vitest';
import { ServiceExchange } from '../../service-controller/exchange/exchange.ts';
import { LIMITS } from '../../service-controller/exchange/limits.ts';
import { encodeMessage } from '../../service-controller/exchange/messages.ts';
import { contentOf, routerOf, ServicesNetwork, serviceRecord, siteOf } from '../support/sim/services-network.ts';

const CALM = { loss: 0, duplication: 0, delayMs: [1, 1] } as const;

/** `a` and `b` know each other; `x` is a site that is up to no good. */
function world() {
  const net = new ServicesNetwork(1, CALM);
  const [a, b] = ['a', 'b'].map((id) => {
    const process = net.start(id);
    net.setOwn(process, contentOf([serviceRecord(`of-${id}`)]));
    return process;
  });
  const evil = net.start('x');
  net.run(3000);
  return { net, a: a!, b: b!, evil };
}

type World = ReturnType<typeof world>;

/** What a process of cluster `id`, at site `site`, would send that exports `of-evil`. */
function messagesOf(id: string, site: string, instance: number): string[] {
  const exchange = new ServiceExchange({ clusterId: id, clusterSet: 'set', siteId: site, instance });
  exchange.setOwn(contentOf([serviceRecord('of-evil')]), 0);
  exchange.connected(0);
  for (const now of [0, 100, 1000, 6000]) exchange.tick(now);
  exchange.leave();
  const texts: string[] = [];
  for (let next = exchange.nextMessage(); next !== undefined; next = exchange.nextMessage()) texts.push(next.text);
  return texts;
}

function shown({ b }: World): unknown[] {
  return b.exchange
    .views()
    .map(({ id, siteId, state, services }) => ({ id, siteId, state, services: [...services.keys()] }));
}

const AS_IT_WAS = [{ id: 'a', siteId: 'site-a', state: 'live', services: ['team/of-a'] }];
const MUCH_LATER = 2 ** 51;

describe('a message about a cluster', () => {
  it('is refused from the router of another site, whatever it says of its site', () => {
    const it = world();
    for (const text of messagesOf('a', siteOf('a'), MUCH_LATER)) it.net.inject(text, routerOf('x'));
    it.net.run(300);
    expect(shown(it)).toEqual(AS_IT_WAS);
    expect(it.b.exchange.refusals.forged).toBeGreaterThan(2);
    expect(it.b.exchange.claims()).toEqual([{ clusterId: 'a', siteId: 'site-x' }]);
  });

  it('is refused from another site that says so, while the first has it', () => {
    const it = world();
    const { revision } = it.b.exchange;
    for (const text of messagesOf('a', siteOf('x'), MUCH_LATER)) it.net.inject(text, routerOf('x'));
    expect(it.b.exchange.revision).toBeGreaterThan(revision);
    it.net.run(300);
    expect(shown(it)).toEqual(AS_IT_WAS);
    expect(it.b.exchange.claims()).toEqual([{ clusterId: 'a', siteId: 'site-x' }]);
    it.net.run(16_000);
    expect(it.b.exchange.claims()).toEqual([]);
  });

  it('is refused when the own router names no router', () => {
    const it = world();
    for (const text of messagesOf('a', siteOf('a'), MUCH_LATER)) it.net.inject(text, undefined);
    it.net.run(300);
    expect(shown(it)).toEqual(AS_IT_WAS);
    expect(it.b.exchange.refusals.unidentified).toBeGreaterThan(2);
  });

  it('is refused from a router that nobody knows, when nobody learns of it in time', () => {
    const it = world();
    for (const text of messagesOf('a', siteOf('a'), MUCH_LATER)) it.net.inject(text, 'stranger');
    expect(it.b.exchange.unknownSites()).toEqual(['site-a']);
    it.net.run(6000);
    it.net.turn(it.b, (exchange, now) =>
      exchange.setRouters(
        new Map([['stranger', 'site-a'], ...['a', 'b', 'x'].map((id) => [routerOf(id), siteOf(id)] as const)]),
        now,
      ),
    );
    it.net.run(300);
    expect(shown(it)).toEqual(AS_IT_WAS);
    expect(it.b.exchange.refusals.unidentified).toBeGreaterThan(2);
    expect(it.b.exchange.unknownSites()).toEqual([]);
  });

  it('cannot end a cluster that it does not come from', () => {
    const it = world();
    const head = { v: 1, set: 'set', cluster: 'a', instance: MUCH_LATER, box: MUCH_LATER, type: 'leave' } as const;
    it.net.inject(encodeMessage({ ...head, site: siteOf('a') }), routerOf('x'));
    it.net.inject(encodeMessage({ ...head, site: siteOf('x') }), routerOf('x'));
    it.net.inject(encodeMessage({ ...head, site: siteOf('a') }), undefined);
    expect(shown(it)).toEqual(AS_IT_WAS);
  });

  it('of an older process does not end it either', () => {
    const it = world();
    const head = { v: 1, set: 'set', cluster: 'a', instance: 1, box: 1, type: 'leave' } as const;
    it.net.inject(encodeMessage({ ...head, site: siteOf('a') }), routerOf('a'));
    expect(shown(it)).toEqual(AS_IT_WAS);
  });

  it('of another cluster set is ignored', () => {
    const it = world();
    const text = encodeMessage({
      ...{ v: 1, set: 'other', cluster: 'a', site: siteOf('a'), instance: MUCH_LATER, box: 5 },
      ...{ type: 'digest', seq: 9, count: 0, hash: '0'.repeat(32) },
    });
    it.net.inject(text, routerOf('a'));
    it.net.run(300);
    expect(shown(it)).toEqual(AS_IT_WAS);
    expect(it.b.exchange.stats.otherSet).toBe(1);
  });

  it('about the own cluster from another site is refused and shown, and does not silence this one', () => {
    const it = world();
    it.net.run(20_000);
    for (const text of messagesOf('b', siteOf('x'), MUCH_LATER).slice(0, -1)) it.net.inject(text, routerOf('x'));
    expect(it.b.exchange.isSpeaking).toBe(true);
    expect(it.b.exchange.claims()).toEqual([{ clusterId: 'b', siteId: 'site-x' }]);
    it.net.run(16_000);
    expect(it.b.exchange.claims()).toEqual([]);
    for (const text of messagesOf('b', siteOf('b'), MUCH_LATER).slice(0, -1)) it.net.inject(text, routerOf('x'));
    expect(it.b.exchange.claims()).toEqual([{ clusterId: 'b', siteId: 'site-x' }]);
    it.net.run(6000);
    expect(it.b.exchange.isSpeaking).toBe(true);
    expect(it.a.exchange.views().map(({ id, services }) => [id, ...services.keys()])).toEqual([['b', 'team/of-b']]);
  });

  it('about the own cluster is refused while nobody speaks for that yet, too', () => {
    const net = new ServicesNetwork(1, CALM);
    const listener = net.start('b');
    net.start('x');
    for (const text of messagesOf('b', siteOf('x'), MUCH_LATER).slice(0, -1)) net.inject(text, routerOf('x'));
    expect(listener.exchange.claims()).toEqual([{ clusterId: 'b', siteId: 'site-x' }]);
  });

  it('counts once its router is known, in the order in which messages came', () => {
    const net = new ServicesNetwork(1, CALM);
    const b = net.start('b');
    const texts = messagesOf('c', 'site-c', 7);
    for (const text of texts.slice(0, -1)) net.inject(text, 'router-c');
    expect(b.exchange.views()).toEqual([]);
    expect(b.exchange.unknownSites()).toEqual(['site-c']);
    net.turn(b, (exchange, now) => exchange.setRouters(new Map([['router-c', 'site-c']]), now));
    expect(b.exchange.views().map(({ id, siteId }) => [id, siteId])).toEqual([['c', 'site-c']]);
  });

  it('that waits is judged as any other when its router is known: as another site that router gains nothing', () => {
    const it = world();
    for (const text of messagesOf('a', siteOf('a'), MUCH_LATER)) it.net.inject(text, 'stranger');
    it.net.turn(it.b, (exchange, now) =>
      exchange.setRouters(
        new Map([['stranger', 'site-x'], ...['a', 'b'].map((id) => [routerOf(id), siteOf(id)] as const)]),
        now,
      ),
    );
    it.net.run(300);
    expect(shown(it)).toEqual(AS_IT_WAS);
    expect(it.b.exchange.claims()).toEqual([{ clusterId: 'a', siteId: 'site-x' }]);
  });
});

describe('requests', () => {
  const request = (cluster: string, site: string) =>
    encodeMessage({
      ...{ v: 1, set: 'set', cluster, site, instance: 1, box: 77 },
      ...{ type: 'request', about: 'b', aboutInstance: 0, aboutBox: 0, seq: -1 },
    });
  /** Addresses that `b` sends to within half a second. */
  const answered = ({ net, b }: World, text: string, router: string): string[] => {
    const to: string[] = [];
    const next = b.exchange.nextMessage.bind(b.exchange);
    b.exchange.nextMessage = () => {
      const message = next();
      if (message !== undefined) to.push(message.to);
      return message;
    };
    net.inject(text, router);
    net.run(500);
    b.exchange.nextMessage = next;
    return to.filter((address) => !address.startsWith('mc/'));
  };

  it('in the name of another cluster are not answered', () => {
    const it = world();
    expect(answered(it, request('a', siteOf('a')), routerOf('x'))).toEqual([]);
    expect(answered(it, request('a', siteOf('x')), routerOf('x'))).toEqual([]);
  });

  it('are answered to the inbox of who asks and nowhere else, not as often as they come', () => {
    const it = world();
    expect(answered(it, request('a', siteOf('a')), routerOf('a'))).toEqual(['skuprt.services/a/77']);
    const { net, b } = world();
    const before = b.exchange.stats.answersUnicast;
    for (let step = 0; step < 60; step += 1) {
      net.inject(request('a', siteOf('a')), routerOf('a'));
      net.run(10);
    }
    expect(b.exchange.stats.answersUnicast - before).toBeLessThanOrEqual(7);
  });
});

describe('a claim', () => {
  it('is free at once when the cluster has left', () => {
    const it = world();
    it.net.leave(it.a);
    it.net.run(50);
    for (const text of messagesOf('a', siteOf('x'), 5).slice(0, -1)) it.net.inject(text, routerOf('x'));
    expect(shown(it)).toEqual([{ id: 'a', siteId: 'site-x', state: 'live', services: ['team/of-evil'] }]);
  });

  it('holds for the lease and a bit; then another site may have it, and what it tells takes the place as a whole', () => {
    const it = world();
    it.net.kill(it.a);
    it.net.run(17_000);
    const texts = messagesOf('a', siteOf('x'), 5).slice(0, -1);
    for (const text of texts) it.net.inject(text, routerOf('x'));
    expect(shown(it)).toEqual([{ ...AS_IT_WAS[0], state: 'lost' }]);
    it.net.run(4000);
    for (const text of texts) it.net.inject(text, routerOf('x'));
    expect(shown(it)).toEqual([{ id: 'a', siteId: 'site-x', state: 'live', services: ['team/of-evil'] }]);
  });

  it('by a site that then leaves without having told anything loses nothing that was kept', () => {
    const it = world();
    it.net.kill(it.a);
    it.net.run(25_000);
    const head = { v: 1, set: 'set', cluster: 'a', site: siteOf('x'), instance: 5, box: 5 } as const;
    it.net.inject(encodeMessage({ ...head, type: 'digest', seq: 3, count: 1, hash: 'f'.repeat(32) }), routerOf('x'));
    it.net.inject(encodeMessage({ ...head, type: 'leave' }), routerOf('x'));
    it.net.run(100);
    expect(shown(it)).toEqual([{ ...AS_IT_WAS[0], state: 'lost' }]);
  });

  it('of many clusters by one site is refused', () => {
    const it = world();
    for (let index = 0; index < 40; index += 1) {
      for (const text of messagesOf(`fake-${index}`, siteOf('x'), 5).slice(0, -1)) it.net.inject(text, routerOf('x'));
    }
    const fakes = it.b.exchange.views().filter(({ siteId }) => siteId === 'site-x');
    expect(fakes).toHaveLength(LIMITS.clustersPerSiteMax);
    expect(it.b.exchange.claims().length).toBeGreaterThan(10);
  });
});

describe('messages that wait', () => {
  it('are few, and a router that sends many takes no other its place', () => {
    const net = new ServicesNetwork(1, CALM);
    const b = net.start('b');
    const [good] = messagesOf('c', 'site-c', 7).filter((text) => text.includes('"update"'));
    net.inject(good!, 'router-c');
    for (let index = 0; index < 3000; index += 1) {
      net.inject(messagesOfDigest(index), 'flood');
    }
    net.turn(b, (exchange, now) => exchange.setRouters(new Map([['router-c', 'site-c']]), now));
    expect(b.exchange.views().map(({ id }) => id)).toEqual(['c']);
    expect(b.exchange.refusals.asideDropped).toBeGreaterThan(2000);
  });
});

function messagesOfDigest(index: number): string {
  const head = { v: 1, set: 'set', cluster: `f-${index}`, site: 'site-f', instance: index, box: 1 } as const;
  return encodeMessage({ ...head, type: 'digest', seq: 1, count: 0, hash: '0'.repeat(32) });
}
