/** Looks at backends, many at a time: those that wait for their turn get it, whatever becomes of those before them. */
import { expect, it } from 'vitest';
import { Probes } from '../../router/io/probes.ts';
import { eventually } from '../support/eventually.ts';
import { echoServer } from '../support/tcp.ts';

it('looks at all that wait, also when tcpConnectors go meanwhile, or cannot be dialled', async () => {
  const server = await echoServer();
  const told = new Map<string, string | undefined>();
  const isHere = (connector: string): boolean => !connector.startsWith('gone');
  let isStarting = true;
  const probes = new Probes({
    backendOf: (connector) => {
      if (!isStarting && connector.startsWith('faulty')) throw new Error('it has no certificate');
      return isHere(connector) || isStarting ? { host: '127.0.0.1', port: server.port, tls: undefined } : undefined;
    },
    probed: (connector, problem) => told.set(connector, problem),
  });
  for (const kind of ['first', 'gone', 'faulty', 'last']) {
    for (let i = 0; i < 64; i++) probes.look({ connector: `${kind} ${i}`, withinMs: 10_000 });
  }
  isStarting = false;
  await eventually('all are looked at', () => told.size === 3 * 64);
  expect([...new Set(told.values())]).toEqual([undefined, 'it has no certificate']);
  expect([...told.keys()].filter((connector) => !isHere(connector))).toEqual([]);
  probes.stop();
  await server.close();
});
