/** The console's server, asked without a socket: who comes in, what each path answers, and what is refused. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { LinkView } from '../../console/model/view.ts';
import { fakeConsole, site } from '../support/console-server.ts';

const HEADERS = { host: 'localhost:8090' };
const GOOD = { ...HEADERS, authorization: 'Bearer good' };
const json = { ...HEADERS, 'content-type': 'application/json' };

const signIn = (console_: ReturnType<typeof fakeConsole>, token: string, headers = {}, remoteAddress?: string) =>
  console_.server.inject({
    method: 'POST',
    url: '/api/v1/sign-in',
    headers: { ...json, ...headers },
    payload: { token },
    remoteAddress,
  });

const link = (over: Partial<LinkView>): LinkView => ({
  id: 'l1',
  name: 'east',
  role: 'inter-router',
  fromSite: 'west',
  fromRouter: 'w1',
  toSite: 'east',
  toRouter: 'e1',
  cost: 1,
  status: 'up',
  statusSince: 5,
  downCount: 0,
  message: '',
  endpoint: 'east:55671',
  octets: 0,
  octetsBack: 0,
  octetsPerSecond: 0,
  octetsBackPerSecond: 0,
  ...over,
});

describe('signing in', () => {
  it('nothing is told to who is not signed in', async () => {
    const { server } = fakeConsole();
    for (const url of ['network', 'changes', 'flows', 'flows/changes', 'tokens', 'policies', 'services/a', 'links/a']) {
      const answer = await server.inject({ url: `/api/v1/${url}`, headers: HEADERS });
      expect([url, answer.statusCode, answer.json().code]).toEqual([url, 401, 'not-signed-in']);
    }
    expect((await server.inject({ url: '/metrics', headers: HEADERS })).statusCode).toBe(401);
    expect((await server.inject({ url: '/healthz', headers: HEADERS })).body).toBe('ok\n');
  });

  it('a token becomes a cookie that scripts and other sites cannot use', async () => {
    const made = fakeConsole();
    const answer = await signIn(made, 'good');
    expect(answer.statusCode).toBe(200);
    const cookie = String(answer.headers['set-cookie']);
    expect(cookie).toMatch(/^skuprt-console-8090=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    const [pair = ''] = cookie.split(';');
    const asked = await made.server.inject({ url: '/api/v1/network', headers: { ...HEADERS, cookie: `a=b; ${pair}` } });
    expect(asked.json()).toMatchObject({ user: 'ada', readOnly: false, self: '' });
    await made.server.inject({ method: 'POST', url: '/api/v1/sign-out', headers: { ...HEADERS, cookie: pair } });
    const after = await made.server.inject({ url: '/api/v1/network', headers: { ...HEADERS, cookie: pair } });
    expect(after.statusCode).toBe(401);
  });

  it('whoever signs in anew in the same browser ends the session before', async () => {
    const made = fakeConsole();
    const [before = ''] = String((await signIn(made, 'good')).headers['set-cookie']).split(';');
    expect((await signIn(made, 'wrong', { cookie: before })).statusCode).toBe(401);
    const asked = (cookie: string) =>
      made.server
        .inject({ url: '/api/v1/network', headers: { ...HEADERS, cookie } })
        .then(({ statusCode }) => statusCode);
    expect(await asked(before)).toBe(200);
    const [after = ''] = String((await signIn(made, 'looker', { cookie: before })).headers['set-cookie']).split(';');
    expect([await asked(before), await asked(after)]).toEqual([401, 200]);
  });

  it('a token that nobody is signed in with any more is told once, whichever way the last session of it ended', async () => {
    const left: string[] = [];
    const made = fakeConsole({}, { onLeft: (token) => left.push(token) });
    const cookieOf = async (token: string, headers = {}) =>
      String((await signIn(made, token, headers)).headers['set-cookie']).split(';')[0]!;
    const signOut = (cookie: string) =>
      made.server.inject({ method: 'POST', url: '/api/v1/sign-out', headers: { ...HEADERS, cookie } });
    const [first, second] = [await cookieOf('good'), await cookieOf('good')];
    await signOut(first);
    expect(left).toEqual([]);
    await signOut(second);
    await signOut(second);
    expect(left).toEqual(['good']);
    await cookieOf('good', { cookie: await cookieOf('looker') });
    expect(left).toEqual(['good', 'looker']);
  });

  it('behind TLS the cookie is for TLS only', async () => {
    const answer = await signIn(fakeConsole(), 'good', { 'x-forwarded-proto': 'https' });
    expect(String(answer.headers['set-cookie'])).toContain('; Secure');
  });

  it('wrong tokens are refused, many of them made to wait, and open sessions go on', async () => {
    const made = fakeConsole();
    const [cookie = ''] = String((await signIn(made, 'good')).headers['set-cookie']).split(';');
    for (let count = 0; count < 20; count += 1) expect((await signIn(made, 'wrong')).statusCode).toBe(401);
    const waiting = await signIn(made, 'good');
    expect([waiting.statusCode, waiting.headers['retry-after']]).toEqual([429, '60']);
    const bearer = await made.server.inject({ url: '/api/v1/network', headers: GOOD });
    expect(bearer.statusCode).toBe(429);
    const open = await made.server.inject({ url: '/api/v1/network', headers: { ...HEADERS, cookie } });
    expect(open.statusCode).toBe(200);
    made.clock.at += 60_000;
    expect((await signIn(made, 'good')).statusCode).toBe(200);
  });

  it('who waits costs nothing, however many come at once', async () => {
    const made = fakeConsole();
    const answers = await Promise.all(Array.from({ length: 100 }, () => signIn(made, 'wrong')));
    expect(made.access.checks).toBe(20);
    expect(answers.filter(({ statusCode }) => statusCode === 429)).toHaveLength(80);
  });

  it('right tokens are no wrong tries', async () => {
    const made = fakeConsole();
    for (let count = 0; count < 50; count += 1) expect((await signIn(made, 'good')).statusCode).toBe(200);
  });

  it('a token that nobody can check now may be wrong', async () => {
    const made = fakeConsole();
    made.access.check = () => Promise.reject(new Error('no answer'));
    const codes: number[] = [];
    for (let count = 0; count < 21; count += 1) codes.push((await signIn(made, 'good')).statusCode);
    expect([codes[0], codes.at(-1)]).toEqual([500, 429]);
  });

  it('wrong tokens of many addresses are limited in total, and shut out nobody who has been in', async () => {
    const made = fakeConsole();
    expect((await signIn(made, 'good', {}, '192.0.2.1')).statusCode).toBe(200);
    for (let count = 0; count < 300; count += 1) await signIn(made, 'wrong', {}, `198.51.100.${count % 250}`);
    expect(made.access.checks).toBe(1 + 100);
    expect((await signIn(made, 'good', {}, '203.0.113.1')).statusCode).toBe(429);
    expect((await signIn(made, 'good', {}, '192.0.2.1')).statusCode).toBe(200);
  });

  it('a host of IPv6 is one, whichever of its addresses it takes', async () => {
    const made = fakeConsole();
    for (let count = 0; count < 20; count += 1) await signIn(made, 'wrong', {}, `2001:db8:0:7::${count + 1}`);
    expect((await signIn(made, 'good', {}, '2001:db8::7:1:2:3:4')).statusCode).toBe(429);
    expect((await signIn(made, 'good', {}, '2001:db8:0:8::1')).statusCode).toBe(200);
  });

  it('a token that was taken back opens nothing after a minute', async () => {
    const made = fakeConsole();
    const [cookie = ''] = String((await signIn(made, 'good')).headers['set-cookie']).split(';');
    made.access.users.delete('good');
    const ask = () => made.server.inject({ url: '/api/v1/network', headers: { ...HEADERS, cookie } });
    expect((await ask()).statusCode).toBe(200);
    made.clock.at += 61_000;
    expect((await ask()).statusCode).toBe(401);
  });

  it('a bearer is asked about once, not at each request', async () => {
    const made = fakeConsole();
    for (let count = 0; count < 5; count += 1) await made.server.inject({ url: '/api/v1/network', headers: GOOD });
    expect(made.access.checks).toBe(1);
  });

  it('the session of a bearer is no cookie', async () => {
    const made = fakeConsole();
    await made.server.inject({ url: '/api/v1/network', headers: GOOD });
    const id = `bearer:${createHash('sha256').update('good').digest('base64url')}`;
    const cookie = `skuprt-console-8090=${id}`;
    const answer = await made.server.inject({ url: '/api/v1/network', headers: { ...HEADERS, cookie } });
    expect(answer.statusCode).toBe(401);
  });

  it('a session ends after half a day', async () => {
    const made = fakeConsole();
    const [cookie = ''] = String((await signIn(made, 'good')).headers['set-cookie']).split(';');
    made.clock.at += 12 * 3_600_000 + 1;
    const answer = await made.server.inject({ url: '/api/v1/network', headers: { ...HEADERS, cookie } });
    expect(answer.statusCode).toBe(401);
  });
});

describe('requests of others', () => {
  it('another page can neither sign in nor make a token', async () => {
    const made = fakeConsole();
    const others = [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { origin: 'http://localhost:9999' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ];
    for (const headers of others) {
      const answer = await signIn(made, 'good', headers);
      expect([headers, answer.statusCode]).toEqual([headers, 403]);
    }
    const own = await signIn(made, 'good', { origin: 'http://localhost:8090', 'sec-fetch-site': 'same-origin' });
    expect(own.statusCode).toBe(200);
    expect(made.place.orders).toEqual([]);
  });

  it('a form cannot make a token: only JSON is read', async () => {
    const { server, place } = fakeConsole();
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const headers = { ...GOOD, 'content-type': type };
      const answer = await server.inject({ method: 'POST', url: '/api/v1/tokens', headers, payload: '{}' });
      expect([type, answer.statusCode]).toEqual([type, 415]);
    }
    expect(place.orders).toEqual([]);
  });

  it('a name that was made to lead here is refused, unless the console is for other machines', async () => {
    const ask = (host: string, isLoopbackOnly = true) =>
      fakeConsole({ isLoopbackOnly }).server.inject({ url: '/healthz', headers: { host } });
    expect((await ask('evil.example:8090')).statusCode).toBe(421);
    expect((await ask('localhost.evil.example')).statusCode).toBe(421);
    expect((await ask('127.0.0.1:8090')).statusCode).toBe(200);
    expect((await ask('[::1]:8090')).statusCode).toBe(200);
    expect((await ask('console.example', false)).statusCode).toBe(200);
  });

  it('every answer says what may be loaded, and that nobody may frame it', async () => {
    const { server } = fakeConsole();
    for (const url of ['/', '/healthz', '/api/v1/network', '/nothing']) {
      const { headers } = await server.inject({ url, headers: HEADERS });
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; script-src 'self';.*frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'$/,
      );
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
    }
  });

  it('what is too long is not read', async () => {
    const made = fakeConsole();
    const answer = await signIn(made, 'x'.repeat(20_000));
    expect(answer.statusCode).toBe(413);
  });
});

describe('the network', () => {
  it('is told with who looks and from where', async () => {
    const { server, model, clock } = fakeConsole();
    model.network = { ...model.network, sites: [site('west', true), site('east')] };
    const answer = await server.inject({ url: '/api/v1/network', headers: GOOD });
    const session = { self: 'west', user: 'ada', readOnly: false, now: clock.wall() };
    expect(answer.json()).toEqual({ ...model.network, ...session });
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('flows are filtered by what is asked, and a wrong question is answered', async () => {
    const { server, model } = fakeConsole();
    await server.inject({ url: '/api/v1/flows?address=backend&site=west&state=open&limit=7', headers: GOOD });
    await server.inject({ url: '/api/v1/flows', headers: GOOD });
    expect(model.filters).toEqual([{ address: 'backend', site: 'west', state: 'open', limit: 7 }, { limit: 200 }]);
    for (const query of ['state=odd', 'limit=0', 'limit=100000', 'limit=x', 'other=1', 'address=a&address=b']) {
      const answer = await server.inject({ url: `/api/v1/flows?${query}`, headers: GOOD });
      expect([query, answer.statusCode, answer.json().code]).toEqual([query, 400, 'bad-request']);
    }
  });

  it('a link is told with the endpoints that were and were not tried, and with its own events', async () => {
    const { server, model, place } = fakeConsole();
    const event = {
      id: 1,
      at: 5,
      severity: 'error',
      type: 'link-down',
      site: 'west',
      message: 'cut',
      count: 1,
    } as const;
    model.network = {
      ...model.network,
      links: [link({ status: 'down', message: 'connection refused' })],
      events: [
        { ...event, object: 'link/east' },
        { ...event, id: 2, object: 'link/other' },
        { ...event, id: 3, site: 'north', object: 'link/east' },
      ],
    };
    place.linkEndpoints = async () => ['east:55671', 'east-2:55671'];
    const answer = await server.inject({ url: '/api/v1/links/l1', headers: GOOD });
    expect(answer.json()).toMatchObject({
      link: { id: 'l1' },
      endpoints: [
        { endpoint: 'east:55671', inUse: false, triedAt: 5, message: 'connection refused' },
        { endpoint: 'east-2:55671', inUse: false },
      ],
      events: [{ id: 1 }],
    });
    expect((await server.inject({ url: '/api/v1/links/l2', headers: GOOD })).statusCode).toBe(404);
  });

  it('a service is told with its ends, why connections failed, and who may use it', async () => {
    const { server, model } = fakeConsole();
    const service = {
      address: 'shop/backend:80',
      protocol: 'tcp',
      listenerCount: 1,
      connectorCount: 1,
      flowsOpen: 0,
      flowsOpened: 0,
      flowsRefused: 1,
      flowsPerSecond: 0,
      octets: 0,
      octetsPerSecond: 0,
    };
    model.network = { ...model.network, services: [service] };
    const url = `/api/v1/services/${encodeURIComponent(service.address)}`;
    const answer = await server.inject({ url, headers: GOOD });
    expect(answer.json()).toEqual({
      service,
      listeners: [],
      connectors: [],
      paths: [],
      refused: [],
      policies: ['AccessPolicy/shop/backend'],
      explain: ['only site west may connect'],
    });
    expect((await server.inject({ url: '/api/v1/services/nothing', headers: GOOD })).statusCode).toBe(404);
  });
});

describe('tokens', () => {
  const order = (made: ReturnType<typeof fakeConsole>, payload: object, token = 'good') =>
    made.server.inject({
      method: 'POST',
      url: '/api/v1/tokens',
      headers: { ...json, authorization: `Bearer ${token}` },
      payload,
    });

  it('are made in the name of who is signed in', async () => {
    const made = fakeConsole();
    const answer = await order(made, { name: 'to-east', redemptions: 2, expiry: '15m' });
    expect([answer.statusCode, answer.json().name]).toEqual([201, 'to-east']);
    expect(made.place.orders).toEqual([
      {
        order: { name: 'to-east', redemptions: 2, expiry: '15m' },
        user: { name: 'ada', mayIssue: true, token: 'good' },
      },
    ]);
  });

  it('are made by nobody where the console only shows, nor by who may not', async () => {
    const shows = fakeConsole({ isReadOnly: true });
    expect((await order(shows, {})).json()).toMatchObject({ code: 'read-only' });
    const looker = fakeConsole();
    expect((await order(looker, {}, 'looker')).json()).toMatchObject({ code: 'forbidden' });
    expect([...shows.place.orders, ...looker.place.orders]).toEqual([]);
    const told = await looker.server.inject({
      url: '/api/v1/network',
      headers: { ...HEADERS, authorization: 'Bearer looker' },
    });
    expect(told.json()).toMatchObject({ user: 'bob', readOnly: true });
  });

  it('are not made of an order with mistakes', async () => {
    const made = fakeConsole();
    const wrong = [{ name: 'Not A Name' }, { redemptions: 0 }, { redemptions: 1.5 }, { expiry: 'soon' }, { other: 1 }];
    for (const payload of wrong) expect([payload, (await order(made, payload)).statusCode]).toEqual([payload, 400]);
    expect(made.place.orders).toEqual([]);
  });
});

describe('policies', () => {
  const policy = {
    reference: 'AccessPolicy/shop/only-west',
    kind: 'AccessPolicy',
    name: 'only-west',
    namespace: 'shop',
    dryRun: false,
    enforceExisting: false,
    rules: ['allows site west to connect'],
    selected: 1,
    ready: true,
    warnings: [],
  } as const;

  it('have the counts of the router, as far as it knows them', async () => {
    const { server, place, model } = fakeConsole();
    place.policies = async () => [policy, { ...policy, reference: 'AccessPolicy/shop/new' }];
    const asked = async () => (await server.inject({ url: '/api/v1/policies', headers: GOOD })).json();
    expect((await asked()).map(({ refused }: { refused?: number }) => refused)).toEqual([undefined, undefined]);
    model.refusedByPolicies = async () => new Map([[policy.reference, 7]]);
    expect((await asked()).map(({ refused }: { refused?: number }) => refused)).toEqual([7, undefined]);
  });
});

describe('faults', () => {
  it('of the place are told without what is inside', async () => {
    const { server, place } = fakeConsole();
    place.policies = async () => {
      throw new Error('/home/ada/secret');
    };
    const answer = await server.inject({ url: '/api/v1/policies', headers: GOOD });
    expect([answer.statusCode, answer.json()]).toEqual([
      500,
      { code: 'internal', message: 'the console failed; its log says more' },
    ]);
  });

  it('are counted with the other answers', async () => {
    const { server } = fakeConsole();
    await server.inject({ url: '/api/v1/network', headers: HEADERS });
    const text = (await server.inject({ url: '/metrics', headers: GOOD })).body;
    expect(text).toContain('skuprt_console_requests_total{code="401"} 1');
    expect(text).toContain('skuprt_console_sign_ins_total{result="accepted"} 1');
  });

  it('are told as OpenMetrics to who asks for it', async () => {
    const { server } = fakeConsole();
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5';
    const answer = await server.inject({ url: '/metrics', headers: { ...GOOD, accept } });
    expect(answer.headers['content-type']).toMatch(/^application\/openmetrics-text/);
    expect(answer.body).toMatch(/^# TYPE skuprt_console_sign_ins counter$/m);
    expect(answer.body.endsWith('# EOF\n')).toBe(true);
  });
});
