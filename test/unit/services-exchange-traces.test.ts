/** What led to changes of services, as it goes along with an update between clusters and never counts in it. */
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../service-controller/exchange/limits.ts';
import { tracesOf } from '../../service-controller/exchange/traces.ts';
import { join, network } from '../support/services-exchange.ts';
import { contentOf, serviceRecord } from '../support/sim/services-network.ts';

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const KEY = 'team/web';

function pair() {
  const net = network();
  const a = join(net, 'a', 0);
  const b = join(net, 'b', 0);
  net.run(4000);
  return { net, a, b };
}

describe('traces of changes', () => {
  it('come with the change to who hears it, once, and are no part of the set', () => {
    const { net, a, b } = pair();
    net.setOwn(a, contentOf([serviceRecord('web')], { traces: new Map([[KEY, TRACE]]) }));
    net.run(300);
    expect([...b.exchange.takeTraces()]).toEqual([[KEY, TRACE]]);
    expect(b.exchange.takeTraces().size).toBe(0);
    // The digest that followed found nothing wrong, and who comes later hears of no trace.
    expect([b.exchange.stats.mismatched, b.exchange.stats.requests]).toEqual([0, 0]);
    const c = join(net, 'c');
    net.run(300);
    expect(
      c.exchange
        .views()
        .find(({ id }) => id === 'a')!
        .services.has(KEY),
    ).toBe(true);
    expect(c.exchange.takeTraces().size).toBe(0);
  });

  it('are no reason to say anything', () => {
    const { net, a, b } = pair();
    const content = contentOf([serviceRecord('web')]);
    net.setOwn(a, content);
    net.run(300);
    net.sent.bytes = 0;
    net.setOwn(a, { ...content, traces: new Map([[KEY, TRACE]]) });
    net.run(100);
    expect([net.sent.bytes, b.exchange.takeTraces().size]).toEqual([0, 0]);
  });

  it('are told of so many changes and no more', () => {
    const { net, a, b } = pair();
    const records = Array.from({ length: 3 * LIMITS.traceCountMax }, (_, index) => serviceRecord(`web-${index}`));
    net.setOwn(a, contentOf(records, { traces: new Map(records.map(({ name }) => [`team/${name}`, TRACE])) }));
    net.run(300);
    expect(b.exchange.views()[0]!.services.size).toBe(records.length);
    expect(b.exchange.takeTraces().size).toBe(LIMITS.traceCountMax);
  });

  it('are left out when they are not as they should be', () => {
    for (const traces of [undefined, null, 7, 'x', [1], { [KEY]: 1 }, { [KEY]: TRACE.repeat(3) }]) {
      expect(tracesOf({ traces }).size).toBe(0);
    }
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`team/${index}`, TRACE]));
    expect(tracesOf({ traces: many }).size).toBe(LIMITS.traceCountMax);
    expect(tracesOf({}).size).toBe(0);
  });
});
