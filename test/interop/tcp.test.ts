/**
 * TCP through networks of our routers, and of ours mixed with the original: what a client sees is what it would see of the
 * server. Networks of ours alone are tested everywhere, mixed ones where there is an original.
 */
import { once } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from 'vitest';
import { patternAt } from '../support/pattern.ts';
import { connect, ending, readAll, receivePattern, reset, sendPattern } from '../support/tcp.ts';
import { Network, START_MS_MAX, WAYS } from './network.ts';
import { BULK_BYTES, COUNT_BYTES, LATE_BYTES } from './services.ts';
import { all, alternating, fullMesh, line, ring, runnable, type Topology } from './topology.ts';

const OURS: readonly Topology[] = [
  {
    title: 'a pair, without data connections',
    kinds: all('ours', 2),
    links: line(2),
    security: 'plain',
    dataConnectionCount: 0,
  },
  { title: 'a line of three', kinds: all('ours', 3), links: line(3), security: 'ecdsa' },
  { title: 'a mesh of four', kinds: all('ours', 4), links: fullMesh(4), security: 'rsa', dataConnectionCount: 4 },
];

const ROLES = [
  { role: 'we dial the original', kinds: ['ours', 'original'] },
  { role: 'we accept the original', kinds: ['original', 'ours'] },
] as const;

const PAIRS: readonly Topology[] = ROLES.flatMap(({ role, kinds }) => [
  { title: `${role}, plain`, kinds, links: line(2), security: 'plain' },
  { title: `${role}, mutual TLS and EXTERNAL, ECDSA`, kinds, links: line(2), security: 'ecdsa' },
  { title: `${role}, mutual TLS and EXTERNAL, RSA`, kinds, links: line(2), security: 'rsa' },
  ...[0, 1, 2, 4].map(
    (count): Topology => ({
      title: `${role}, ${count} data connections each`,
      kinds,
      links: line(2),
      security: count % 2 === 0 ? 'plain' : 'ecdsa',
      dataConnectionCount: count,
    }),
  ),
]);

const LINES: readonly Topology[] = [
  {
    title: 'we are transit between two originals',
    kinds: alternating('original', 3),
    links: line(3),
    security: 'ecdsa',
  },
  {
    title: 'the original is transit between two of ours',
    kinds: alternating('ours', 3),
    links: line(3),
    security: 'rsa',
  },
  { title: 'the original is last in a line', kinds: ['ours', 'ours', 'original'], links: line(3), security: 'ecdsa' },
  { title: 'we are last in a line', kinds: ['original', 'original', 'ours'], links: line(3), security: 'plain' },
  {
    title: 'ours and the original in a line of five',
    kinds: alternating('original', 5),
    links: line(5),
    security: 'plain',
  },
];

const MESHES: readonly Topology[] = [
  { title: 'a ring of four', kinds: alternating('ours', 4), links: ring(4), security: 'ecdsa' },
  { title: 'a full mesh of five', kinds: alternating('original', 5), links: fullMesh(5), security: 'ecdsa' },
  { title: 'a full mesh of eight', kinds: alternating('ours', 8), links: fullMesh(8), security: 'rsa' },
];

const EDGES: readonly Topology[] = [
  { title: 'our edge at the original', kinds: ['ours', 'original'], links: line(2), security: 'plain', edges: [0] },
  { title: "the original's edge at ours", kinds: ['original', 'ours'], links: line(2), security: 'plain', edges: [0] },
  {
    title: "our edge and the original's at the original",
    kinds: ['ours', 'original', 'original'],
    links: line(3),
    security: 'ecdsa',
    edges: [0, 2],
  },
  {
    title: "our edge and the original's at ours",
    kinds: ['ours', 'ours', 'original'],
    links: line(3),
    security: 'ecdsa',
    edges: [0, 2],
  },
  {
    title: "two of the original's edges at ours",
    kinds: alternating('original', 3),
    links: line(3),
    security: 'plain',
    edges: [0, 2],
  },
  {
    title: "our edge at the original, linked to ours with the original's edge",
    kinds: alternating('ours', 4),
    links: line(4),
    security: 'ecdsa',
    edges: [0, 3],
  },
];

const MIB = 1024 * 1024;
const MANY_FLOWS = 200;
const MANY_BYTES = 10_000;
const EAGER_FLOWS = 8;

describe.each(runnable([...OURS, ...PAIRS, ...LINES, ...MESHES, ...EDGES]))('$title', (topology) => {
  let network: Network;

  beforeAll(async () => {
    const isMixed = topology.kinds.includes('original');
    network = await Network.start(topology, isMixed && topology.kinds.length < 4 ? 'captures' : 'nothing');
  }, START_MS_MAX);
  afterAll(async () => await network?.stop());
  beforeEach(() => {
    onTestFailed(() => {
      process.stderr.write(`${network.evidence()}\n`);
    });
  });

  describe.each(WAYS)('%s', (way) => {
    test(`${BULK_BYTES / MIB} MiB go both ways at once, each byte in its place`, async () => {
      const socket = await connect(network.entry('bulk', way));
      const [byteCount] = await Promise.all([receivePattern(socket, BULK_BYTES + 1), sendPattern(socket, BULK_BYTES)]);
      expect(byteCount).toBe(BULK_BYTES + 1);
      socket.end();
      expect(await ending(socket)).toBe('fin');
    });

    test("the client's FIN reaches the server, whose answer still comes", async () => {
      const socket = await connect(network.entry('count', way));
      socket.write(patternAt(0, COUNT_BYTES));
      await once(socket, 'data');
      socket.end();
      expect((await readAll(socket)).toString()).toBe(String(COUNT_BYTES));
    });

    test("the server's FIN reaches the client, who can still send", async () => {
      const server = network.workloads.nextLate();
      const socket = await connect(network.entry('late', way));
      expect((await readAll(socket)).toString()).toBe('bye');
      await sendPattern(socket, LATE_BYTES);
      await server.taken;
      socket.end();
      expect(await server.ended).toBe(0);
    });

    test('a refusing server ends the client without a byte', async () => {
      // The reset may come before this process has seen the connection established.
      const socket = await connect(network.entry('refused', way)).catch(() => undefined);
      let byteCount = 0;
      socket?.on('data', (chunk: Buffer) => {
        byteCount += chunk.length;
      });
      if (socket !== undefined) await ending(socket);
      socket?.destroy();
      expect(byteCount).toBe(0);
    });

    test('many flows at once do not mix', async () => {
      const flow = async (index: number): Promise<void> => {
        const socket = await connect(network.entry('echo', way));
        const sent = patternAt(index * MANY_BYTES, MANY_BYTES);
        socket.write(sent);
        let received = Buffer.alloc(0);
        while (received.length < sent.length) received = Buffer.concat([received, (await once(socket, 'data'))[0]]);
        socket.end();
        await ending(socket);
        expect(received.equals(sent)).toBe(true);
      };
      await Promise.all(Array.from({ length: MANY_FLOWS }, (_, index) => flow(index)));
    });

    // An original loses octets where it has the client, and stands still where its neighbour is another (wire reference 15).
    const entry = way === 'forward' ? topology.kinds[0] : topology.kinds.at(-1);
    const isOurs = entry === 'ours' && (topology.kinds.length === 2 || !topology.kinds.includes('original'));

    test.runIf(isOurs)('many at once that write both ways from the first moment do not stand still', async () => {
      const begin = async (): Promise<number> => {
        const socket = await connect(network.entry('bulk', way));
        void sendPattern(socket, MIB);
        const byteCount = await receivePattern(socket, MIB);
        socket.destroy();
        return byteCount;
      };
      for (const byteCount of await Promise.all(Array.from({ length: EAGER_FLOWS }, begin)))
        expect(byteCount).toBeGreaterThanOrEqual(MIB);
    });

    test('a client that resets harms nobody else', async () => {
      const other = await connect(network.entry('echo', way));
      const socket = await connect(network.entry('echo', way));
      socket.write('x');
      await once(socket, 'data');
      reset(socket);
      other.write('y');
      expect(String((await once(other, 'data'))[0])).toBe('y');
      other.destroy();
    });
  });
});
