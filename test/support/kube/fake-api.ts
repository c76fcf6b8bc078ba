/**
 * An API server in memory with faults from a seed: what a controller must survive, many times a second.
 *
 * Behind the `Transport` of the client it needs no socket; `listen()` serves it over HTTP for processes.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../../lib/clock.ts';
import { pause } from '../../../lib/kube/abort.ts';
import { KubeClient, type ResourceType } from '../../../lib/kube/client.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { HttpAnswer, HttpRequest, Transport } from '../../../lib/kube/transport.ts';
import { type Random, randomInt, SeededRandom } from '../../../lib/random.ts';
import { type Change, FakeStore, Refusal, typeNameOf } from './fake-store.ts';
import { selects } from './selectors.ts';

/** Chances in [0, 1) of each kind, drawn for each request or each event of a watch. */
export interface Faults {
  /** The connection breaks before the request is done. */
  dropRequest: number;
  /** It breaks after it was done. */
  dropAnswer: number;
  delay: number;
  delayMsMax: number;
  conflict: number;
  tooManyRequests: number;
  serverFault: number;
  /** Of a list: as it was some changes ago. */
  staleList: number;
  /** Of a watch, at each event: the connection breaks. */
  cutWatch: number;
  /** Of a watch, at each event: nothing comes any more, and nobody says so. */
  halfOpenWatch: number;
  /** Of a watch, at its begin: what it knows is too old. */
  gone: number;
  /** Of a watch, at each event: a line that is no event. */
  garbage: number;
}

export interface FakeApiOptions {
  types: readonly ResourceType[];
  seed?: number;
  faults?: Partial<Faults>;
  bookmarkMs?: number;
}

const BOOKMARK_MS = 60_000;
const STALE_MAX = 5;

interface Target {
  type: ResourceType;
  namespace: string | undefined;
  name: string | undefined;
  subresource: string | undefined;
  query: URLSearchParams;
}

export class FakeApi {
  readonly store = new FakeStore();
  /** May be changed at any time; empty is a server without faults. */
  faults: Partial<Faults>;
  /** Requests by `METHOD plural`, refused ones too. */
  readonly requestCounts = new Map<string, number>();
  /** All requests fail as if nobody listened, and watches break, while this is true. */
  private isDown = false;
  private readonly types: ResourceType[];
  private readonly random: Random;
  private readonly bookmarkMs: number;
  private readonly streams = new Set<AbortController>();

  constructor({ types, seed = 1, faults = {}, bookmarkMs = BOOKMARK_MS }: FakeApiOptions) {
    this.types = [...types];
    this.faults = faults;
    this.random = new SeededRandom(seed);
    this.bookmarkMs = bookmarkMs;
  }

  transport(): Transport {
    const send = (request: HttpRequest) => this.send(request);
    return { server: 'https://fake.test', send, renew: () => undefined, close: () => undefined };
  }

  client(): KubeClient {
    return new KubeClient({ transport: this.transport(), clock: systemClock, random: this.random });
  }

  /** A CRD is installed. */
  addType(type: ResourceType): void {
    this.types.push(type);
  }

  /** A CRD is not installed. */
  removeType(kind: string): void {
    this.types.splice(0, Infinity, ...this.types.filter((type) => type.kind !== kind));
  }

  goDown(): void {
    this.isDown = true;
    for (const stream of this.streams) stream.abort(reset());
  }

  comeUp(): void {
    this.isDown = false;
  }

  /** Breaks all watches. */
  cutWatches(): void {
    for (const stream of this.streams) stream.abort(reset());
  }

  /** Served over HTTP on a free port of the loopback address. */
  async listen(): Promise<{ url: string; close: () => Promise<void> }> {
    const server = createServer(async (incoming, outgoing) => {
      const ended = new AbortController();
      outgoing.on('close', () => ended.abort());
      const chunks: Buffer[] = [];
      try {
        for await (const chunk of incoming) chunks.push(chunk as Buffer);
        const body = Buffer.concat(chunks).toString('utf8');
        const headers = incoming.headers as Record<string, string>;
        const answer = await this.send({
          method: incoming.method!,
          path: incoming.url!,
          headers,
          body,
          signal: ended.signal,
        });
        outgoing.writeHead(answer.status, answer.headers);
        outgoing.flushHeaders();
        for await (const chunk of answer.body) outgoing.write(chunk);
        outgoing.end();
      } catch {
        incoming.socket.resetAndDestroy();
      }
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const close = async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    };
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
  }

  private async send(request: HttpRequest): Promise<HttpAnswer> {
    await pause(this.chance('delay') ? randomInt(this.random, this.faults.delayMsMax ?? 100) : 0, request.signal);
    request.signal.throwIfAborted();
    if (this.isDown) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    if (this.chance('dropRequest')) throw reset();
    let answer: HttpAnswer;
    try {
      answer = this.answer(request);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status, reason, message } = error;
      const headers: Record<string, string> = status === 429 ? { 'retry-after': '0' } : {};
      return json(
        status,
        { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status, reason, message },
        headers,
      );
    }
    if (this.chance('dropAnswer')) throw reset();
    return answer;
  }

  private answer(request: HttpRequest): HttpAnswer {
    if (this.chance('tooManyRequests')) throw new Refusal(429, 'TooManyRequests');
    if (this.chance('serverFault')) throw new Refusal(500, 'InternalError');
    const url = new URL(request.path, 'https://fake.test');
    if (url.pathname === '/version') return json(200, { gitVersion: 'v1.0.0-fake' });
    const target = this.target(url);
    if (target === undefined) return this.discovery(url.pathname);
    const count = `${request.method} ${target.type.plural}`;
    this.requestCounts.set(count, (this.requestCounts.get(count) ?? 0) + 1);
    if (request.method === 'GET') return this.read(target, request);
    if (this.chance('conflict')) throw new Refusal(409, 'Conflict', 'somebody else was faster');
    return json(200, this.write(target, request));
  }

  private read(target: Target, request: HttpRequest): HttpAnswer {
    const { type, namespace, name, query } = target;
    if (name !== undefined) {
      const found = this.store.get(type, { namespace, name });
      if (found === undefined) throw new Refusal(404, 'NotFound', `${type.plural} "${name}" not found`);
      return json(200, found);
    }
    if (query.get('watch') === 'true') return { status: 200, headers: {}, body: this.watch(target, request.signal) };
    return json(200, this.page(target));
  }

  private page(target: Target): object {
    const { type, query } = target;
    const back = this.chance('staleList') ? randomInt(this.random, STALE_MAX) : 0;
    const [at = Math.max(this.store.compactedAt, this.store.version - back), from = 0] = (query.get('continue') ?? '')
      .split('-')
      .filter(Boolean)
      .map(Number);
    if (at < this.store.compactedAt) throw new Refusal(410, 'Expired', 'the continue token is too old');
    const all = this.store.listAt(type, at).filter((object) => isSeen(object, target));
    const limit = Number(query.get('limit') ?? all.length) || all.length;
    const more = from + limit < all.length ? `${at}-${from + limit}` : undefined;
    const metadata = { resourceVersion: String(at), continue: more };
    return { kind: `${type.kind}List`, apiVersion: type.apiVersion, metadata, items: all.slice(from, from + limit) };
  }

  private write(target: Target, { method, headers, body = '{}' }: HttpRequest): KubeObject {
    const { type, namespace, name, subresource, query } = target;
    const content = JSON.parse(body || '{}') as KubeObject;
    if (method === 'POST') return this.store.create(type, content, namespace);
    const place = { namespace, name: name!, subresource };
    if (method === 'PUT') return this.store.replace(type, place, content);
    if (method === 'DELETE')
      return this.store.remove(type, place, (content as { preconditions?: object }).preconditions);
    if (headers['content-type'] !== 'application/apply-patch+yaml') {
      return this.store.merge(type, place, content as unknown as Record<string, unknown>);
    }
    const manager = query.get('fieldManager') ?? 'unknown';
    return this.store.apply(type, place, content, { manager, force: query.get('force') === 'true' });
  }

  private async *watch(target: Target, signal: AbortSignal): AsyncGenerator<Buffer> {
    const stream = new AbortController();
    const onAbort = () => stream.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.streams.add(stream);
    const from = Number(target.query.get('resourceVersion') ?? 0);
    const endMs = performance.now() + Number(target.query.get('timeoutSeconds') ?? 300) * 1000;
    let wake = new AbortController();
    const pending: Change[] = [];
    const unlisten = this.store.listen((change) => {
      if (change.typeName !== typeNameOf(target.type)) return;
      pending.push(change);
      wake.abort();
    });
    stream.signal.addEventListener('abort', () => wake.abort(), { once: true });
    try {
      if (this.chance('gone')) throw new Refusal(410, 'Expired', 'too old resource version');
      pending.unshift(...this.store.since(target.type, from));
      while (performance.now() < endMs) {
        stream.signal.throwIfAborted();
        for (const change of pending.splice(0)) {
          if (this.chance('cutWatch')) throw reset();
          if (this.chance('garbage')) yield Buffer.from('<html>\n');
          if (this.chance('halfOpenWatch')) await silence(stream.signal);
          const event = eventOf(change, target);
          if (event !== undefined) yield Buffer.from(`${JSON.stringify(event)}\n`);
        }
        if (pending.length > 0) continue;
        wake = new AbortController();
        await pause(Math.min(this.bookmarkMs, endMs - performance.now()), wake.signal);
        if (!wake.signal.aborted) yield Buffer.from(`${JSON.stringify(this.bookmark(target))}\n`);
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status: code, reason, message } = error;
      yield Buffer.from(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code, reason, message } })}\n`);
    } finally {
      unlisten();
      this.streams.delete(stream);
      signal.removeEventListener('abort', onAbort);
    }
  }

  private bookmark({ type: { apiVersion, kind } }: Target): object {
    return {
      type: 'BOOKMARK',
      object: { apiVersion, kind, metadata: { resourceVersion: String(this.store.version) } },
    };
  }

  private target({ pathname, searchParams: query }: URL): Target | undefined {
    const match =
      /^\/(?:api\/(v1)|apis\/([^/]+\/[^/]+))\/(?:namespaces\/([^/]+)\/(?=[^/]+))?([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(
        pathname,
      );
    if (match === null) return undefined;
    const [, core, group, namespace, plural, name, subresource] = match;
    const type = this.types.find((each) => each.apiVersion === (core ?? group) && each.plural === plural);
    if (type === undefined) throw new Refusal(404, 'NotFound', 'the server could not find the requested resource');
    return { type, namespace, name, subresource, query };
  }

  private discovery(pathname: string): HttpAnswer {
    const version = pathname.replace(/^\/apis?\//, '');
    const resources = this.types
      .filter(({ apiVersion }) => apiVersion === version)
      .map(({ kind, plural }) => ({ kind, name: plural }));
    if (resources.length === 0) throw new Refusal(404, 'NotFound');
    return json(200, { kind: 'APIResourceList', resources });
  }

  private chance(fault: keyof Faults): boolean {
    const chance = this.faults[fault] ?? 0;
    return chance > 0 && this.random.next() < chance;
  }
}

function isSeen(object: KubeObject, { namespace, query }: Target): boolean {
  return (
    (namespace === undefined || object.metadata.namespace === namespace) &&
    selects(object, query.get('labelSelector'), query.get('fieldSelector'))
  );
}

/** What enters the sight of a watch is ADDED to it, what leaves it DELETED. */
function eventOf({ type, object, before }: Change, target: Target): object | undefined {
  const [was, is] = [before !== undefined && isSeen(before, target), type !== 'DELETED' && isSeen(object, target)];
  if (!was && !is) return undefined;
  return { type: !is ? 'DELETED' : was ? 'MODIFIED' : 'ADDED', object };
}

/** Until the connection ends. */
async function silence(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
  signal.throwIfAborted();
}

function reset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}

function json(status: number, content: object, headers: Record<string, string> = {}): HttpAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: one(Buffer.from(JSON.stringify(content))),
  };
}

async function* one(chunk: Buffer): AsyncGenerator<Buffer> {
  yield chunk;
}
