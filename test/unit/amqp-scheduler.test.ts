import { describe, expect, it } from 'vitest';
import { queuedBytesHighDefault } from '../../router/amqp/engine/limits.ts';
import type { ReceiverLink } from '../../router/amqp/engine/receiver-link.ts';
import type { SenderLink } from '../../router/amqp/engine/sender-link.ts';
import { Pair } from '../support/amqp-pair.ts';

/** Links from a to b that are ready to send, named by their number. */
function linked(count: number): { pair: Pair; senders: SenderLink[] } {
  const pair = new Pair({ budgetBytes: 64 * 1024 }).opened();
  const session = pair.a.connection.begin();
  const senders = Array.from({ length: count }, (_, i) => session.attachSender({ name: `${i}` }));
  pair.run();
  for (const event of pair.b.events.splice(0)) {
    if (event.type === 'attach') (event.link as ReceiverLink).accept({ credit: 100 });
  }
  pair.run();
  pair.b.events.length = 0;
  return { pair, senders };
}

function sizesByLink(pair: Pair): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const event of pair.b.events.splice(0)) {
    if (event.type !== 'transfer') continue;
    const { name } = event.delivery.link;
    sizes.set(name, (sizes.get(name) ?? 0) + event.payload.length);
  }
  return sizes;
}

describe('turns of transmit', () => {
  it('send a small write before bulk that was queued earlier', () => {
    const { pair, senders } = linked(9);
    const [small, ...bulk] = senders.map((sender) => sender.deliver());
    for (const delivery of bulk) delivery.write(Buffer.alloc(2_000_000));
    for (let i = 0; i < 10; i++) pair.carry(pair.a, pair.b);
    sizesByLink(pair);
    small?.write(Buffer.alloc(100));
    pair.carry(pair.a, pair.b);
    const first = pair.b.events.find((event) => event.type === 'transfer');
    expect(first?.delivery.link.name).toBe('0');
  });

  it('give bulk links equal shares of octets, whatever the size of their writes', () => {
    const { pair, senders } = linked(3);
    const pieces = [65_536, 5_000, 700];
    for (const [i, sender] of senders.entries()) {
      const delivery = sender.deliver();
      for (let size = 0; size < 3_000_000; size += pieces[i] as number)
        delivery.write(Buffer.alloc(pieces[i] as number));
    }
    for (let i = 0; i < 60; i++) pair.carry(pair.a, pair.b);
    const sizes = [...sizesByLink(pair).values()];
    expect(sizes).toHaveLength(3);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(150_000);
  });

  it('leave bulk a share while many light links are busy', () => {
    const { pair, senders } = linked(200);
    const bulk = senders[0]?.deliver();
    bulk?.write(Buffer.alloc(1_000_000));
    for (let i = 0; i < 3; i++) pair.carry(pair.a, pair.b);
    sizesByLink(pair);
    const light = senders.slice(1).map((sender) => sender.deliver());
    for (let turn = 0; turn < 10; turn++) {
      for (const delivery of light) delivery.write(Buffer.alloc(700));
      pair.now += 20;
      pair.carry(pair.a, pair.b);
    }
    expect(sizesByLink(pair).get('0')).toBeGreaterThan(100_000);
  });

  it('keep near their budget', () => {
    const { pair, senders } = linked(2);
    for (const sender of senders) sender.deliver().write(Buffer.alloc(1_000_000));
    for (let i = 0; i < 20; i++) expect(pair.carry(pair.a, pair.b)).toBeLessThanOrEqual(64 * 1024 + 16 * 1024);
  });

  it('tell when a queue has room again, once', () => {
    const { pair, senders } = linked(1);
    const delivery = senders[0]?.deliver();
    pair.run();
    pair.a.events.length = 0;
    delivery?.write(Buffer.alloc(queuedBytesHighDefault + 1));
    pair.run();
    expect(pair.a.events.filter((event) => event.type === 'sent')).toHaveLength(1);
    delivery?.write(Buffer.alloc(queuedBytesHighDefault));
    pair.run();
    expect(pair.a.events.filter((event) => event.type === 'sent')).toHaveLength(1);
    delivery?.end();
    pair.run();
    expect(pair.a.events.filter((event) => event.type === 'sent')).toHaveLength(2);
  });

  it('send one frame for many small writes of a delivery', () => {
    const { pair, senders } = linked(1);
    const delivery = senders[0]?.deliver();
    for (let i = 0; i < 100; i++) delivery?.write(Buffer.from('0123456789'));
    pair.run();
    expect(pair.a.connection.stats.transfersOut).toBe(1);
    expect(sizesByLink(pair).get('0')).toBe(1000);
  });
});
