/** The window of a session, as the peer is told of it: it names a link, since a router that has used up its window listens to links only. */
import { describe, expect, it } from 'vitest';
import type { AnyLink } from '../../router/amqp/engine/events.ts';
import type { SenderLink } from '../../router/amqp/engine/sender-link.ts';
import type { Session } from '../../router/amqp/engine/session.ts';
import { Pair } from '../support/amqp-pair.ts';

const FRAMES = 8;
const FRAME_BYTES = 512;
const WINDOW_BYTES = FRAMES * FRAME_BYTES;

/** `a` sends to `b`, which has given one credit. */
function joined(): { pair: Pair; links: SenderLink[]; ends: AnyLink[]; sessionOfB: Session } {
  const pair = new Pair({
    acceptor: { incomingWindowFrames: FRAMES, maxFrameSizeBytes: FRAME_BYTES },
  }).opened();
  const session = pair.a.connection.begin();
  const links = ['one', 'two'].map((name) => session.attachSender({ name }));
  pair.run();
  const offered = pair.b.events.splice(0).filter((event) => event.type === 'attach');
  for (const { link } of offered) link.accept({ credit: 1 });
  pair.run();
  pair.a.events.length = 0;
  const ends = offered.map(({ link }) => link);
  return { pair, links, ends, sessionOfB: ends[0]!.session };
}

const flowsOf = (pair: Pair): string[] =>
  pair.a.events.splice(0).flatMap((event) => (event.type === 'flow' ? [event.link.name] : []));

describe('the window of a session', () => {
  it('is widened by flows of the link that the message comes by, which leave its credit as it is', () => {
    const { pair, links } = joined();
    const delivery = links[1]!.deliver();
    delivery.write(Buffer.alloc(3 * WINDOW_BYTES));
    pair.run();
    const flows = flowsOf(pair);
    expect(flows.length).toBeGreaterThan(3);
    expect(new Set(flows)).toEqual(new Set(['two']));
    expect([delivery.queuedBytes, links[0]!.credit, links[1]!.credit]).toEqual([0, 1, 0]);
  });

  it('is widened by a flow of another link when that one is gone', () => {
    const { pair, links, ends, sessionOfB } = joined();
    sessionOfB.holdWindow(WINDOW_BYTES);
    const delivery = links[1]!.deliver();
    delivery.write(Buffer.alloc(3 * WINDOW_BYTES));
    pair.run();
    expect(delivery.queuedBytes).toBeGreaterThan(WINDOW_BYTES);
    ends[1]!.detach();
    pair.run();
    flowsOf(pair);
    sessionOfB.releaseWindow(WINDOW_BYTES);
    pair.run();
    expect(flowsOf(pair)).toEqual(['one']);
  });

  it('is no wider than it was narrowed to, and what was sent before the peer heard of that is taken', () => {
    const { pair, links, sessionOfB } = joined();
    const delivery = links[1]!.deliver();
    delivery.write(Buffer.alloc(4 * WINDOW_BYTES));
    pair.carry(pair.a, pair.b);
    const sentBytes = 4 * WINDOW_BYTES - delivery.queuedBytes;
    sessionOfB.narrowWindow(2 * FRAME_BYTES);
    sessionOfB.holdWindow(2 * FRAME_BYTES);
    pair.run();
    const afterBytes = 4 * WINDOW_BYTES - delivery.queuedBytes - sentBytes;
    expect([sessionOfB.gone, sentBytes > 0, afterBytes <= 2 * FRAME_BYTES]).toEqual([false, true, true]);
    sessionOfB.releaseWindow(2 * FRAME_BYTES);
    pair.run();
    expect([sessionOfB.gone, delivery.queuedBytes]).toEqual([false, 0]);
  });
});

describe('the round trip of a session', () => {
  it('is the time from the question to its answer, however long nothing came or went before', () => {
    const { pair, links } = joined();
    const { session } = links[0]!;
    pair.now += 5000;
    session.measureRoundTrip(pair.now);
    pair.carry(pair.a, pair.b);
    pair.now += 3;
    pair.carry(pair.b, pair.a);
    expect(session.roundTripMs).toBe(3);
  });
});
