/** What networks of both kinds do when something goes wrong in them: links cut, routers killed, receivers that stop. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { connect, ending, receivePattern, sendPattern } from '../support/tcp.ts';
import { Network, READY_MS_MAX, START_MS_MAX, type Through, WAYS, type Way } from './network.ts';
import { wrongNodes } from './nodes.ts';
import { BULK_BYTES, STILL_BYTES } from './services.ts';
import { all, alternating, line, ring, runnable, type Topology } from './topology.ts';

/** A silent transport is given up after 16 s; a killed process ends its connections at once. */
const ENDED_MS_MAX = 30_000;
const ECHO_MS_MAX = 5000;

function useNetwork(topology: Topology, through: Through): () => Network {
  let network: Network | undefined;
  beforeAll(async () => {
    network = await Network.start(topology, through);
  }, START_MS_MAX);
  afterAll(async () => await network?.stop());
  beforeEach(() => {
    onTestFailed(() => {
      process.stderr.write(`${network?.evidence()}\n`);
    });
  });
  return () => network as Network;
}

/** A connection that has carried something both ways; false when none could be had in time. */
async function echoed(network: Network, way: Way): Promise<Socket | false> {
  const socket = await connect(network.entry('echo', way)).catch(() => undefined);
  if (socket === undefined) return false;
  socket.on('error', () => {});
  socket.write('hello');
  const answered = await Promise.race([
    once(socket, 'data').then(
      () => true,
      () => false,
    ),
    once(socket, 'close').then(() => false),
    once(socket, 'end').then(() => false),
    sleep(ECHO_MS_MAX, false, { ref: false }),
  ]);
  if (!answered) socket.destroy();
  return answered && socket;
}

async function flow(network: Network, way: Way): Promise<Socket> {
  const what = () => `a flow ${way}\n${network.evidence()}`;
  return await eventually(what, async () => await echoed(network, way), READY_MS_MAX);
}

async function agreed(network: Network, topology = network.topology): Promise<void> {
  let faults: string[] = [];
  const look = async (): Promise<boolean> => {
    faults = await wrongNodes(network, topology);
    return faults.length === 0;
  };
  await eventually(() => `all agree: ${faults.join('; ')}`, look, READY_MS_MAX);
}

const RINGS: readonly Topology[] = [
  { title: 'of ours', kinds: all('ours', 4), links: ring(4), security: 'plain' },
  { title: 'of ours and the original in turn', kinds: alternating('ours', 4), links: ring(4), security: 'ecdsa' },
  { title: 'of the original and ours in turn', kinds: alternating('original', 4), links: ring(4), security: 'plain' },
  { title: 'with one of ours', kinds: ['original', 'ours', 'original', 'original'], links: ring(4), security: 'plain' },
];

describe.each(runnable(RINGS))('a ring of four $title', (topology) => {
  const network = useNetwork({ ...topology, ends: [0, 3] }, 'relays');
  /** From the last to the first; the other way leads over all. */
  const direct = ring(4).length - 1;

  const outlive = topology.kinds[0] === 'ours' && topology.kinds[direct] === 'ours';
  const what = outlive ? 'leaves its flows, whose ends are ours, another way' : 'ends its flows at both ends';

  test(`a link that is cut ${what}, and new ones go the other way`, async () => {
    const [net, relay] = [network(), network().relays[direct]!];
    await agreed(net);
    const flows = await Promise.all(WAYS.map((way) => flow(net, way)));
    relay.cut();
    if (outlive) {
      for (const socket of flows) expect(await answersOrEnds(socket)).toBe('answers');
      for (const socket of flows) socket.destroy();
    } else {
      const endings = Promise.all(flows.map((socket) => ending(socket)));
      await Promise.race([endings, rejectedAfter(ENDED_MS_MAX, 'the flows on the link have not ended')]);
    }
    const around = await Promise.all(WAYS.map((way) => flow(net, way)));
    await agreed(net, { ...topology, links: topology.links.filter((_, at) => at !== direct) });
    relay.mend();
    await agreed(net);
    for (const socket of around) {
      socket.write('still here');
      expect(String((await once(socket, 'data'))[0])).toBe('still here');
      socket.destroy();
    }
    for (const way of WAYS) (await flow(net, way)).destroy();
  });
});

/** Two ways of one cost between the ends. */
const DIAMONDS: readonly Topology[] = [
  { title: 'of ours', kinds: all('ours', 4), links: ring(4), security: 'plain' },
  { title: 'with ends of ours', kinds: alternating('ours', 4), links: ring(4), security: 'plain' },
  { title: 'with ours in between', kinds: alternating('original', 4), links: ring(4), security: 'ecdsa' },
  {
    title: 'with one of ours in between',
    kinds: ['original', 'ours', 'original', 'original'],
    links: ring(4),
    security: 'plain',
  },
];

describe.each(runnable(DIAMONDS))('two ways of one cost $title', (topology) => {
  const network = useNetwork({ ...topology, ends: [0, 2] }, 'nothing');

  test('flows go on over one while the routers of the other go and come back', async () => {
    const net = network();
    await agreed(net);
    for (const killed of [1, 3]) {
      const flows = await Promise.all(WAYS.flatMap((way) => Array.from({ length: 10 }, () => flow(net, way))));
      await net.kill(killed);
      await net.accepting(net.entry('echo', 'forward'), 'the service');
      // Those that led over the other way are whole, those over the killed router end.
      const alive = await Promise.all(flows.map((socket) => answersOrEnds(socket)));
      expect(alive.every((outcome) => outcome !== 'neither')).toBe(true);
      for (const way of WAYS) (await flow(net, way)).destroy();
      for (const socket of flows) socket.destroy();
      net.startRouter(killed);
      await agreed(net);
    }
  });
});

async function answersOrEnds(socket: Socket): Promise<'answers' | 'ends' | 'neither'> {
  if (socket.destroyed || socket.readableEnded) return 'ends';
  const ended = ending(socket).then(() => 'ends' as const);
  const answered = once(socket, 'data').then(
    () => 'answers' as const,
    () => 'ends' as const,
  );
  socket.write('are you there');
  return await Promise.race([answered, ended, sleep(ENDED_MS_MAX, 'neither' as const, { ref: false })]);
}

async function rejectedAfter(ms: number, message: string): Promise<never> {
  await sleep(ms, undefined, { ref: false });
  throw new Error(message);
}

/** What Skupper gives its links. */
const SESSION_FRAMES = 640;
const STALLED_MAX = 30;
/** Two of the original alone bear no more than some ten on a session; our part is that ours bears any number. */
const STILL_MAX = 100;

const STALLING: readonly Topology[] = [
  { title: 'a line of ours', kinds: all('ours', 3), links: line(3), security: 'ecdsa' },
  { title: 'ours between originals', kinds: alternating('original', 3), links: line(3), security: 'plain' },
  { title: 'an original between ours', kinds: alternating('ours', 3), links: line(3), security: 'plain' },
  { title: 'we dial the original', kinds: ['ours', 'original'], links: line(2), security: 'plain' },
  { title: 'the original dials us', kinds: ['original', 'ours'], links: line(2), security: 'plain' },
  {
    title: 'we dial the original, without data connections',
    kinds: ['ours', 'original'],
    links: line(2),
    security: 'plain',
    dataConnectionCount: 0,
  },
];

describe.each(runnable(STALLING))('$title', (topology) => {
  const network = useNetwork({ ...topology, maxSessionFrames: SESSION_FRAMES }, 'nothing');

  test.each(WAYS)(`${STALLED_MAX} receivers that stop at both ends stop nobody else, %s`, async (way) => {
    const net = network();
    const stalled = await Promise.all(Array.from({ length: STALLED_MAX }, () => connect(net.entry('flood', way))));
    const endedCount = { ended: 0 };
    for (const socket of stalled) {
      socket.pause();
      socket.on('error', () => {});
      socket.on('close', () => endedCount.ended++);
      void sendPattern(socket);
    }
    await quiet(() => stalled.reduce((bytes, socket) => bytes + socket.bytesWritten, 0));
    const socket = await connect(net.entry('bulk', way));
    const [byteCount] = await Promise.all([receivePattern(socket, BULK_BYTES + 1), sendPattern(socket, BULK_BYTES)]);
    expect(byteCount).toBe(BULK_BYTES + 1);
    socket.destroy();
    (await flow(net, way)).destroy();
    expect(endedCount.ended).toBe(0);
    for (const each of stalled) each.destroy();
  });

  const [first, last] = [topology.kinds[0], topology.kinds.at(-1)];
  const isOriginalLast = first === 'original' || last === 'original';
  const stillCount = isOriginalLast ? STILL_MAX : STALLED_MAX;
  // Where there are originals at the ends, the stopped sockets are theirs: they are what fills the windows of sessions.
  const cases = WAYS.flatMap((way) => {
    const [entry, exit] = way === 'forward' ? [first, last] : [last, first];
    return [
      { way, service: 'still', who: 'servers', stopped: exit } as const,
      { way, service: 'source', who: 'clients', stopped: entry } as const,
    ];
  }).filter(({ stopped }) => !isOriginalLast || stopped === 'original');

  test.each(cases)(`${stillCount} $who that stop stop nobody else and go on later, $way`, async ({ way, service }) => {
    const net = network();
    const sockets = await Promise.all(Array.from({ length: stillCount }, () => connect(net.entry(service, way))));
    const taken = sockets.map((socket) => (service === 'still' ? answered(socket) : Promise.resolve()));
    for (const socket of sockets) {
      if (service === 'still') void sendPattern(socket, STILL_BYTES);
      else socket.pause();
    }
    await quiet(() => sockets.reduce((bytes, socket) => bytes + socket.bytesWritten, net.workloads.sourceBytes));
    const moving = await connect(net.entry('bulk', way));
    const [byteCount] = await Promise.all([receivePattern(moving, BULK_BYTES + 1), sendPattern(moving, BULK_BYTES)]);
    expect(byteCount).toBe(BULK_BYTES + 1);
    moving.destroy();
    for (let count = 0; count < 10; count++) (await flow(net, way)).destroy();
    net.workloads.goOn();
    await Promise.all(taken);
    if (service === 'source') {
      const counts = await Promise.all(sockets.map((socket) => receivePattern(socket, STILL_BYTES)));
      expect(new Set(counts)).toEqual(new Set([STILL_BYTES]));
    }
    const endings = sockets.map((socket) => ending(socket));
    for (const socket of sockets) socket.end();
    expect(new Set(await Promise.all(endings))).toEqual(new Set(['fin']));
  });
});

/** The server says that it has all, each byte in its place. */
async function answered(socket: Socket): Promise<void> {
  expect(String((await once(socket, 'data'))[0])).toBe('.');
}

/** Waits until a sum stays as it is. */
async function quiet(sum: () => number): Promise<void> {
  let before = -1;
  const look = async (): Promise<boolean> => {
    before = sum();
    for (let count = 0; count < 10; count++) {
      await sleep(100);
      if (sum() !== before) return false;
    }
    return true;
  };
  await eventually('nothing more is taken from those that stopped', look, READY_MS_MAX);
}
