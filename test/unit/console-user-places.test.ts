/** Places of those who are signed in: each opened once with their own token, some kept, all closed. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { UserPlaces } from '../../cli/console/user-places.ts';
import type { ConsolePlace, SignedIn } from '../../console/server/uses.ts';

const KEPT_COUNT = 50;
const IDLE_MS = 5 * 60_000;
const NOBODY_CAN = new Error('the API server does not answer');

const user = (token: string): SignedIn => ({ name: token, mayIssue: false, token });

/** Opens what can be told apart, and knows what is open. */
function world() {
  const opened: string[] = [];
  const open = new Set<number>();
  let isDown = false;
  const places = new UserPlaces(async (token) => {
    await Promise.resolve();
    if (isDown) throw NOBODY_CAN;
    const id = opened.push(token);
    open.add(id);
    return { place: { id } as unknown as ConsolePlace, close: () => open.delete(id) };
  });
  return {
    places,
    opened,
    open,
    down: (is: boolean) => {
      isDown = is;
    },
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('places of users', () => {
  afterEach(() => void vi.useRealTimers());

  it('are opened once for what a page asks at the same time, so that none is left open', async () => {
    const { places, opened, open } = world();
    const [one, other] = await Promise.all([places.of(user('a')), places.of(user('a'))]);
    expect(one).toBe(other);
    expect(await places.of(user('a'))).toBe(one);
    expect(opened).toEqual(['a']);
    places.close();
    await settled();
    expect(open.size).toBe(0);
  });

  it('are of one user each', async () => {
    const { places } = world();
    expect(await places.of(user('a'))).not.toBe(await places.of(user('b')));
  });

  it('are closed when others were used since, those used longest ago first', async () => {
    const { places, opened, open } = world();
    const first = await places.of(user('first'));
    for (let at = 1; at < KEPT_COUNT; at++) await places.of(user(`user ${at}`));
    await places.of(user('first'));
    await places.of(user('one more'));
    await settled();
    expect(open.size).toBe(KEPT_COUNT);
    expect(await places.of(user('first'))).toBe(first);
    await places.of(user('user 1'));
    expect(opened.filter((token) => token === 'user 1')).toHaveLength(2);
  });

  it('that could not be opened are opened anew', async () => {
    const { places, down } = world();
    down(true);
    await expect(Promise.all([places.of(user('a')), places.of(user('a'))])).rejects.toBe(NOBODY_CAN);
    down(false);
    await expect(places.of(user('a'))).resolves.toBeDefined();
  });

  it('are closed at the sign-out, and nobody else loses theirs', async () => {
    const { places, opened, open } = world();
    await Promise.all([places.of(user('a')), places.of(user('b'))]);
    places.forget('a');
    await settled();
    expect([...open]).toEqual([2]);
    await places.of(user('a'));
    expect(opened).toEqual(['a', 'b', 'a']);
  });

  it('are closed once nobody has asked for a while, from the last time on', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const { places, open } = world();
    await places.of(user('a'));
    vi.advanceTimersByTime(IDLE_MS - 1);
    await places.of(user('a'));
    vi.advanceTimersByTime(IDLE_MS - 1);
    await settled();
    expect(open.size).toBe(1);
    vi.advanceTimersByTime(1);
    await settled();
    expect(open.size).toBe(0);
  });

  it('that are still being opened are closed too', async () => {
    const { places, open } = world();
    const coming = places.of(user('a'));
    places.close();
    await coming;
    await settled();
    expect(open.size).toBe(0);
  });
});
