import { describe, expect, it } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { WrongTries } from '../../lib/wrong-tries.ts';
import { type Claim, type Issue, Redemptions } from '../../site-controller/grants/redemptions.ts';
import type { GrantState, GrantStore, Redemption } from '../../site-controller/grants/store.ts';
import { createRequest } from '../../site-controller/pki/request.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));
const claim = (changes: Partial<Claim> = {}): Claim => ({
  uid: 'g',
  code: 'right',
  remote: '192.0.2.1',
  subject: 'west',
  ...changes,
});

function setUp(grant: Partial<GrantState> = {}, issue: Issue = async () => []) {
  const time = { now: 0, wall: 1000 };
  const clock: Clock = { now: () => time.now, wall: () => time.wall };
  const redemptions: Redemption[] = [];
  const store: GrantStore = {
    get: async (uid) =>
      uid === 'g'
        ? {
            uid,
            name: 'east',
            code: 'right',
            expiresAt: 2000,
            redemptionsAllowed: 1,
            redemptions: [...redemptions],
            ...grant,
          }
        : undefined,
    record: async (_, redemption) => {
      await turn();
      redemptions.push(redemption);
    },
  };
  const log = createLogger({ name: 'test', level: 'silent' });
  return { time, recorded: redemptions, redemptions: new Redemptions({ store, issue, clock, log }) };
}

describe('Redemptions', () => {
  it('decides one claim at a time for each grant, so that the last use goes to one', async () => {
    let atWork = 0;
    const { redemptions, recorded } = setUp({}, async () => {
      expect(++atWork).toBe(1);
      await turn();
      atWork -= 1;
      return [];
    });
    const answers = await Promise.all(Array.from({ length: 5 }, () => redemptions.redeem(claim())));
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 404, 404, 404]);
    expect(recorded).toHaveLength(1);
  });

  it('decides claims of other grants meanwhile, and goes on after a failure', async () => {
    let release: (value: []) => void = () => undefined;
    const { redemptions } = setUp(
      { redemptionsAllowed: 2 },
      () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    );
    const first = redemptions.redeem(claim());
    expect(await redemptions.redeem(claim({ uid: 'other' }))).toMatchObject({ status: 404 });
    release([]);
    expect(await first).toMatchObject({ status: 200 });
    const { redemptions: failing } = setUp({}, async () => {
      throw new TypeError('bug');
    });
    await expect(failing.redeem(claim())).rejects.toThrow('bug');
    await expect(failing.redeem(claim())).rejects.toThrow('bug');
  });

  it('answers a repeated request also when the grant expired since, a new one not', async () => {
    const { redemptions, time } = setUp({ redemptionsAllowed: 5 });
    const { csr } = createRequest({ subject: 'west' });
    expect(await redemptions.redeem(claim({ csr }))).toMatchObject({ status: 200 });
    time.wall = 2000;
    expect(await redemptions.redeem(claim({ csr }))).toMatchObject({ status: 200 });
    expect(await redemptions.redeem(claim({ csr, subject: 'other' }))).toMatchObject({
      status: 404,
      body: 'No such claim',
    });
    expect(await redemptions.redeem(claim())).toMatchObject({ status: 404, body: 'No such claim' });
  });

  it('limits wrong codes by grant from anywhere and unknown claims by address, and forgets after a minute', async () => {
    const { redemptions, time } = setUp();
    for (let index = 0; index < 10; index++) {
      expect(await redemptions.redeem(claim({ code: 'wrong', remote: `192.0.2.${index}` }))).toMatchObject({
        status: 403,
      });
      expect(await redemptions.redeem(claim({ uid: `guess-${index}`, remote: '198.51.100.1' }))).toMatchObject({
        status: 404,
      });
    }
    expect(await redemptions.redeem(claim({ remote: '203.0.113.1' }))).toMatchObject({
      status: 429,
      headers: { 'retry-after': '60' },
    });
    expect(await redemptions.redeem(claim({ uid: 'guess', remote: '198.51.100.1' }))).toMatchObject({ status: 429 });
    time.now = 60_000;
    expect(await redemptions.redeem(claim({ remote: '203.0.113.1' }))).toMatchObject({ status: 200 });
  });

  it('takes the addresses of one IPv6 network for one: a host has as many as it likes', async () => {
    const { redemptions } = setUp();
    for (let index = 0; index < 10; index++) {
      const remote = `2001:db8::${index.toString(16)}`;
      expect(await redemptions.redeem(claim({ uid: `guess-${index}`, remote }))).toMatchObject({ status: 404 });
    }
    expect(await redemptions.redeem(claim({ remote: '2001:db8::ffff' }))).toMatchObject({ status: 429 });
    expect(await redemptions.redeem(claim({ remote: '2001:db8:0:1::1' }))).toMatchObject({ status: 200 });
  });
});

describe('WrongTries', () => {
  it('keeps a bounded number of keys, the newest', () => {
    const tries = new WrongTries({ countMax: 1, windowMs: 60_000 });
    for (let index = 0; index < 10_001; index++) tries.note(`k${index}`, index);
    expect(tries.waitMs('k0', 10_001)).toBe(0);
    expect(tries.waitMs('k1', 10_001)).toBe(50_000);
  });
});
