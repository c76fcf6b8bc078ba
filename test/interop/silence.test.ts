/** Links between ours and an original that fall silent, and originals at the several places of a link. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork } from '../support/live-network.ts';
import { originalRouter } from '../support/original-router.ts';
import { Relay } from '../support/relay.ts';
import { type Kind, linkEntities } from '../support/router-process.ts';
import { connect, echoServer, type Listening, listen, readAll, unusedPort } from '../support/tcp.ts';
import { EchoFlow } from './echo-flow.ts';
import { READY_MS_MAX, START_MS_MAX } from './network.ts';

const HOST = '127.0.0.1';
/** Two of ours would have missed each other three times. */
const SILENT_MS = 5000;
/** AMQP's idle time-out of both is 16 s; the machine may be busy. */
const MISSED_MS_MAX = 45_000;

const ROLES: readonly { readonly dials: Kind; readonly accepts: Kind }[] = [
  { dials: 'ours', accepts: 'original' },
  { dials: 'original', accepts: 'ours' },
];

describe.runIf(originalRouter).each(ROLES)('$dials dials $accepts', ({ dials, accepts }) => {
  const network = new LiveNetwork();
  const ports: number[] = [];
  let flows: EchoFlow[];
  let echo: Listening;
  let relay: Relay;

  beforeAll(async () => {
    echo = await echoServer();
    const dialling = await network.router('dialling', 'interior', dials);
    const accepting = await network.router('accepting', 'interior', accepts);
    const dialPort = async (port: number) => {
      relay = await Relay.to(port);
      return relay.port;
    };
    await network.link(dialling, accepting, { dialPort });
    for (const [from, to] of [
      [dialling, accepting],
      [accepting, dialling],
    ] as const) {
      const address = `from-${from.id}`;
      ports.push(await network.publish(from, address));
      network.offer(to, address, echo.port);
    }
    await network.start();
    for (const port of ports) await network.accepting(port, true, READY_MS_MAX);
  }, START_MS_MAX);
  afterAll(async () => {
    await network.stop();
    await relay?.close();
    await echo?.close();
  });
  beforeEach(async () => {
    flows = await Promise.all(ports.map((port) => EchoFlow.open(port, READY_MS_MAX, () => network.evidence())));
  });
  afterEach(() => {
    for (const { socket } of flows) socket.destroy();
  });

  test('a silence that is shorter than the idle time-out ends nothing', async () => {
    relay.freeze();
    await sleep(SILENT_MS);
    for (const flow of flows) flow.send(1_000_000);
    relay.thaw();
    const states = () => flows.map(({ state }) => state).join(', ');
    const areOver = () => flows.every(({ isWhole, ended }) => isWhole || ended);
    await eventually(() => `all goes on: ${states()}\n${network.evidence()}`, areOver, READY_MS_MAX);
    expect(flows.map(({ state }) => state)).toEqual(['whole', 'whole']);
  });

  test('a longer one ends flows at both ends, and new ones come when it is over', async () => {
    relay.freeze();
    const areOver = () => flows.every(({ ended }) => ended);
    await eventually(
      () => `all end: ${flows.map(({ state }) => state)}\n${network.evidence()}`,
      areOver,
      MISSED_MS_MAX,
    );
    relay.thaw();
    for (const port of ports) (await EchoFlow.open(port, READY_MS_MAX, () => network.evidence())).socket.destroy();
  });
});

describe.runIf(originalRouter)('a link of ours with two places, an original at each', () => {
  const network = new LiveNetwork();
  const backends: Listening[] = [];
  let port = 0;

  beforeAll(async () => {
    const ours = await network.router('ours');
    const places: number[] = [];
    for (const id of ['first', 'second']) {
      const original = await network.router(id, 'interior', 'original');
      const place = await unusedPort();
      places.push(place);
      const { certificates } = original;
      original.entities.push(...linkEntities({ role: 'accept', port: place, certificates }));
      const backend = await listen((socket) => socket.end(id));
      backends.push(backend);
      network.offer(original, 'who', backend.port);
    }
    const more = { endpoints: `${HOST}:${places[1]}` };
    ours.entities.push(...linkEntities({ role: 'dial', port: places[0]!, certificates: ours.certificates, more }));
    port = await network.publish(ours, 'who');
    await network.start();
  }, START_MS_MAX);
  afterAll(async () => {
    await network.stop();
    for (const each of backends) await each.close();
  });

  async function led(to: string): Promise<void> {
    const look = async () => {
      const socket = await connect(port).catch(() => undefined);
      const answer = socket && (await readAll(socket).catch(() => undefined));
      socket?.destroy();
      return String(answer) === to;
    };
    await eventually(() => `clients are led to ${to}\n${network.evidence()}`, look, READY_MS_MAX);
  }

  test('leads to the one that is there, and to the other when that is gone', async () => {
    await led('first');
    network.processes.kill('first');
    await led('second');
    await network.start('first');
    network.processes.kill('second');
    await led('first');
  });

  test('leaves one that has fallen silent when AMQP says so', async () => {
    await network.start('second');
    await led('first');
    network.processes.signal('first', 'SIGSTOP');
    await led('second');
    network.processes.signal('first', 'SIGCONT');
  });
});
