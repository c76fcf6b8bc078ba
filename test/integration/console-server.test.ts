/** The console's server on real sockets: streams of events to readers that keep up, are slow, vanish, or do nothing at all. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { NetworkView, SectionChange } from '../../console/model/view.ts';
import { LIMITS } from '../../console/server/limits.ts';
import { type FakeConsole, fakeConsole, site } from '../support/console-server.ts';

const HOST = '127.0.0.1';
/** A guard, no measure. */
const PATIENCE = { timeout: 30_000, interval: 10 };
const eventually = (look: () => unknown) => vi.waitFor(look, PATIENCE);
const open: { console_: FakeConsole; sockets: Socket[] }[] = [];

afterEach(async () => {
  for (const { console_, sockets } of open.splice(0)) {
    for (const socket of sockets) socket.destroy();
    await console_.server.stop();
  }
});

async function started() {
  const console_ = fakeConsole();
  const port = await console_.server.start({ host: HOST, port: 0 });
  const sockets: Socket[] = [];
  open.push({ console_, sockets });
  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const options = { host: HOST, port, path, method, headers: { authorization: 'Bearer good', ...headers } };
      const request = httpRequest(options, resolve);
      request.on('socket', (socket) => sockets.push(socket));
      request.on('error', reject);
      request.end();
    });
  return { ...console_, port, ask, sockets };
}

/** Events as they come: their names and what they carry. */
function eventsOf(message: IncomingMessage) {
  const events: { name: string; data: unknown }[] = [];
  let rest = '';
  message.setEncoding('utf8');
  message.on('data', (chunk: string) => {
    rest += chunk;
    if (!chunk.includes('\n\n') && !chunk.startsWith('\n')) return;
    const parts = rest.split('\n\n');
    rest = parts.pop()!;
    for (const part of parts) {
      const [, name] = /^event: (.*)$/m.exec(part) ?? [];
      const [, data] = /^data: (.*)$/m.exec(part) ?? [];
      if (name !== undefined) events.push({ name, data: JSON.parse(data ?? 'null') });
    }
  });
  message.on('error', () => {});
  return events;
}

const changed = (id: string): SectionChange[] => [{ section: 'sites', set: [site(id)], gone: [] }];

/** So much that no socket takes it at once. */
function largeView(view: NetworkView): NetworkView {
  const sites = Array.from({ length: 4000 }, (_, index) => ({ ...site(`s${index}`), version: 'x'.repeat(4000) }));
  return { ...view, sites };
}

it('listens on the loopback address too when it listens on all, for ports that kubectl forwards', async () => {
  const console_ = fakeConsole();
  open.push({ console_, sockets: [] });
  const port = await console_.server.start({ host: '::', port: 0 });
  expect((await fetch(`http://${HOST}:${port}/healthz`)).status).toBe(200);
});

describe('a stream of changes', () => {
  it('tells everything first, then what changes, to everyone who looks', async () => {
    const { ask, model } = await started();
    model.network = { ...model.network, sites: [site('west', true)] };
    const readers = await Promise.all([ask('/api/v1/changes'), ask('/api/v1/changes')]);
    const heard = readers.map(eventsOf);
    await eventually(() => expect(heard.map((events) => events.length)).toEqual([1, 1]));
    expect(heard[0]![0]).toMatchObject({
      name: 'network',
      data: { self: 'west', user: 'ada', sites: [{ id: 'west' }] },
    });
    expect(model.listeners.size).toBe(1);
    model.change(changed('east'));
    for (const events of heard) {
      await eventually(() => expect(events[1]).toEqual({ name: 'changes', data: changed('east') }));
    }
    expect(readers[0]!.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  });

  it('ends its part in the model when the last reader is gone', async () => {
    const { ask, model, sockets } = await started();
    eventsOf(await ask('/api/v1/changes'));
    eventsOf(await ask('/api/v1/flows/changes?address=a'));
    await eventually(() => expect([model.listeners.size, model.flowListeners.size]).toEqual([1, 1]));
    for (const socket of sockets) socket.destroy();
    await eventually(() => expect([model.listeners.size, model.flowListeners.size]).toEqual([0, 0]));
  });

  it('says now and then that it lives', async () => {
    const { ask, server } = await started();
    const message = await ask('/api/v1/changes');
    let text = '';
    message.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await eventually(() => expect(text).toContain('event: network'));
    expect(text).toMatch(/^retry: 1000\n\n/);
    await server.heartbeat();
    await eventually(() => expect(text).toMatch(/\n\n: \n\n$/));
  });

  it('is sent once what a slow reader has missed, as it is then, and nothing is kept twice', async () => {
    const { ask, model } = await started();
    model.network = largeView(model.network);
    const message = await ask('/api/v1/changes');
    message.pause();
    for (let count = 0; count < 1000; count += 1) model.change(changed(`n${count % 10}`));
    model.change([{ section: 'sites', set: [], gone: ['n3'] }]);
    const events = eventsOf(message);
    message.resume();
    await eventually(() => expect(events.length).toBe(2));
    const [, missed] = events;
    const { set, gone } = (missed!.data as SectionChange[])[0]!;
    expect([set.length, gone]).toEqual([9, ['n3']]);
    model.change(changed('after'));
    await eventually(() => expect(events[2]).toEqual({ name: 'changes', data: changed('after') }));
  });

  it('is cut off when its reader takes nothing for half a minute', async () => {
    const { ask, model, clock, server } = await started();
    model.network = largeView(model.network);
    const message = await ask('/api/v1/changes');
    message.pause();
    message.on('error', () => {});
    await server.heartbeat();
    clock.at += LIMITS.streamStalledMs - 1;
    await server.heartbeat();
    expect(model.listeners.size).toBe(1);
    clock.at += 1;
    await server.heartbeat();
    expect(model.listeners.size).toBe(0);
    const closed = new Promise((resolve) => message.once('close', resolve));
    message.resume();
    await closed;
    expect(await server.metrics.render('prometheus')).toContain('skuprt_console_streams_cut_total 1');
  });

  it('ends with the session of who reads it', async () => {
    const { ask, server, port } = await started();
    const answer = await server.inject({
      method: 'POST',
      url: '/api/v1/sign-in',
      headers: { host: `${HOST}:${port}` },
      payload: { token: 'good' },
    });
    const [cookie = ''] = String(answer.headers['set-cookie']).split(';');
    const asUser = { authorization: '', cookie };
    const message = await ask('/api/v1/changes', asUser);
    const events = eventsOf(message);
    await eventually(() => expect(events.length).toBe(1));
    const ended = once(message, 'end');
    expect((await ask('/api/v1/sign-out', asUser, 'POST')).statusCode).toBe(200);
    await ended;
  });

  it('ends soon after the token was taken back', async () => {
    const { ask, access, clock, server, model } = await started();
    const message = await ask('/api/v1/changes');
    const ended = once(message, 'end');
    eventsOf(message);
    access.users.delete('good');
    clock.at += LIMITS.sessionRecheckMs;
    await server.heartbeat();
    await ended;
    expect(model.listeners.size).toBe(0);
  });

  it('is refused where too many are open, and there is room again when one is gone', async () => {
    const { ask, sockets } = await started();
    for (let count = 0; count < LIMITS.streamsPerSessionMax; count += 1) eventsOf(await ask('/api/v1/changes'));
    const refused = await ask('/api/v1/changes');
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([503, '5']);
    sockets[0]!.destroy();
    await eventually(async () => expect((await ask('/api/v1/changes')).statusCode).toBe(200));
  });

  it('of flows tells those that are there, then those that change', async () => {
    const { ask, model } = await started();
    const flow = { id: 'f1', address: 'a', state: 'open' } as (typeof model.flowList)[number];
    model.flowList = [flow];
    const events = eventsOf(await ask('/api/v1/flows/changes?address=a&state=open'));
    await eventually(() => expect(events).toEqual([{ name: 'flows', data: [flow] }]));
    for (const listener of model.flowListeners) listener([{ ...flow, octets: 5 }]);
    await eventually(() => expect(events[1]).toEqual({ name: 'changes', data: [{ ...flow, octets: 5 }] }));
  });

  it('is not opened by a HEAD', async () => {
    const { ask, model } = await started();
    expect((await ask('/api/v1/changes', {}, 'HEAD')).statusCode).toBe(404);
    expect(model.listeners.size).toBe(0);
  });
});

describe('the server', () => {
  it('ends its streams when it stops', async () => {
    const { ask, server, model } = await started();
    const message = await ask('/api/v1/changes');
    const ended = once(message, 'end');
    eventsOf(message);
    await server.stop();
    await ended;
    expect(model.listeners.size).toBe(0);
  });

  it('is not held up by those who connect and say nothing, or nonsense', async () => {
    const { port, ask, sockets } = await started();
    for (let count = 0; count < 20; count += 1) {
      const socket = connect(port, HOST).on('error', () => {});
      sockets.push(socket);
      if (count % 2 === 0) socket.write('\x16\x03\x01 nonsense\r\n\r\n');
    }
    expect((await ask('/healthz')).statusCode).toBe(200);
  });

  it('says when its port is taken', async () => {
    const { port } = await started();
    const second = fakeConsole();
    await expect(second.server.start({ host: HOST, port })).rejects.toMatchObject({ code: 'SKUPRT_CONSOLE_LISTEN' });
    await second.server.stop();
  });
});
