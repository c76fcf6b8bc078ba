/** The log of a router process, changed by management while it runs; and a router started by the environment. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { ManagementClient } from '../support/management-client.ts';
import { RouterProcesses, routerConfig } from '../support/router-process.ts';
import { connect, unusedPort } from '../support/tcp.ts';

const processes = new RouterProcesses();
let management: ManagementClient;

function lines(): Record<string, unknown>[] {
  return processes
    .logOf('logging')
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line));
}

const frames = () => lines().filter(({ module }) => module === 'PROTOCOL');

beforeAll(async () => {
  const port = await unusedPort();
  const text = routerConfig('logging', [
    ['listener', { name: 'l', host: '127.0.0.1', port, messageLoggingComponents: 'to, correlation-id,app-properties' }],
    ['log', { module: 'SERVER', enable: 'none' }],
  ]);
  processes.startWith('ours', 'logging', text);
  const probe = await eventually('the router listens', () => connect(port).catch(() => undefined));
  probe.destroy();
  management = await ManagementClient.connect(port);
});
afterAll(async () => {
  management?.close();
  await processes.stop();
});

describe('the log of a running router', () => {
  test('names the module of each line, and leaves out those that are off', () => {
    expect(lines().find(({ msg }) => msg === 'router started')).toMatchObject({ module: 'ROUTER' });
    expect(lines().filter(({ module }) => module === 'SERVER')).toEqual([]);
  });

  test('traces the frames of all connections while PROTOCOL is at debug', async () => {
    expect(frames()).toEqual([]);
    expect(await management.update('log', 'log/PROTOCOL', { enable: 'debug+' })).toMatchObject({ status: 200 });
    await management.query('router');
    await eventually('frames are shown', () => frames().length > 4);
    const told = frames().map(({ msg }) => String(msg));
    expect(told.some((each) => /^\[C\d+\]:\d+ <- @transfer\(20\) /.test(each))).toBe(true);
    expect(told.some((each) => /^\[C\d+\]:\d+ -> @transfer\(20\) /.test(each))).toBe(true);
    expect(told.filter((each) => each.includes('cannot be shown') || each.includes('no frame'))).toEqual([]);
    expect(await management.update('log', 'log/PROTOCOL', { enable: 'info+' })).toMatchObject({ status: 200 });
    await management.query('router');
    const before = frames().length;
    await management.query('router');
    expect(frames()).toHaveLength(before);
  });

  test('traces one connection that is asked for', async () => {
    const [own] = await management.query('connection');
    const before = frames().length;
    const identity = String(own!.identity);
    const asked = await management.ask('UPDATE', { type: 'connection', identity }, { enableProtocolTrace: true });
    expect(asked).toMatchObject({ status: 200 });
    expect((await management.query('connection'))[0]).toMatchObject({ enableProtocolTrace: true });
    await eventually('its frames are shown', () => frames().length > before + 2);
    await management.ask('UPDATE', { type: 'connection', identity }, { enableProtocolTrace: false });
    expect((await management.query('connection'))[0]).toMatchObject({ enableProtocolTrace: false });
  });

  test('shows the chosen properties of messages while MESSAGE is at debug', async () => {
    const messages = () => lines().filter(({ module }) => module === 'MESSAGE');
    await management.query('router');
    expect(messages()).toEqual([]);
    await management.update('log', 'log/MESSAGE', { enable: 'debug' });
    await management.query('router');
    await eventually('messages are shown', () => messages().length > 1);
    const told = messages().map(({ msg }) => String(msg));
    expect(
      told.some((each) =>
        /Received Message\{to='\$management', correlation-id='\d+', app-properties=\{.*operation='QUERY'/.test(each),
      ),
    ).toBe(true);
    expect(told.some((each) => /Sent Message\{to='.*statusCode='200'/.test(each))).toBe(true);
    await management.update('log', 'log/MESSAGE', { enable: 'default' });
    await management.query('router');
    const before = messages().length;
    await management.query('router');
    expect(messages()).toHaveLength(before);
  });

  test('tells what management has changed', async () => {
    const address = { type: 'address', name: 'news' };
    const asked = [
      await management.ask('CREATE', address, { prefix: 'news' }),
      await management.ask('UPDATE', address, { distribution: 'multicast' }),
      await management.ask('DELETE', address),
    ];
    expect(asked.map(({ status }) => status)).toEqual([201, 200, 204]);
    const told = await eventually('all is told', () => {
      const found = lines().filter(({ module, name }) => module === 'AGENT' && name === 'news');
      return found.length === 3 && found;
    });
    expect(told.map(({ msg, type }) => [msg, type])).toEqual([
      ['created by management', 'address'],
      ['changed by management', 'address'],
      ['deleted by management', 'address'],
    ]);
  });

  test('refuses a level and a file that are none', async () => {
    expect((await management.update('log', 'log/AGENT', { enable: 'loud' })).status).toBe(400);
    expect((await management.update('log', 'log/AGENT', { outputFile: '/no/such/folder/x' })).status).toBe(400);
    const agent = (await management.query('log')).find(({ module }) => module === 'AGENT');
    expect(agent).toMatchObject({ outputFile: null });
  });
});
