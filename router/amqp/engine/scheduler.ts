/**
 * Which sender link may put the next transfer frames on the wire.
 *
 * Two queues, threaded through the links so that a turn costs nothing per idle link: links that sent little lately go first, so that a
 * request does not wait behind a bulk flow; the others share by surplus round robin on octets. Light links get at most
 * three quarters of a turn while bulk waits. A link without session window waits in its session.
 */
import { lightBytesMax, quantumBytes, recentBytesMax, recentHalfLifeMs } from './limits.ts';
import type { SenderLink } from './sender-link.ts';
import type { TransferEncoder } from './transfer-encoder.ts';

/** A queue of links by their `nextReady`. */
export class LinkQueue {
  #first: SenderLink | undefined = undefined;
  #last: SenderLink | undefined = undefined;

  get empty(): boolean {
    return this.#first === undefined;
  }

  push(link: SenderLink): void {
    link.nextReady = undefined;
    if (this.#last === undefined) this.#first = link;
    else this.#last.nextReady = link;
    this.#last = link;
  }

  unshift(link: SenderLink): void {
    link.nextReady = this.#first;
    this.#first = link;
    this.#last ??= link;
  }

  shift(): SenderLink | undefined {
    const link = this.#first;
    if (link === undefined) return undefined;
    this.#first = link.nextReady;
    if (this.#first === undefined) this.#last = undefined;
    link.nextReady = undefined;
    return link;
  }
}

export class Scheduler {
  readonly #light = new LinkQueue();
  readonly #bulk = new LinkQueue();

  get empty(): boolean {
    return this.#light.empty && this.#bulk.empty;
  }

  /** Adds a link that can send and is in no queue. */
  enqueue(link: SenderLink, now: number): void {
    const halvings = Math.floor((now - link.recentAt) / recentHalfLifeMs);
    if (halvings > 0) {
      link.recentBytes = halvings > 30 ? 0 : link.recentBytes >> halvings;
      link.recentAt = now;
    }
    link.queued = true;
    link.deficitBytes = 0;
    if (link.recentBytes < lightBytesMax) this.#light.push(link);
    else this.#bulk.push(link);
  }

  /** Encodes about `budgetBytes` of transfers; returns the octets encoded. */
  run(encoder: TransferEncoder, budgetBytes: number): number {
    const lightBudgetBytes = this.#bulk.empty ? budgetBytes : budgetBytes * 0.75;
    let sentBytes = 0;
    while (sentBytes < budgetBytes) {
      const light = sentBytes < lightBudgetBytes || this.#bulk.empty ? this.#light.shift() : undefined;
      const link = light ?? this.#bulk.shift();
      if (link === undefined) break;
      if (light !== undefined) sentBytes += this.#serveLight(light, encoder);
      else sentBytes += this.#serveBulk(link, encoder, budgetBytes - sentBytes);
    }
    return sentBytes;
  }

  #serveLight(link: SenderLink, encoder: TransferEncoder): number {
    const sentBytes = this.#send(link, encoder, lightBytesMax - link.recentBytes);
    if (this.#mayGoOn(link)) this.#bulk.push(link);
    return sentBytes;
  }

  #serveBulk(link: SenderLink, encoder: TransferEncoder, budgetBytes: number): number {
    if (link.deficitBytes <= 0) link.deficitBytes += quantumBytes;
    const sentBytes = this.#send(link, encoder, Math.min(link.deficitBytes, budgetBytes));
    link.deficitBytes -= sentBytes;
    if (this.#mayGoOn(link)) {
      if (link.deficitBytes > 0) this.#bulk.unshift(link);
      else this.#bulk.push(link);
    }
    return sentBytes;
  }

  /** Sends frames until `sizeBytes` are exceeded or nothing can be sent. */
  #send(link: SenderLink, encoder: TransferEncoder, sizeBytes: number): number {
    let sentBytes = 0;
    while (sentBytes < sizeBytes && link.canSend() && link.session.canTransfer()) sentBytes += encoder.encode(link);
    link.recentBytes = Math.min(link.recentBytes + sentBytes, recentBytesMax);
    return sentBytes;
  }

  /** False when the link has left the queues: it has nothing to send, or waits for its session's window. */
  #mayGoOn(link: SenderLink): boolean {
    if (!link.canSend()) {
      link.queued = false;
      return false;
    }
    if (link.session.canTransfer()) return true;
    link.session.waiting.push(link);
    return false;
  }
}
