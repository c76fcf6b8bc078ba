/**
 * Events of networks of our routers and the original's: each tells of itself once, links name their other ends, and the two ends
 * of a flow make one record of it, whoever sits at which end.
 *
 * With NETWORK_OBSERVER set to the path of Skupper's network-observer (cmd/network-observer of skupperproject/skupper, built with
 * Go), it is run on these networks too and asked for what it shows.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ATTRIBUTE, RECORD_TYPE } from '../../lib/vanflow.ts';
import { stopChild } from '../support/child-process.ts';
import { eventually } from '../support/eventually.ts';
import { originalRouter } from '../support/original-router.ts';
import { isExecutable } from '../support/programs.ts';
import {
  type Entity,
  type Kind,
  linkEntities,
  RouterProcesses,
  tcpConnectorEntity,
  tcpListenerEntity,
} from '../support/router-process.ts';
import { connect, type Listening, listen, unusedPort } from '../support/tcp.ts';
import { type KeptRecord, VanflowCollector } from '../support/vanflow-collector.ts';

interface Place {
  readonly kind: Kind;
  readonly mode: 'interior' | 'edge';
}

const interior = (kind: Kind): Place => ({ kind, mode: 'interior' });
const edge = (kind: Kind): Place => ({ kind, mode: 'edge' });
/** Each place dials the one before it, an edge the one after it. */
const NETWORKS: readonly (readonly Place[])[] = [
  [interior('ours'), interior('ours')],
  [interior('ours'), interior('original')],
  [interior('original'), interior('ours')],
  [interior('ours'), interior('original'), interior('ours')],
  [interior('original'), interior('ours'), interior('original')],
  [edge('ours'), interior('ours')],
  [edge('ours'), interior('original'), interior('ours')],
  [edge('original'), interior('ours'), interior('original')],
];
const title = (places: readonly Place[]): string =>
  places.map(({ kind, mode }) => (mode === 'edge' ? `${kind} (edge)` : kind)).join(' - ');
const runnable = NETWORKS.filter(
  (places) => originalRouter !== undefined || places.every(({ kind }) => kind === 'ours'),
).map((places) => ({ title: title(places), places }));

const observer = process.env.NETWORK_OBSERVER;
const hasObserver = observer !== undefined && isExecutable(observer);
const READY_MS_MAX = 60_000;
const REQUEST_BYTES = 1000;
const ANSWER_BYTES = 3000;

describe.each(runnable)('events of $title', ({ places }) => {
  const last = places.length - 1;
  /** An original edge router tells nobody what its connectors know: its co-records find no way out, among originals neither. */
  const knows = (at: number): boolean => places[at]!.kind === 'ours' || places[at]!.mode === 'interior';
  const routers = new RouterProcesses();
  const entries: Record<string, number> = {};
  const amqpPorts: number[] = [];
  let backend: Listening;
  let collector: VanflowCollector;

  beforeAll(async () => {
    backend = await listen((socket) => {
      let count = 0;
      socket.on('data', (chunk) => {
        count += chunk.length;
        if (count === REQUEST_BYTES) socket.end(Buffer.alloc(ANSWER_BYTES));
      });
    });
    const entities: Entity[][] = [];
    for (const _ of places) {
      amqpPorts.push(await unusedPort());
      entities.push([
        ['listener', { name: 'amqp', host: '127.0.0.1', port: amqpPorts.at(-1)!, saslMechanisms: 'ANONYMOUS' }],
        ['address', { name: 'mc', prefix: 'mc', distribution: 'multicast' }],
        ['site', { name: `site-${entities.length}`, platform: 'kubernetes', namespace: `ns-${entities.length}` }],
      ]);
    }
    for (let place = 1; place <= last; place++) {
      const port = await unusedPort();
      const isEdge = places[place - 1]!.mode === 'edge';
      const [dialling, accepting] = isEdge ? [place - 1, place] : [place, place - 1];
      const more: Entity[1] = isEdge ? { role: 'edge' } : {};
      entities[accepting]!.push(
        ...linkEntities({ role: 'accept', port, more: { ...more, name: `access-of-r${dialling}` } }),
      );
      entities[dialling]!.push(...linkEntities({ role: 'dial', port, more: { ...more, name: `to-r${accepting}` } }));
    }
    for (const [address, from, to] of [
      ['forward', 0, last],
      ['backward', last, 0],
    ] as const) {
      const port = await unusedPort();
      entries[address] = port;
      entities[from]!.push(tcpListenerEntity(address, port));
      entities[to]!.push(tcpConnectorEntity(address, backend.port));
    }
    places.forEach(({ kind, mode }, at) => {
      const text = JSON.stringify([['router', { id: `r${at}`, mode }], ...entities[at]!]);
      routers.startWith(kind, `r${at}`, text, { SKUPPER_SITE_ID: `site-id-${at}` });
    });
    for (const port of Object.values(entries)) await eventually('a service is there', () => opens(port), READY_MS_MAX);
    await eventually('the network is heard of', () => opens(amqpPorts[last]!), READY_MS_MAX);
    collector = await VanflowCollector.start(amqpPorts[last]!);
  }, READY_MS_MAX * 2);
  afterAll(async () => {
    collector?.close();
    await routers.stop();
    await backend?.close();
  });

  async function records(type: number, count: number): Promise<KeptRecord[]> {
    return eventually(
      () => `${count} records of type ${type}: ${JSON.stringify(collector.records(type))}`,
      () => {
        const found = collector.records(type);
        return found.length >= count && found;
      },
      READY_MS_MAX,
    );
  }
  const named = (all: readonly KeptRecord[], name: string) => all.filter((record) => record[ATTRIBUTE.name] === name);

  test('each router is told of once, under its site', async () => {
    const found = await records(RECORD_TYPE.router, places.length);
    expect(found.map((record) => [record[ATTRIBUTE.name], record[ATTRIBUTE.mode]]).sort()).toEqual(
      places.map(({ mode }, at) => [`0/r${at}`, mode]),
    );
    for (const [at] of places.entries()) {
      const [router] = named(found, `0/r${at}`);
      expect(router![ATTRIBUTE.parent], `r${at}`).toBe(`site-id-${at}`);
    }
    const sites = await records(RECORD_TYPE.site, places.length);
    expect(sites.map((site) => [site[1], site[ATTRIBUTE.name]]).sort()).toEqual(
      places.map((_, at) => [`site-id-${at}`, `site-${at}`]),
    );
  });

  test('each link is up and names the access that it leads to', async () => {
    const routerRecords = await records(RECORD_TYPE.router, places.length);
    const accesses = await records(RECORD_TYPE.routerAccess, last);
    await eventually(
      () => `links are up: ${JSON.stringify(collector.records(RECORD_TYPE.link))}`,
      () => {
        const links = collector.records(RECORD_TYPE.link);
        return links.length === last && links.every((link) => link[ATTRIBUTE.status] === 'up' && link[ATTRIBUTE.peer]);
      },
      READY_MS_MAX,
    );
    for (const link of collector.records(RECORD_TYPE.link)) {
      const accepting = String(link[ATTRIBUTE.name]).slice('to-'.length);
      const access = accesses.find((each) => each[1] === link[ATTRIBUTE.peer]);
      const [router] = named(routerRecords, `0/${accepting}`);
      expect(access?.[ATTRIBUTE.parent], String(link[ATTRIBUTE.name])).toBe(router![1]);
      expect(Number(link[ATTRIBUTE.octets])).toBeGreaterThan(0);
      expect(Number(link[ATTRIBUTE.octetsReverse])).toBeGreaterThan(0);
    }
  });

  test.each([
    ['forward', 0, last],
    ['backward', last, 0],
  ] as const)('a flow %s has octets of both directions, its way, and both ends', async (address, from, to) => {
    const listeners = await records(RECORD_TYPE.listener, 2);
    const connectors = await records(RECORD_TYPE.connector, 2);
    const byAddress = (all: readonly KeptRecord[]) => all.filter((record) => record[ATTRIBUTE.address] === address);
    expect([byAddress(listeners).length, byAddress(connectors).length]).toEqual([1, 1]);
    const port = await exchange(entries[address]!);
    const whole = await eventually(
      () => `the flow is told: ${JSON.stringify(collector.records(RECORD_TYPE.transportFlow))}`,
      () =>
        collector
          .records(RECORD_TYPE.transportFlow)
          .find(
            (flow) =>
              flow[ATTRIBUTE.sourcePort] === String(port) &&
              flow[ATTRIBUTE.endTime] &&
              (flow[ATTRIBUTE.processLatency] || !knows(to)),
          ),
      READY_MS_MAX,
    );
    expect(whole).toMatchObject({
      [ATTRIBUTE.parent]: byAddress(listeners)[0]![1],
      [ATTRIBUTE.octets]: REQUEST_BYTES,
      [ATTRIBUTE.octetsReverse]: ANSWER_BYTES,
      [ATTRIBUTE.sourceHost]: '127.0.0.1',
    });
    if (!knows(to)) return;
    expect(whole).toMatchObject({
      [ATTRIBUTE.connector]: byAddress(connectors)[0]![1],
      [ATTRIBUTE.proxyHost]: '127.0.0.1',
    });
    expect(Number(whole[ATTRIBUTE.latency])).toBeGreaterThan(0);
    expect(Number(whole[ATTRIBUTE.endTime])).toBeGreaterThan(Number(whole[ATTRIBUTE.startTime]));
    const path = from < to ? places.map((_, at) => at) : places.map((_, at) => last - at);
    const interiors = path.slice(0, -1).filter((at) => places[at]!.mode === 'interior');
    const trace = interiors.length === 0 ? 'Local' : interiors.map((at) => `0/r${at}`).join('|');
    // An edge router leaves no trace.
    expect(whole[ATTRIBUTE.trace]).toBe(trace);
    const router = (record: KeptRecord | undefined) => record?.[ATTRIBUTE.parent];
    const routerOf = (at: number) => named(collector.records(RECORD_TYPE.router), `0/r${at}`)[0]![1];
    expect([router(byAddress(listeners)[0]), router(byAddress(connectors)[0])]).toEqual([routerOf(from), routerOf(to)]);
  });

  test.runIf(hasObserver)(
    "Skupper's network-observer shows all of it",
    async () => {
      const port = await unusedPort();
      const args = ['--router-endpoint', `amqp://127.0.0.1:${amqpPorts[0]}`, '--listen', `127.0.0.1:${port}`];
      const program = spawn(observer!, [...args, '--enable-console=false'], { stdio: 'ignore' });
      try {
        await isShown(port);
      } finally {
        await stopChild(program);
      }
    },
    300_000,
  );

  /** Names, ends and octets, by the observer's API. */
  async function isShown(port: number): Promise<void> {
    const shown = async (what: string): Promise<Record<string, unknown>[]> => {
      const response = await fetch(`http://127.0.0.1:${port}/api/v2alpha1/${what}`).catch(() => undefined);
      return ((await response?.json()) as { results?: Record<string, unknown>[] } | undefined)?.results ?? [];
    };
    const all = async (what: string, count: number) =>
      eventually(
        () => `${count} ${what}`,
        async () => {
          const found = await shown(what);
          return found.length >= count && found;
        },
        READY_MS_MAX,
      );
    const ids = places.map((_, at) => at);
    const sites = await all('sites', places.length);
    expect(sites.map(({ name }) => name).sort()).toEqual(ids.map((at) => `site-${at}`));
    const seen = await all('routers', places.length);
    expect(seen.map(({ name }) => name).sort()).toEqual(ids.map((at) => `0/r${at}`));
    const links = await eventually(
      'links have both ends',
      async () => {
        const found = await shown('routerlinks');
        return found.length === last && found.every(({ destinationRouterId }) => destinationRouterId) && found;
      },
      READY_MS_MAX,
    );
    expect(links.every(({ status }) => status === 'up')).toBe(true);
    const addresses = ['backward', 'forward'];
    expect((await all('listeners', 2)).map(({ routingKey }) => routingKey).sort()).toEqual(addresses);
    expect((await all('connectors', 2)).map(({ routingKey }) => routingKey).sort()).toEqual(addresses);
    const ways = [
      { address: 'forward', to: last },
      { address: 'backward', to: 0 },
    ].filter(({ to }) => knows(to));
    const clients: string[] = [];
    for (const { address } of ways) clients.push(String(await exchange(entries[address]!)));
    const connections = await eventually(
      'connections are shown',
      async () => {
        const found = (await shown('connections')).filter(({ sourcePort }) => clients.includes(String(sourcePort)));
        return found.length === clients.length && found.every(({ endTime }) => endTime) && found;
      },
      READY_MS_MAX,
    );
    for (const connection of connections) {
      const [from, to] = connection.routingKey === 'forward' ? [0, last] : [last, 0];
      expect(connection).toMatchObject({
        octetCount: REQUEST_BYTES,
        octetReverseCount: ANSWER_BYTES,
        sourceSiteName: `site-${from}`,
        destSiteName: `site-${to}`,
      });
    }
  }
});

async function opens(port: number): Promise<boolean> {
  try {
    (await connect(port)).destroy();
    return true;
  } catch {
    return false;
  }
}

/** Asks the backend once. @returns the client's port */
async function exchange(port: number): Promise<number> {
  const socket = await connect(port);
  const { localPort } = socket;
  socket.on('data', () => {});
  socket.write(Buffer.alloc(REQUEST_BYTES));
  await once(socket, 'end');
  socket.end();
  await once(socket, 'close');
  return localPort!;
}
