import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { KubeClient, type ResourceType } from '../../lib/kube/client.ts';
import { connectCluster } from '../../lib/kube/config.ts';
import type { HttpAnswer, HttpRequest } from '../../lib/kube/transport.ts';
import { type WatchEvent, WatchLines } from '../../lib/kube/watch-lines.ts';
import { SeededRandom } from '../../lib/random.ts';
import { FakeApi } from '../support/kube/fake-api.ts';

const POD: ResourceType = { apiVersion: 'v1', kind: 'Pod', plural: 'pods' };
const ROLE: ResourceType = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', plural: 'roles' };

type Answer = [status: number, body: unknown, headers?: Record<string, string>] | Error;

/** A client whose server gives these answers in turn, and what was asked. */
function clientOf(...answers: Answer[]): { client: KubeClient; sent: HttpRequest[]; renewals: () => number } {
  const sent: HttpRequest[] = [];
  let renewals = 0;
  const send = async (request: HttpRequest): Promise<HttpAnswer> => {
    sent.push(request);
    const answer = answers.shift() ?? new Error('no more answers');
    if (answer instanceof Error) throw answer;
    const [status, content, headers = {}] = answer;
    async function* body() {
      yield Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    }
    return { status, headers, body: body() };
  };
  const renew = () => {
    renewals += 1;
  };
  const transport = { server: 'https://api.test', send, renew, close: () => undefined };
  const client = new KubeClient({ transport, clock: systemClock, random: new SeededRandom(1) });
  return { client, sent, renewals: () => renewals };
}

const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' } };
const refusal = (code: number, reason: string) => ({ kind: 'Status', code, reason, message: `it says ${reason}` });
const errno = (code: string) => Object.assign(new Error(code), { code });

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** The outcome, however long it takes on the virtual clock. */
async function outcome<T>(work: Promise<T>): Promise<T> {
  const settled = work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await vi.advanceTimersByTimeAsync(300_000);
  const result = await settled;
  expect(vi.getTimerCount()).toBe(0);
  if ('error' in result) throw result.error;
  return result.value;
}

describe('a request', () => {
  it.each([
    ['a pod', POD, 'default', '/api/v1/namespaces/default/pods/x'],
    ['an object of a group', ROLE, 'a/b', '/apis/rbac.authorization.k8s.io/v1/namespaces/a%2Fb/roles/x'],
    ['an object without namespace', { ...POD, namespaced: false }, 'default', '/api/v1/pods/x'],
  ])('addresses %s', async (_what, type, namespace, path) => {
    const { client, sent } = clientOf([200, object]);
    await outcome(client.get(type, namespace, 'x'));
    expect(sent[0]).toMatchObject({ method: 'GET', path });
  });

  it.each<[string, Answer]>([
    ['429', [429, refusal(429, 'TooManyRequests'), { 'retry-after': '2' }]],
    ['500', [500, refusal(500, 'InternalError')]],
    ['503 without a Status', [503, 'upstream is away']],
    ['a broken connection', errno('ECONNRESET')],
    ['a refused connection', errno('ECONNREFUSED')],
  ])('is made again after %s', async (_what, answer) => {
    const { client, sent } = clientOf(answer, [200, object]);
    expect(await outcome(client.get(POD, 'default', 'x'))).toEqual(object);
    expect(sent).toHaveLength(2);
  });

  it('is given up after some tries', async () => {
    const { client, sent } = clientOf(...Array.from({ length: 9 }, (): Answer => [500, refusal(500, 'InternalError')]));
    await expect(outcome(client.get(POD, 'default', 'x'))).rejects.toMatchObject({ status: 500, isServerFault: true });
    expect(sent).toHaveLength(5);
  });

  it('that creates is not made again when it may have been done', async () => {
    const { client, sent } = clientOf(errno('ECONNRESET'), [201, object]);
    await expect(outcome(client.create(POD, object))).rejects.toMatchObject({ code: 'SKUPRT_KUBE_UNREACHABLE' });
    expect(sent).toHaveLength(1);
  });

  it('is made again with fresh credentials once after 401', async () => {
    const unauthorized: Answer = [401, refusal(401, 'Unauthorized')];
    const good = clientOf(unauthorized, [200, object]);
    await outcome(good.client.get(POD, 'default', 'x'));
    expect(good.renewals()).toBe(1);
    const bad = clientOf(unauthorized, unauthorized, [200, object]);
    await expect(outcome(bad.client.get(POD, 'default', 'x'))).rejects.toMatchObject({
      code: 'SKUPRT_KUBE_UNAUTHORIZED',
    });
  });

  it('that is forbidden names the right', async () => {
    const { client } = clientOf([403, refusal(403, 'Forbidden')]);
    await expect(outcome(client.listPage(ROLE, { namespace: 'west' }))).rejects.toMatchObject({
      code: 'SKUPRT_KUBE_FORBIDDEN',
      next: expect.stringContaining('list roles.rbac.authorization.k8s.io in namespace west'),
    });
  });

  it.each<[string, Answer, string]>([
    ['a page of HTML', [200, '<html>'], 'SKUPRT_KUBE_ANSWER'],
    ['null', [200, null], 'SKUPRT_KUBE_ANSWER'],
    ['another certificate', errno('DEPTH_ZERO_SELF_SIGNED_CERT'), 'SKUPRT_KUBE_UNTRUSTED'],
  ])('that meets %s is an error with a code', async (_what, answer, code) => {
    const { client } = clientOf(answer);
    await expect(outcome(client.get(POD, 'default', 'x'))).rejects.toMatchObject({ code });
  });

  it('ends after its time, and when it is told to', async () => {
    const send = ({ signal }: HttpRequest) =>
      new Promise<HttpAnswer>((_resolve, reject) => signal.addEventListener('abort', () => reject(errno('ABORT_ERR'))));
    const transport = { server: 'https://api.test', send, renew: () => undefined, close: () => undefined };
    const client = new KubeClient({ transport, clock: systemClock, random: new SeededRandom(1) });
    await expect(outcome(client.get(POD, 'default', 'x', { timeoutMs: 1000 }))).rejects.toMatchObject({
      code: 'SKUPRT_KUBE_TIMED_OUT',
    });
    const stop = new AbortController();
    const stopped = outcome(client.get(POD, 'default', 'x', { signal: stop.signal }));
    stop.abort(new Error('stopped'));
    await expect(stopped).rejects.toThrow('stopped');
  });

  it('waits while too many are under way', async () => {
    let [now, most] = [0, 0];
    const send = async (): Promise<HttpAnswer> => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve, 10));
      now -= 1;
      async function* body() {
        yield Buffer.from(JSON.stringify(object));
      }
      return { status: 200, headers: {}, body: body() };
    };
    const transport = { server: '', send, renew: () => undefined, close: () => undefined };
    const client = new KubeClient({ transport, clock: systemClock, random: new SeededRandom(1), inFlightMax: 3 });
    await outcome(Promise.all(Array.from({ length: 20 }, () => client.get(POD, 'default', 'x'))));
    expect(most).toBe(3);
  });
});

describe('a list', () => {
  it('goes through all pages, and begins anew when they are too old', async () => {
    const page = (name: string, token?: string) => ({
      metadata: { resourceVersion: '5', continue: token },
      items: [{ metadata: { name } }],
    });
    const { client, sent } = clientOf(
      [200, page('a', 't')],
      [410, refusal(410, 'Expired')],
      [200, page('a', 'u')],
      [200, page('b')],
    );
    const list = await outcome(client.list(POD, { labelSelector: 'x=y' }));
    expect(list.items).toEqual(['a', 'b'].map((name) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name } })));
    expect(sent.map(({ path }) => new URL(path, 'https://x').searchParams.get('continue'))).toEqual([
      null,
      't',
      null,
      'u',
    ]);
  });
});

describe('lines of a watch', () => {
  it('are the same events in any split', () => {
    const text = Buffer.from(
      ['ü1', '2', '3'].map((name) => `${JSON.stringify({ type: 'ADDED', object: { metadata: { name } } })}\n`).join(''),
    );
    for (let size = 1; size <= text.length; size++) {
      const lines = new WatchLines('watch');
      const events: WatchEvent[] = [];
      for (let at = 0; at < text.length; at += size) events.push(...lines.read(text.subarray(at, at + size)));
      expect(events.map(({ object: { metadata } }) => metadata.name)).toEqual(['ü1', '2', '3']);
    }
  });

  it.each(['<html>\n', '{}\n', '[]\n', 'null\n', '{"type":"ADDED"}\n', '{"type":"OTHER","object":{"metadata":{}}}\n'])(
    'that are no events are refused: %j',
    (text) => {
      expect(() => new WatchLines('watch').read(Buffer.from(text))).toThrow(/not one of an API server/);
    },
  );

  it('that report an error throw it', () => {
    const line = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } };
    expect(() => new WatchLines('watch').read(Buffer.from(`${JSON.stringify(line)}\n`))).toThrow(
      expect.objectContaining({ isGone: true }),
    );
  });
});

describe('connecting', () => {
  let directory: string;
  beforeEach(async () => {
    vi.useRealTimers();
    directory = await mkdtemp(join(tmpdir(), 'skuprt-kubeconfig-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const write = async (name: string, content: object): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, JSON.stringify(content));
    return path;
  };
  const config = (server: string, contexts: string[], current?: string) => ({
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: { token: 't' } }],
    contexts: contexts.map((name) => ({ name, context: { cluster: 'c', user: 'u', namespace: `ns-${name}` } })),
    'current-context': current,
  });

  it('takes the context named, else the current one, over several files', async () => {
    const one = await write('one', config('http://127.0.0.1:1/path/', ['a'], 'a'));
    const two = await write('two', config('http://127.0.0.1:2', ['b'], 'b'));
    const env = { KUBECONFIG: `${one}:${two}:${join(directory, 'none')}` };
    expect(await connectCluster({ env })).toMatchObject({
      name: 'a',
      namespace: 'ns-a',
      server: 'http://127.0.0.1:1/path',
    });
    expect(await connectCluster({ env, context: 'b' })).toMatchObject({ name: 'b', namespace: 'ns-b' });
  });

  it('names the contexts when that asked for is not there', async () => {
    const kubeconfig = await write('one', config('http://x', ['b', 'a']));
    await expect(connectCluster({ kubeconfig, context: 'c', env: {} })).rejects.toMatchObject({
      code: 'SKUPRT_KUBE_CONTEXT',
      next: 'choose with --context: a, b',
    });
    await expect(connectCluster({ kubeconfig, env: {} })).rejects.toMatchObject({ code: 'SKUPRT_KUBE_CONTEXT' });
  });

  it('says when there is no kubeconfig, or one that is none', async () => {
    await expect(connectCluster({ env: { HOME: directory } })).rejects.toMatchObject({ code: 'SKUPRT_KUBECONFIG' });
    const kubeconfig = join(directory, 'bad');
    await writeFile(kubeconfig, 'a: [');
    await expect(connectCluster({ kubeconfig, env: {} })).rejects.toMatchObject({ code: 'SKUPRT_KUBECONFIG' });
  });

  it('says when nobody listens', async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
    await new Promise((resolve) => server.close(resolve));
    const { client } = await connectCluster({
      kubeconfig: await write('one', config(`http://127.0.0.1:${port}`, ['a'], 'a')),
      env: {},
    });
    await expect(client.serverVersion({ retryCountMax: 0 })).rejects.toMatchObject({
      code: 'SKUPRT_KUBE_UNREACHABLE',
      isUnsent: true,
    });
  });

  it('speaks HTTP to a server, watches included', async () => {
    const api = new FakeApi({ types: [POD] });
    const { url, close } = await api.listen();
    const { client } = await connectCluster({ kubeconfig: await write('one', config(url, ['a'], 'a')), env: {} });
    expect(await client.apiKinds([POD, ROLE])).toEqual(new Set(['Pod.v1']));
    const stop = new AbortController();
    const events = client.watch(POD, { resourceVersion: '1' }, stop.signal);
    await client.create(POD, { ...object, metadata: { name: 'x', namespace: 'default' } });
    expect((await events.next()).value).toMatchObject([
      { type: 'ADDED', object: { metadata: { name: 'x', namespace: 'default' } } },
    ]);
    stop.abort();
    await expect(events.next()).rejects.toThrow();
    expect(await client.delete(POD, 'default', 'x')).toBe(true);
    expect(await client.delete(POD, 'default', 'x')).toBe(false);
    client.close();
    await close();
  });
});
