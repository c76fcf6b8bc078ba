import { createServer as createHttpsServer, request as httpsRequest, type RequestOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { AccessToken } from '../../config/api/access-token.ts';
import { rfc3339 } from '../../config/api/conditions.ts';
import type { LinkEndpoint } from '../../config/api/link.ts';
import { parseResources } from '../../config/api/parse.ts';
import { secretText } from '../../config/api/secret-text.ts';
import { serializeResources } from '../../config/api/serialize.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { LinkNotAllowedError } from '../../site-controller/grants/errors.ts';
import { issueLinks } from '../../site-controller/grants/issue.ts';
import { redeemToken } from '../../site-controller/grants/redeem.ts';
import type { Issue } from '../../site-controller/grants/redemptions.ts';
import { GrantServer } from '../../site-controller/grants/server.ts';
import type { GrantState, GrantStore, Redemption } from '../../site-controller/grants/store.ts';
import { composeToken } from '../../site-controller/grants/token.ts';
import { createCa, issueCertificate, type KeyPair } from '../../site-controller/pki/authority.ts';
import { chainFault, inspectCertificate } from '../../site-controller/pki/inspect.ts';
import { createRequest } from '../../site-controller/pki/request.ts';

const NOW = Date.now();
const HOUR = 3_600_000;
const UID = '7d0e8f0a-3b1c-4a5e-9c1d-2f6a7b8c9d0e';
const CODE = 'rightRIGHTright000000001';

const siteCa = createCa({ commonName: 'east site CA', validMs: HOUR, now: NOW });
const grantCa = createCa({ commonName: 'east grant CA', validMs: HOUR, now: NOW });
const serverCredentials = credentialsFor(grantCa);
const endpoints: LinkEndpoint[] = [
  { name: 'inter-router', host: 'east.example', port: '55671' },
  { name: 'edge', host: 'east.example', port: '45671' },
];

function credentialsFor(ca: KeyPair, hosts = ['127.0.0.1', 'localhost']): KeyPair {
  return issueCertificate({ ca, subject: 'grant server', hosts, usages: ['server'], validMs: HOUR, now: NOW });
}

class MemoryStore implements GrantStore {
  readonly redemptions: Redemption[] = [];
  /** Thrown by `record`, once. */
  failure: Error | undefined;
  readonly #grant: Partial<GrantState>;

  constructor(grant: Partial<GrantState>) {
    this.#grant = grant;
  }

  async get(uid: string): Promise<GrantState | undefined> {
    if (uid !== UID) return undefined;
    const redemptions = [...this.redemptions];
    return { uid, name: 'east', code: CODE, expiresAt: NOW + HOUR, redemptionsAllowed: 1, redemptions, ...this.#grant };
  }

  async record(_uid: string, redemption: Redemption): Promise<void> {
    const failure = this.failure;
    this.failure = undefined;
    if (failure) throw failure;
    this.redemptions.push(redemption);
  }
}

const stops: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

interface Setup {
  grant?: Partial<GrantState>;
  issue?: Issue;
  credentials?: KeyPair;
  requestTimeoutMs?: number;
}

async function start({ grant = {}, issue, credentials = serverCredentials, requestTimeoutMs }: Setup = {}) {
  const store = new MemoryStore(grant);
  const server = new GrantServer(
    {
      store,
      issue: issue ?? (async (_, request) => issueLinks({ ca: siteCa, endpoints, validMs: HOUR, now: NOW }, request)),
      clock: systemClock,
      log: createLogger({ name: 'test', level: 'silent' }),
    },
    { host: '127.0.0.1', port: 0, credentials, requestTimeoutMs },
  );
  await server.start();
  stops.push(() => server.stop());
  return { server, store, token: tokenFor(server.port) };
}

function tokenFor(
  port: number,
  changes: { uid?: string; code?: string; expiresAt?: number; urls?: string[] } = {},
): AccessToken {
  const { uid = UID, code = CODE, expiresAt = NOW + HOUR, urls } = changes;
  const url = `https://127.0.0.1:${port}/${uid}`;
  return composeToken({
    grant: {
      apiVersion: 'skupper.io/v2alpha1',
      kind: 'AccessGrant',
      metadata: { name: 'east' },
      spec: {},
      status: { url, code, ca: grantCa.certificate, expirationTime: rfc3339(expiresAt) },
    },
    urls,
    siteId: 'east-id',
    linkCost: 5,
  });
}

/** The same token as Skupper would write it. */
function plain(token: AccessToken): AccessToken {
  return { ...token, metadata: { name: token.metadata.name } };
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Accepts connections and says nothing. */
async function silentPort(): Promise<number> {
  const sockets: Socket[] = [];
  const server = createTcpServer((socket) => sockets.push(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A server with the right certificate and one answer to everything. */
async function answering(status: number, body: string, headers: Record<string, string> = {}): Promise<number> {
  const { certificate: cert, privateKey: key } = serverCredentials;
  const server = createHttpsServer({ cert, key }, (_, response) => response.writeHead(status, headers).end(body));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

async function send(
  port: number,
  options: RequestOptions,
  body: string | Buffer,
): Promise<{ status: number; text: string; retryAfter?: string }> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      { host: '127.0.0.1', port, method: 'POST', path: `/${UID}`, ca: grantCa.certificate, agent: false, ...options },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode!, text, retryAfter: response.headers['retry-after'] }),
        );
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** Sends the beginning of a request and gives what comes back until the server closes. */
function raw(port: number, rest: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', ca: grantCa.certificate });
  socket.write(`POST /${UID} HTTP/1.1\r\nhost: x\r\nname: x\r\nsubject: y\r\n${rest}`);
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.once('close', () => resolve(text)).once('error', reject);
  });
}

const west = { subject: 'west-id', now: NOW };

describe('redemption', () => {
  it('says the name of the site, in both forms, so that policies can refuse it before a use is gone', async () => {
    const named: unknown[] = [];
    const { token, store } = await start({
      issue: async (_, { siteName }) => {
        named.push(siteName);
        throw new LinkNotAllowedError('not from there');
      },
    });
    for (const form of [token, plain(token)]) {
      await expect(redeemToken(form, { ...west, siteName: 'west' })).rejects.toThrow('not from there');
      await expect(redeemToken(form, { ...west, siteName: 'No Name' })).rejects.toThrow('not from there');
    }
    expect(named).toEqual(['west', undefined, 'west', undefined]);
    expect(store.redemptions).toEqual([]);
  });

  it('by certificate request: the key is made here, the certificate carries our identity only', async () => {
    const { token, store } = await start();
    const { secret, links } = await redeemToken(token, west);
    const { 'tls.crt': certificate = '', 'tls.key': key, 'ca.crt': ca = '' } = secretText(secret);
    expect(secret).toMatchObject({ kind: 'Secret', type: 'kubernetes.io/tls', metadata: { name: 'east' } });
    expect(chainFault(certificate, siteCa.certificate, NOW)).toBeUndefined();
    expect(ca).toBe(siteCa.certificate);
    expect(inspectCertificate(certificate)).toMatchObject({
      subject: 'west-id',
      hosts: [],
      uris: ['spiffe://skuprt/site/west-id'],
    });
    expect(links).toEqual([
      {
        apiVersion: 'skupper.io/v2alpha1',
        kind: 'Link',
        metadata: { name: 'east' },
        spec: { endpoints, tlsCredentials: 'east', cost: 5 },
      },
    ]);
    expect(key).toContain('PRIVATE KEY');
    expect(JSON.stringify(store.redemptions)).not.toContain(Buffer.from('PRIVATE KEY').toString('base64').slice(0, 12));
    expect(store.redemptions).toMatchObject([{ name: 'east', subject: 'west-id' }]);
  });

  it('in the plain form of Skupper: code in the body, names in headers, the key in the answer', async () => {
    const { token, server, store } = await start({ grant: { redemptionsAllowed: 2 } });
    const { status, text } = await send(server.port, { headers: { name: 'my-link', subject: 'west-id' } }, CODE);
    expect(status).toBe(200);
    const [secret, link] = parseResources(text, 'answer');
    expect(secret).toMatchObject({
      kind: 'Secret',
      metadata: { name: 'my-link' },
      data: { 'tls.key': expect.any(String) },
    });
    expect(link).toMatchObject({ kind: 'Link', spec: { tlsCredentials: 'my-link' } });
    const redeemed = await redeemToken(plain(token), { ...west, name: 'other' });
    expect(redeemed.links[0]?.metadata.name).toBe('other');
    expect(store.redemptions.map(({ name, answer }) => ({ name, answer }))).toEqual([
      { name: 'my-link', answer: undefined },
      { name: 'other', answer: undefined },
    ]);
  });

  it('gives one Link for each router of the site, in a stable order', async () => {
    const groups = ['b', 'a', 'b'].map((group, index) => ({ ...endpoints[0]!, group, port: String(1000 + index) }));
    const { token } = await start({
      issue: async (_, request) => issueLinks({ ca: siteCa, endpoints: groups, validMs: HOUR, now: NOW }, request),
    });
    const { links } = await redeemToken(token, west);
    expect(links.map(({ metadata, spec }) => [metadata.name, spec.endpoints.map(({ port }) => port)])).toEqual([
      ['east-1', ['1001']],
      ['east-2', ['1000', '1002']],
    ]);
  });

  it('may be repeated with the same request: the same answer, counted once', async () => {
    const { token, store } = await start();
    const request = createRequest({ subject: 'west-id' });
    const first = await redeemToken(token, { ...west, request });
    expect(await redeemToken(token, { ...west, request })).toEqual(first);
    expect(store.redemptions).toHaveLength(1);
    await expect(redeemToken(token, west)).rejects.toMatchObject({ code: 'SKUPRT_TOKEN_USED_UP' });
  });

  it('is not counted when nothing could be issued or kept', async () => {
    let broken = true;
    const { token, store } = await start({
      issue: async (_, request) =>
        issueLinks({ ca: siteCa, endpoints: broken ? [] : endpoints, validMs: HOUR, now: NOW }, request),
    });
    await expect(redeemToken(token, west)).rejects.toThrow(/500 No valid endpoints found for site/);
    broken = false;
    store.failure = new Error('ENOSPC');
    await expect(redeemToken(token, west)).rejects.toMatchObject({ code: 'SKUPRT_GRANT_SERVER_FAILED' });
    expect(store.redemptions).toHaveLength(0);
    await redeemToken(token, west);
  });

  it('gives the last use to exactly one of those who ask at once', async () => {
    const { token, store } = await start({ grant: { redemptionsAllowed: 2 } });
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => redeemToken(token, west)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'SKUPRT_TOKEN_USED_UP' });
    }
    expect(store.redemptions).toHaveLength(2);
  });

  it('tries the URLs in turn', async () => {
    const { server } = await start();
    const dead = await closedPort();
    const token = tokenFor(dead, { urls: [`https://localhost:${server.port}/${UID}`] });
    expect((await redeemToken(token, west)).links).toHaveLength(1);
  });

  it('goes on with new credentials without a restart', async () => {
    const { server, token } = await start({ credentials: credentialsFor(siteCa), grant: { redemptionsAllowed: 2 } });
    await expect(redeemToken(token, west)).rejects.toMatchObject({ code: 'SKUPRT_GRANT_SERVER_UNTRUSTED' });
    server.setCredentials(serverCredentials);
    await redeemToken(token, west);
  });
});

describe('a token that cannot be redeemed', () => {
  it.each([
    ['wrong code', { code: 'wrong' }, 'SKUPRT_TOKEN_REFUSED'],
    ['unknown claim', { uid: '00000000-0000-4000-8000-000000000000' }, 'SKUPRT_TOKEN_UNKNOWN'],
  ])('%s', async (_, changes, code) => {
    const { server } = await start();
    for (const token of [tokenFor(server.port, changes), plain(tokenFor(server.port, changes))]) {
      await expect(redeemToken(token, west)).rejects.toMatchObject({ code, next: expect.any(String) });
    }
  });

  it('expired', async () => {
    const { server, store } = await start({ grant: { expiresAt: NOW - 1 } });
    const token = tokenFor(server.port, { expiresAt: NOW - 1000 });
    await expect(redeemToken(token, west)).rejects.toMatchObject({ code: 'SKUPRT_TOKEN_EXPIRED' });
    await expect(redeemToken(tokenFor(await closedPort(), { expiresAt: NOW - 1000 }), west)).rejects.toMatchObject({
      code: 'SKUPRT_TOKEN_EXPIRED',
    });
    expect(store.redemptions).toHaveLength(0);
  });

  it('issued by the redeeming site itself', async () => {
    const { token } = await start();
    await expect(redeemToken(token, { ...west, subject: 'east-id' })).rejects.toMatchObject({
      code: 'SKUPRT_TOKEN_OWN_SITE',
    });
  });

  it('server unreachable: names every address', async () => {
    const [a, b] = [await closedPort(), await closedPort()];
    const token = tokenFor(a, { urls: [`https://127.0.0.1:${b}/${UID}`] });
    const failure = redeemToken(token, west);
    await expect(failure).rejects.toMatchObject({ code: 'SKUPRT_GRANT_SERVER_UNREACHABLE' });
    await expect(failure).rejects.toThrow(new RegExp(`:${a}.*:${b}`));
    await expect(failure).rejects.not.toThrow(UID);
  });

  it('server silent', async () => {
    await expect(redeemToken(tokenFor(await silentPort()), { ...west, timeoutMs: 100 })).rejects.toMatchObject({
      code: 'SKUPRT_GRANT_SERVER_TIMED_OUT',
    });
  });

  it.each([
    ['of another CA', () => credentialsFor(siteCa)],
    [
      'of a CA of the same name',
      () => credentialsFor(createCa({ commonName: 'east grant CA', validMs: HOUR, now: NOW })),
    ],
    ['for another host', () => credentialsFor(grantCa, ['192.0.2.1'])],
  ])('server with a certificate %s', async (_, credentials) => {
    const { token } = await start({ credentials: credentials() });
    await expect(redeemToken(token, west)).rejects.toMatchObject({ code: 'SKUPRT_GRANT_SERVER_UNTRUSTED' });
  });

  it('redirected', async () => {
    const port = await answering(302, '', { location: 'https://127.0.0.1:1/' });
    await expect(redeemToken(tokenFor(port), west)).rejects.toMatchObject({ code: 'SKUPRT_GRANT_SERVER_FAILED' });
  });

  it.each([
    ['garbage', '<html>'],
    ['nothing', ''],
    [
      'a resource nobody asked for',
      serializeResources([{ apiVersion: 'skupper.io/v2alpha1', kind: 'Site', metadata: { name: 'east' }, spec: {} }]),
    ],
    [
      'a certificate for another key',
      serializeResources(
        issueLinks({ ca: siteCa, endpoints, validMs: HOUR, now: NOW }, { name: 'east', subject: 'x' }),
      ),
    ],
    [
      'another name',
      serializeResources(
        issueLinks({ ca: siteCa, endpoints, validMs: HOUR, now: NOW }, { name: 'skupper-site-ca', subject: 'x' }),
      ),
    ],
  ])('answered with %s', async (_, body) => {
    const port = await answering(200, body);
    await expect(redeemToken(tokenFor(port), west)).rejects.toMatchObject({ code: 'SKUPRT_REDEMPTION_ANSWER_INVALID' });
  });

  it('given up by the caller', async () => {
    const signal = AbortSignal.abort(new Error('stopped'));
    await expect(redeemToken(tokenFor(await silentPort()), { ...west, signal })).rejects.toThrow('stopped');
  });
});

describe('the server', () => {
  it('answers what it does not take with the texts of the reference', async () => {
    const { server } = await start();
    const headers = { name: 'x', subject: 'y' };
    expect(await send(server.port, { method: 'GET', headers }, '')).toMatchObject({
      status: 405,
      text: 'Only POST is supported\n',
    });
    expect(await send(server.port, { headers }, '')).toMatchObject({ status: 400 });
    expect(await send(server.port, { headers: { name: 'Bad_Name', subject: 'y' } }, CODE)).toMatchObject({
      status: 400,
      text: 'Request body not valid\n',
    });
    expect(await send(server.port, { headers: { 'content-type': 'application/json' } }, '{"code":1}')).toMatchObject({
      status: 400,
    });
    expect(await send(server.port, { headers, path: '/' }, CODE)).toMatchObject({
      status: 404,
      text: 'No such claim\n',
    });
    expect(await send(server.port, { headers }, 'wrong')).toMatchObject({
      status: 403,
      text: 'Redemption of access token refused\n',
    });
    const csr = JSON.stringify({ code: CODE, csr: 'nonsense', name: 'x', subject: 'y' });
    expect(await send(server.port, { headers: { 'content-type': 'application/json' } }, csr)).toMatchObject({
      status: 400,
      text: expect.stringMatching(/request was refused/),
    });
  });

  it('refuses a body over 64 KiB, announced or not', async () => {
    const { server, store } = await start();
    const big = Buffer.alloc(65 * 1024, 97);
    expect(await raw(server.port, 'content-length: 10000000\r\n\r\n')).toMatch(/^HTTP\/1.1 413 /);
    expect(await send(server.port, { headers: { 'transfer-encoding': 'chunked' } }, big)).toMatchObject({
      status: 413,
    });
    expect(store.redemptions).toHaveLength(0);
  });

  it('takes ten wrong codes a minute, then none from there, right ones included', async () => {
    const { server, token, store } = await start();
    const headers = { name: 'x', subject: 'y' };
    const statuses = await Promise.all(
      Array.from({ length: 12 }, async () => (await send(server.port, { headers }, 'wrong')).status),
    );
    expect(statuses.filter((status) => status === 403)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(2);
    const { retryAfter } = await send(server.port, { headers }, CODE);
    expect(Number(retryAfter)).toBeGreaterThan(0);
    expect(Number(retryAfter)).toBeLessThanOrEqual(60);
    await expect(redeemToken(token, west)).rejects.toMatchObject({ code: 'SKUPRT_TOKEN_TRIED_TOO_OFTEN' });
    expect(store.redemptions).toHaveLength(0);
  });

  it('speaks nothing older than TLS 1.3', async () => {
    const { server } = await start();
    const socket = connect({ port: server.port, host: '127.0.0.1', ca: grantCa.certificate, maxVersion: 'TLSv1.2' });
    await expect(new Promise((_, reject) => socket.once('error', reject))).rejects.toThrow(/protocol version/i);
  });

  it('ends a request that does not arrive in time, and serves others meanwhile', async () => {
    const { server, token } = await start({ requestTimeoutMs: 200 });
    const slow = raw(server.port, 'content-length: 24\r\n\r\nright');
    await redeemToken(token, west);
    expect(await slow).toMatch(/^HTTP\/1.1 408 /);
  });

  it('says which port is taken', async () => {
    const { server } = await start();
    const uses = {
      store: new MemoryStore({}),
      issue: async () => [],
      clock: systemClock,
      log: createLogger({ name: 'test', level: 'silent' }),
    };
    const second = new GrantServer(uses, { host: '127.0.0.1', port: server.port, credentials: serverCredentials });
    await expect(second.start()).rejects.toMatchObject({
      code: 'SKUPRT_GRANT_SERVER_CANNOT_LISTEN',
      message: expect.stringContaining(`127.0.0.1:${server.port}`),
    });
  });
});
