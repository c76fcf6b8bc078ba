/**
 * An address that the router itself answers, `$management` say: whole messages go to a handler, which may answer.
 */
import type { DeliveryState } from '../amqp/codec/performatives.ts';
import { LOCAL_MESSAGE_BYTES_MAX } from './limits.ts';
import type { Candidate, Outlet, Transit } from './transit.ts';

/**
 * @param transit by which it has come
 * @returns false for a message the endpoint cannot make sense of: it is rejected
 */
export type LocalHandler = (message: Buffer, transit: Transit) => boolean;

export class LocalEndpoint implements Candidate {
  readonly cost = 0;
  readonly openCount = 0;
  deliveryCount = 0;
  private readonly handler: LocalHandler;

  constructor(handler: LocalHandler) {
    this.handler = handler;
  }

  take(transit: Transit): Outlet {
    this.deliveryCount++;
    return new Collector(transit, this.handler);
  }

  done(): void {}
}

class Collector implements Outlet {
  private readonly transit: Transit;
  private readonly handler: LocalHandler;
  private readonly pieces: Buffer[] = [];
  private sizeBytes = 0;
  readonly queuedBytes = 0;

  constructor(transit: Transit, handler: LocalHandler) {
    this.transit = transit;
    this.handler = handler;
  }

  write(bytes: Buffer): void {
    this.sizeBytes += bytes.length;
    if (this.sizeBytes <= LOCAL_MESSAGE_BYTES_MAX) this.pieces.push(bytes);
  }

  end(): void {
    const fits = this.sizeBytes <= LOCAL_MESSAGE_BYTES_MAX;
    const taken = fits && this.handler(Buffer.concat(this.pieces), this.transit);
    this.transit.outcome(this, taken ? ACCEPTED : REJECTED, true);
  }

  abort(): void {}

  senderUpdate(): void {}
}

const ACCEPTED: DeliveryState = { state: 'accepted' };
const REJECTED: DeliveryState = { state: 'rejected', error: { condition: 'amqp:invalid-field' } };
