/** A transit and its candidates: who gets a message when the first one refuses. */
import { describe, expect, it } from 'vitest';
import type { DeliveryState } from '../../router/amqp/codec/performatives.ts';
import { FLAG_STREAMING } from '../../router/amqp/message/router-annotations.ts';
import { type Candidate, type Inlet, type Outlet, Transit } from '../../router/core/transit.ts';

class Backend implements Outlet, Candidate {
  readonly cost = 0;
  readonly queuedBytes = 0;
  openCount = 0;
  octets = '';

  take(): Outlet {
    this.openCount++;
    return this;
  }

  done(): void {
    this.openCount--;
  }

  write(bytes: Buffer): void {
    this.octets += bytes.toString();
  }

  end(): void {}
  abort(): void {}
  senderUpdate(): void {}
}

function scene(flags: number) {
  const [first, second] = [new Backend(), new Backend()];
  const told: (DeliveryState | undefined)[] = [];
  const inlet: Inlet = { update: (state) => told.push(state), hold: () => {}, resume: () => {} };
  const give = (to: Backend, head: Buffer) => transit.attach(to, to.take(), head);
  const rerouter = {
    reroute: (refused: Transit) => {
      if (!refused.head || refused.tried.has(second)) return false;
      give(second, refused.head);
      return true;
    },
  };
  const transit = new Transit(inlet, rerouter, 1, false);
  transit.annotations = { flags, trace: [] };
  give(first, Buffer.from('head'));
  return { first, second, transit, told };
}

const released: DeliveryState = { state: 'released' };

describe('a refused message', () => {
  it('goes to the next candidate while only the head of a stream was sent', () => {
    const { first, second, transit, told } = scene(FLAG_STREAMING);
    transit.outcome(first, released, false);
    expect(second.octets).toBe('head');
    expect(told).toEqual([]);
    expect([first.openCount, second.openCount]).toEqual([0, 1]);
  });

  it('is given back to its sender when octets of a stream have been passed on', () => {
    const { first, second, transit, told } = scene(FLAG_STREAMING);
    transit.write(Buffer.from('body'));
    transit.outcome(first, released, false);
    expect(second.octets).toBe('');
    expect(told).toEqual([released]);
  });

  it('is given back to its sender when the destination of the stream had answered', () => {
    const { first, second, transit, told } = scene(FLAG_STREAMING);
    transit.commit();
    transit.outcome(first, released, false);
    expect(second.octets).toBe('');
    expect(told).toEqual([released]);
  });

  it('is given back to its sender when it is an ordinary message: the consumer may have acted on it', () => {
    const { first, second, transit, told } = scene(0);
    transit.outcome(first, released, true);
    expect(second.octets).toBe('');
    expect(told).toEqual([released]);
    expect(first.openCount).toBe(0);
  });

  it('is settled only once', () => {
    const { first, transit, told } = scene(0);
    transit.outcome(first, { state: 'accepted' }, true);
    transit.outcome(first, released, true);
    expect(told).toEqual([{ state: 'accepted' }]);
  });
});

describe('a stream whose way was lost', () => {
  it('has had one: what its producer still sends is not the head of another message', () => {
    const { first, transit, told } = scene(FLAG_STREAMING);
    transit.write(Buffer.from('body'));
    transit.outletLost(first, true);
    expect(told).toEqual([released]);
    expect(transit.routed).toBe(true);
    transit.write(Buffer.from('more'));
    expect(first.octets).toBe('headbody');
  });
});
