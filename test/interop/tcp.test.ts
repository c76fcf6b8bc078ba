/** TCP through networks mixed of our routers and the original: what a client sees is what it would see of the server. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from 'vitest';
import { makeCertificates } from '../support/certificates.ts';
import { originalRouter } from '../support/original-router.ts';
import { patternAt } from '../support/pattern.ts';
import type { Kind } from '../support/router-process.ts';
import { connect, ending, readAll, receivePattern, reset, sendPattern } from '../support/tcp.ts';
import { Network, WAYS } from './network.ts';
import { BULK_BYTES, COUNT_BYTES, LATE_BYTES } from './services.ts';

interface Topology {
  readonly title: string;
  /** Each dials the next. */
  readonly kinds: readonly Kind[];
  readonly tls: boolean;
  /** Indexes of edge routers. */
  readonly edges?: readonly number[];
}

const TOPOLOGIES: readonly Topology[] = [
  { title: 'we dial the original, plain', kinds: ['ours', 'original'], tls: false },
  { title: 'we accept the original, plain', kinds: ['original', 'ours'], tls: false },
  { title: 'we dial the original, mutual TLS and EXTERNAL', kinds: ['ours', 'original'], tls: true },
  { title: 'we accept the original, mutual TLS and EXTERNAL', kinds: ['original', 'ours'], tls: true },
  { title: 'we are transit between two originals', kinds: ['original', 'ours', 'original'], tls: true },
  { title: 'the original is transit between two of ours', kinds: ['ours', 'original', 'ours'], tls: true },
  { title: 'our edge at the original', kinds: ['ours', 'original'], tls: false, edges: [0] },
  { title: "the original's edge at ours", kinds: ['original', 'ours'], tls: false, edges: [0] },
  {
    title: "our edge and the original's at the original",
    kinds: ['ours', 'original', 'original'],
    tls: true,
    edges: [0, 2],
  },
  { title: "our edge and the original's at ours", kinds: ['ours', 'ours', 'original'], tls: true, edges: [0, 2] },
  { title: "two of the original's edges at ours", kinds: ['original', 'ours', 'original'], tls: false, edges: [0, 2] },
  {
    title: "our edge at the original, linked to ours with the original's edge",
    kinds: ['ours', 'original', 'ours', 'original'],
    tls: true,
    edges: [0, 3],
  },
];

const MANY_FLOWS = 50;
const MANY_BYTES = 10_000;

describe.runIf(originalRouter).each(TOPOLOGIES)('$title', ({ kinds, tls, edges }) => {
  let directory: string;
  let network: Network;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'skuprt-interop-'));
    network = await Network.start(kinds, tls ? makeCertificates(directory) : undefined, edges);
  });
  afterAll(async () => {
    await network?.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(() => {
    onTestFailed(() => {
      process.stderr.write(`${network.evidence()}\n`);
    });
  });

  describe.each(WAYS)('%s', (way) => {
    test('64 MiB go both ways at once, each byte in its place', async () => {
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
