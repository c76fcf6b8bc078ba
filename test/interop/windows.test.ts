/**
 * How much of a flow is under way: between two of ours with an original in between the ends find each other and agree on it, and
 * where one end is an original it is what it always was.
 */
import { connect as connectSocket, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { FLOW_REPORT_BYTES, FLOW_WINDOW_BYTES } from '../../router/core/limits.ts';
import { eventually } from '../support/eventually.ts';
import { FrameCapture } from '../support/frame-capture.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { originalRouter } from '../support/original-router.ts';
import { type Kind, linkEntities } from '../support/router-process.ts';
import { connect, type Listening, listen, receivePattern, sendPattern, unusedPort } from '../support/tcp.ts';
import { READY_MS_MAX } from './network.ts';

const BULK_BYTES = 64 * 1024 * 1024;
/** Octets of one more read of a socket. */
const READ_BYTES = 256 * 1024;
const DELAY_MS = 40;
const READ = 'skuprt_router_flow_octets_total{direction="in"}';
const RECEIVED = /^\S+ c\d+ (\S\S) .*received\[(\d+) (\d+)\]/;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Passes on each octet so much later, in both directions. */
async function delayed(targetPort: number, delayMs: number): Promise<number> {
  const relay = await listen((socket) => {
    const target = connectSocket({ host: '127.0.0.1', port: targetPort, noDelay: true });
    for (const [from, to] of [
      [socket, target],
      [target, socket],
    ] as const) {
      from.on('data', (chunk: Buffer) => void setTimeout(() => to.write(chunk), delayMs));
      from.on('error', () => {});
      from.on('close', () => to.destroy());
    }
  });
  closers.push(() => relay.close());
  return relay.port;
}

interface Line {
  readonly network: LiveNetwork;
  readonly captures: FrameCapture[];
  readonly port: number;
  metric(place: number, name: string): Promise<number>;
  /** `received` states on all links in a direction: octets and what is said beside. */
  received(): { direction: string; section: number; offset: number }[];
}

/** Each dials the next; the client is at the first, the backend at the last. */
async function line(kinds: readonly Kind[], backend: Listening, delayMs = 0): Promise<Line> {
  closers.push(() => backend.close());
  const network = new LiveNetwork();
  closers.push(() => network.stop());
  const routers: LiveRouter[] = [];
  for (const [at, kind] of kinds.entries()) routers.push(await network.router(`r${at}`, 'interior', kind));
  const captures: FrameCapture[] = [];
  for (const [at, router] of routers.slice(1).entries()) {
    const port = await unusedPort();
    const capture = await FrameCapture.start(at === 0 && delayMs > 0 ? await delayed(port, delayMs) : port);
    captures.push(capture);
    closers.push(() => capture.close());
    router.entities.push(...linkEntities({ role: 'accept', port }));
    routers[at]!.entities.push(...linkEntities({ role: 'dial', port: capture.port }));
  }
  const port = await network.publish(routers[0]!, 'service');
  network.offer(routers.at(-1)!, 'service', backend.port);
  await network.start();
  await network.accepting(port, true, READY_MS_MAX);
  return {
    network,
    captures,
    port,
    metric: async (place, name) => (await network.metrics(routers[place]!))(name),
    received: () =>
      captures.flatMap(({ lines }) =>
        lines.flatMap((text) => {
          const [, direction, section, offset] = RECEIVED.exec(text) ?? [];
          return direction === undefined ? [] : [{ direction, section: Number(section), offset: Number(offset) }];
        }),
      ),
  };
}

async function client(port: number): Promise<Socket> {
  const socket = await connect(port);
  socket.on('error', () => {});
  closers.push(() => socket.destroy());
  return socket;
}

/** Says `.` when all has come. */
const taking = () =>
  listen((socket) => {
    receivePattern(socket, BULK_BYTES).then(
      () => socket.end('.'),
      () => socket.destroy(),
    );
  });

/** Takes no more than the first octets, and sends without end from then on: whoever only looks whether the port is open gets nothing. */
const stuck = () =>
  listen((socket) => {
    socket.once('data', () => {
      socket.pause();
      void sendPattern(socket);
    });
  });

describe.runIf(originalRouter)('with an original between two of ours', () => {
  test('the ends find each other, reports say what there is room for, and windows grow with the distance', async () => {
    const net = await line(['ours', 'original', 'ours'], await taking(), DELAY_MS);
    const socket = await client(net.port);
    const answered = new Promise((resolve) => socket.once('data', resolve));
    await sendPattern(socket, BULK_BYTES);
    expect(String(await answered)).toBe('.');
    const reports = net.received().filter(({ direction, offset }) => direction === '<<' && offset > FLOW_WINDOW_BYTES);
    expect(reports.length).toBeGreaterThan(2);
    expect(reports.every(({ section }) => section > 0)).toBe(true);
    expect(await net.metric(0, 'skuprt_router_flow_memory_peak_bytes')).toBeGreaterThan(2 * FLOW_WINDOW_BYTES);
    await eventually('nothing is held', async () => (await net.metric(0, 'skuprt_router_flow_memory_bytes')) === 0);
  });
});

const PAIRS: readonly (readonly Kind[])[] = [
  ['ours', 'original'],
  ['original', 'ours'],
  ['ours', 'ours', 'original'],
  ['original', 'ours', 'ours'],
];

describe.runIf(originalRouter).each(PAIRS.map((kinds) => ({ kinds })))(
  'from $kinds.0 to the end of $kinds',
  ({ kinds }) => {
    const place = kinds[0] === 'ours' ? 0 : kinds.length - 1;

    test('what is under way to an end that stops is the window of the original', async () => {
      const net = await line(kinds, await stuck());
      const socket = await client(net.port);
      socket.pause();
      void sendPattern(socket);
      let before = -1;
      const isStill = async () => {
        const now = await net.metric(place, READ);
        const isSame = now === before && now >= FLOW_WINDOW_BYTES;
        before = now;
        await new Promise((resolve) => setTimeout(resolve, 1000));
        return isSame;
      };
      await eventually('nothing more is read', isStill, 40_000);
      const direction = place === 0 ? '<<' : '>>';
      const reported = net.received().filter((report) => report.direction === direction);
      const acknowledged = Math.max(0, ...reported.map(({ offset }) => offset));
      expect(before - acknowledged).toBeLessThanOrEqual(FLOW_WINDOW_BYTES + READ_BYTES);
      expect(before - acknowledged).toBeGreaterThan(FLOW_WINDOW_BYTES - READ_BYTES);
      expect(net.received().filter(({ section }) => section !== 0)).toEqual([]);
    });

    test('reports come after the same octets as ever, and say no more', async () => {
      const net = await line(kinds, await taking());
      const socket = await client(net.port);
      const answered = new Promise((resolve) => socket.once('data', resolve));
      await sendPattern(socket, BULK_BYTES);
      expect(String(await answered)).toBe('.');
      expect(net.received().filter(({ section }) => section !== 0)).toEqual([]);
      const reports = net.received().filter(({ direction }) => direction === '<<');
      expect(reports.length).toBeGreaterThan(0);
      if (place > 0) expect(reports.length).toBeLessThanOrEqual((net.captures.length * BULK_BYTES) / FLOW_REPORT_BYTES);
    });
  },
);
