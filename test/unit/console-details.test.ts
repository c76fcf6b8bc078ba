/** What views of the console's page ask the server for, when answers come late or in another order than they were asked for. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Details } from '../../console/page/live/details.ts';

interface Question {
  readonly path: string;
  readonly signal: AbortSignal;
  answer(status: number, body: object): Promise<void>;
}

const T0 = 1_000_000;

describe('an answer that a view asks for', () => {
  let questions: Question[];
  let refusedCount: number;
  let details: Details;

  beforeEach(() => {
    questions = [];
    refusedCount = 0;
    details = new Details({
      onChange: () => undefined,
      onRefused: () => {
        refusedCount += 1;
      },
    });
    vi.stubGlobal('fetch', (path: string, { signal }: { signal: AbortSignal }) => {
      const { promise, resolve, reject } = deferred<Response>();
      signal.addEventListener('abort', () => reject(signal.reason));
      const answer = async (status: number, body: object) => {
        resolve(new Response(JSON.stringify(body), { status }));
        await settled();
      };
      questions.push({ path, signal, answer });
      return promise;
    });
  });
  afterEach(() => vi.unstubAllGlobals());

  it('is kept, and asked for again when it is old', async () => {
    expect(details.get('tokens', T0).value).toBeUndefined();
    await questions[0]!.answer(200, { version: 1 });
    expect(details.get('tokens', T0 + 4999).value).toEqual({ version: 1 });
    expect(questions).toHaveLength(1);
    expect(details.get('tokens', T0 + 5000).value).toEqual({ version: 1 });
    expect(questions.map(({ path }) => path)).toEqual(['/api/v1/tokens', '/api/v1/tokens']);
  });

  it('is not asked for twice at a time, however slow the server is', async () => {
    details.get('tokens', T0);
    details.get('tokens', T0 + 20_000);
    expect(questions).toHaveLength(1);
    await questions[0]!.answer(200, { version: 1 });
    expect(details.get('tokens', T0 + 20_000).value).toEqual({ version: 1 });
    expect(questions).toHaveLength(2);
  });

  it('is not the one that was on its way when something changed', async () => {
    details.get('tokens', T0);
    details.forget('tokens');
    details.get('tokens', T0 + 1);
    expect(questions.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    await questions[1]!.answer(200, { version: 2 });
    await questions[0]!.answer(200, { version: 1 });
    expect(details.get('tokens', T0 + 2).value).toEqual({ version: 2 });
  });

  it('stays when asking again fails, and says why', async () => {
    details.get('tokens', T0);
    await questions[0]!.answer(200, { version: 1 });
    details.get('tokens', T0 + 5000);
    await questions[1]!.answer(404, { code: 'not-found', message: 'it is gone' });
    expect(details.get('tokens', T0 + 5001)).toEqual({ value: { version: 1 }, error: 'it is gone', isMissing: true });
  });

  it('says that nobody is signed in, unless it was for somebody who has gone', async () => {
    details.get('tokens', T0);
    details.clear();
    await questions[0]!.answer(401, { code: 'not-signed-in', message: 'sign in first' });
    expect(refusedCount).toBe(0);
    details.get('tokens', T0 + 1);
    await questions[1]!.answer(401, { code: 'not-signed-in', message: 'sign in first' });
    expect(refusedCount).toBe(1);
  });
});

function deferred<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((...settle) => {
    [resolve, reject] = settle;
  });
  return { promise, resolve, reject };
}

/** What hangs on promises that are settled already has happened. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
