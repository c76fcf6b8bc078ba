/**
 * The links of one connection that carry one stream after another, and the sessions that they are in (wire reference 2.2, 2.3, 6.6).
 *
 * All links of a session share its window. What a stopped receiver does not take stays there at an original router, up to the window
 * of the stream; so a session towards it has no more links than can stop all but one with room left for that one, and further links go to
 * further sessions. An original also holds up whatever follows on a link until the stream before it is taken: such a link is used again
 * when the stream is settled, not when it is sent. A router of ours keeps what waits outside the session's window and link.
 *
 * Invariants: a link stays in the session where it was attached; an idle link has nothing to send; no link is closed whose
 * streams wait for their outcomes.
 */
import type { Connection } from '../amqp/engine/connection.ts';
import type { SenderLink } from '../amqp/engine/sender-link.ts';
import type { Session } from '../amqp/engine/session.ts';
import { STREAM_LINKS_AT_FIRST, STREAM_SHARE_BYTES, STREAMING_LINKS_IDLE_MAX } from './limits.ts';

export interface StreamLinksOptions {
  readonly sessionsMax: number;
  /** Attaches a link in a session. */
  attach(session: Session): SenderLink;
  /** Links that a session may have; absent: as many as its window bears. */
  readonly linksPerSession?: number;
}

interface StreamSession {
  readonly session: Session;
  linkCount: number;
}

export class StreamLinks {
  /** What has not been taken at the other end stands in the way of what follows, as with an original. */
  isHeldUp = true;
  private readonly connection: Connection;
  private readonly options: StreamLinksOptions;
  private sessions: StreamSession[] = [];
  private readonly links = new Map<SenderLink, StreamSession>();
  private readonly idle = new Set<SenderLink>();
  /** Links to end once nothing on them waits for its outcome. */
  private readonly broken = new Set<SenderLink>();
  /** Of the session whose window was seen last: those of one connection are alike. */
  private windowFrames = 0;

  constructor(connection: Connection, options: StreamLinksOptions) {
    this.connection = connection;
    this.options = options;
  }

  has(link: SenderLink): boolean {
    return this.links.has(link);
  }

  /** A link with nothing on it. Throws `AmqpLimitError` when the peer takes neither a session nor a link more. */
  take(): SenderLink {
    for (const link of this.idle) {
      this.idle.delete(link);
      return link;
    }
    const place = this.place();
    const link = this.options.attach(place.session);
    place.linkCount++;
    this.links.set(link, place);
    return link;
  }

  /** A stream of the link is sent, or settled: it may have nothing on it now. */
  release(link: SenderLink): void {
    if (link.gone || link.undeliveredCount > 0 || !this.links.has(link)) return;
    if (this.isHeldUp && link.hasUnsettled) return;
    if (this.broken.has(link)) {
      this.end(link);
      return;
    }
    this.idle.add(link);
    this.trim();
  }

  /**
   * A stream of the link was broken off. An original that still has octets of it to write does not see that before they are written,
   * which may be never; it sees the end of the link. That waits for the outcomes of what else is on the link.
   */
  brokenOff(link: SenderLink): void {
    if (this.isHeldUp && this.links.has(link)) this.broken.add(link);
    this.release(link);
  }

  /** The link is detached. */
  forget(link: SenderLink): void {
    const place = this.links.get(link);
    if (place === undefined) return;
    place.linkCount--;
    this.links.delete(link);
    this.idle.delete(link);
    this.broken.delete(link);
  }

  private end(link: SenderLink): void {
    this.forget(link);
    link.detach();
  }

  /** The first session with room, else a new one, else the one with the fewest links. */
  private place(): StreamSession {
    let fewest: StreamSession | undefined;
    let hasGone = false;
    for (const place of this.sessions) {
      if (place.session.gone) hasGone = true;
      else if (place.linkCount < this.linksMax(place.session)) return place;
      else if (fewest === undefined || place.linkCount < fewest.linkCount) fewest = place;
    }
    if (hasGone) this.sessions = this.sessions.filter(({ session }) => !session.gone);
    const isFull = this.sessions.length >= this.options.sessionsMax || !this.connection.canBegin;
    if (fewest !== undefined && isFull) return fewest;
    const place = { session: this.connection.begin(), linkCount: 0 };
    this.sessions.push(place);
    return place;
  }

  private linksMax(session: Session): number {
    if (this.options.linksPerSession !== undefined) return this.options.linksPerSession;
    if (!this.isHeldUp) return Number.POSITIVE_INFINITY;
    if (session.remoteWindowFrames > 0) this.windowFrames = session.remoteWindowFrames;
    if (this.windowFrames === 0) return STREAM_LINKS_AT_FIRST;
    const windowBytes = this.windowFrames * this.connection.remoteFrameSizeBytesMax;
    return Math.max(1, Math.floor(windowBytes / STREAM_SHARE_BYTES));
  }

  /** Closes links that a burst has left over, two for each that came back. */
  private trim(): void {
    if (this.idle.size <= STREAMING_LINKS_IDLE_MAX) return;
    let left = Math.min(2, this.idle.size - STREAMING_LINKS_IDLE_MAX);
    for (const link of this.idle) {
      if (link.hasUnsettled) continue;
      this.end(link);
      left--;
      if (left === 0) return;
    }
  }
}
