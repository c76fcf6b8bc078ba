/** Streams to a router that keeps what its receivers do not take within the windows of the sessions, as the original does. */
import { describe, expect, it } from 'vitest';
import type { SenderLink } from '../../router/amqp/engine/sender-link.ts';
import type { Session } from '../../router/amqp/engine/session.ts';
import { FLOW_WINDOW_BYTES, STREAM_LINKS_AT_FIRST } from '../../router/core/limits.ts';
import { StreamLinks, type StreamLinksOptions } from '../../router/core/stream-links.ts';
import { Pair } from '../support/amqp-pair.ts';

/** Skupper's `maxSessionFrames`. */
const SESSION_FRAMES = 640;
const SESSIONS_MAX = 100;
const CHUNK = Buffer.alloc(16_000);

class Connected {
  readonly pair: Pair;
  readonly links: StreamLinks;
  /** Links whose octets the far end's receivers take. */
  readonly moving = new Set<string>();
  readonly takenBytes = new Map<string, number>();
  private linkCount = 0;

  constructor(options: Partial<StreamLinksOptions> = {}, far: { frames?: number; channelMax?: number } = {}) {
    const { frames = SESSION_FRAMES, channelMax } = far;
    this.pair = new Pair({ acceptor: { incomingWindowFrames: frames, channelMax } }).opened();
    const attach = (session: Session): SenderLink => session.attachSender({ name: `link-${this.linkCount++}` });
    this.links = new StreamLinks(this.pair.a.connection, { sessionsMax: SESSIONS_MAX, attach, ...options });
  }

  take(count: number): SenderLink[] {
    const links = Array.from({ length: count }, () => this.links.take());
    this.run();
    return links;
  }

  /** Carries octets; what is for a receiver that stands still stays in its session's window. */
  run(): void {
    this.pair.run();
    for (const event of this.pair.b.events.splice(0)) {
      if (event.type === 'attach') event.link.accept({ credit: 100 });
      if (event.type !== 'transfer') continue;
      const { link } = event.delivery;
      const { length } = event.payload;
      this.takenBytes.set(link.name, (this.takenBytes.get(link.name) ?? 0) + length);
      link.session.holdWindow(length);
      if (this.moving.has(link.name)) link.session.releaseWindow(length);
    }
    this.pair.run();
  }

  /** Sends so many octets on a link, as fast as the far end lets them come. @returns how many have come */
  send(link: SenderLink, sizeBytes: number): number {
    const delivery = link.deliver();
    let sentBytes = 0;
    for (let idle = 0; sentBytes < sizeBytes && idle < 3; ) {
      const before = this.takenBytes.get(link.name);
      if (delivery.queuedBytes < CHUNK.length) {
        delivery.write(CHUNK);
        sentBytes += CHUNK.length;
      }
      this.run();
      idle = this.takenBytes.get(link.name) === before ? idle + 1 : 0;
    }
    return this.takenBytes.get(link.name) ?? 0;
  }
}

function perSession(links: readonly SenderLink[]): number[] {
  const counts = new Map<Session, number>();
  for (const { session } of links) counts.set(session, (counts.get(session) ?? 0) + 1);
  return [...counts.values()];
}

describe('streams to an original', () => {
  it('a hundred that stand still stop no other', () => {
    const connected = new Connected();
    for (const link of connected.take(100)) {
      const delivery = link.deliver();
      for (let bytes = 0; bytes < FLOW_WINDOW_BYTES; bytes += CHUNK.length) delivery.write(CHUNK);
      connected.run();
    }
    expect([...connected.takenBytes.values()].filter((bytes) => bytes >= FLOW_WINDOW_BYTES)).toHaveLength(100);
    for (const link of connected.take(3)) {
      connected.moving.add(link.name);
      expect(connected.send(link, 20_000_000)).toBeGreaterThanOrEqual(20_000_000);
    }
  });

  it('share one session as long as its window bears all of them', () => {
    const connected = new Connected({}, { frames: 8192 });
    const [first] = connected.take(1);
    const others = connected.take(99);
    expect(perSession([first!, ...others])).toEqual([100]);
  });

  it('spread before the first window is known', () => {
    expect(Math.max(...perSession(new Connected().take(100)))).toBe(STREAM_LINKS_AT_FIRST);
  });

  it('have a session each where a window bears no more', () => {
    const connected = new Connected({}, { frames: 64 });
    connected.take(STREAM_LINKS_AT_FIRST + 1);
    expect(perSession(connected.take(5))).toEqual([1, 1, 1, 1, 1]);
  });

  it('share when there may be no more sessions, by its bound or by the channels', () => {
    const bounded = new Connected({ sessionsMax: 3 });
    expect(perSession(bounded.take(60))).toEqual([20, 20, 20]);
    const few = new Connected({}, { channelMax: 1 });
    expect(perSession(few.take(60))).toEqual([30, 30]);
  });

  it('use a link again when its stream is settled, in the session where it is', () => {
    const connected = new Connected();
    const [link] = connected.take(1) as [SenderLink];
    const delivery = link.deliver();
    delivery.write(CHUNK);
    delivery.end();
    connected.run();
    connected.links.release(link);
    expect(connected.links.take()).not.toBe(link);
    delivery.update({ state: 'accepted' }, true);
    connected.links.release(link);
    expect(connected.links.take()).toBe(link);
  });

  it('end with their link when they are broken off', () => {
    const connected = new Connected();
    const [link] = connected.take(1) as [SenderLink];
    const delivery = link.deliver();
    delivery.write(CHUNK);
    connected.run();
    delivery.abort();
    connected.run();
    connected.links.brokenOff(link);
    expect(link.gone).toBe(true);
    expect(connected.links.has(link)).toBe(false);
  });

  it('that are broken off behind another leave it its outcome', () => {
    const connected = new Connected();
    const [link] = connected.take(1) as [SenderLink];
    const before = link.deliver();
    before.write(CHUNK);
    before.end();
    link.deliver().write(CHUNK);
    connected.run();
    link.head?.abort();
    connected.run();
    connected.links.brokenOff(link);
    expect(link.gone).toBe(false);
    before.update({ state: 'accepted' }, true);
    connected.links.release(link);
    expect(link.gone).toBe(true);
    expect(connected.links.has(link)).toBe(false);
  });

  it('leave a session that the peer has ended', () => {
    const connected = new Connected();
    const [link] = connected.take(1) as [SenderLink];
    for (const session of connected.pair.b.connection.sessions()) session.end();
    connected.run();
    connected.links.forget(link);
    expect(connected.take(1)[0]?.session).not.toBe(link.session);
  });
});

describe('streams to a router of ours', () => {
  it('share one session, and use a link again when a stream is sent or broken off', () => {
    const connected = new Connected();
    connected.links.isHeldUp = false;
    const links = connected.take(100);
    expect(perSession(links)).toEqual([100]);
    const [first, second] = links as [SenderLink, SenderLink];
    for (const link of [first, second]) link.deliver().write(CHUNK);
    connected.run();
    first.head?.end();
    second.head?.abort();
    connected.run();
    connected.links.release(first);
    connected.links.brokenOff(second);
    expect(connected.links.take()).toBe(first);
    expect(connected.links.take()).toBe(second);
  });
});

it('large messages have a session each, up to a bound', () => {
  const connected = new Connected({ linksPerSession: 1, sessionsMax: 16 });
  expect(perSession(connected.take(16))).toEqual(new Array(16).fill(1));
  expect(perSession(connected.take(16))).toEqual(new Array(16).fill(1));
});
