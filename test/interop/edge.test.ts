/** Edge routers, ours and the original's, whose interior router goes away and whose services come and go. */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { originalRouter } from '../support/original-router.ts';
import {
  type Entity,
  type Kind,
  linkEntities,
  RouterProcesses,
  routerConfig,
  tcpConnectorEntity,
  tcpListenerEntity,
} from '../support/router-process.ts';
import { connect, echoServer, type Listening, unusedPort } from '../support/tcp.ts';

interface Pair {
  readonly edge: Kind;
  readonly interior: Kind;
}

const PAIRS: readonly Pair[] = [
  { edge: 'ours', interior: 'original' },
  { edge: 'original', interior: 'ours' },
  { edge: 'ours', interior: 'ours' },
];
/** The original dials again after five seconds, and after a killed peer's second life takes as long again. */
const BACK_MS = 15_000;
/** Programs start slowly on a machine that is busy; what routers then take is bounded by `BACK_MS`. */
const STARTED_MS_MAX = 60_000;
const ANSWER_MS_MAX = 5000;
/** A test may start each program several times. */
const TEST_MS_MAX = 240_000;

describe.runIf(originalRouter).each(PAIRS)(
  'edge $edge, interior $interior',
  ({ edge, interior }) => {
    const routers = new RouterProcesses();
    const interiors: { config: string; port: number }[] = [];
    let backend: Listening;
    /** Entries to one service: at the edge to an interior's backend, and the other way round. */
    const entries: number[] = [];

    beforeAll(async () => {
      backend = await echoServer();
      const ports = [await unusedPort(), await unusedPort()];
      const meshPort = await unusedPort();
      const edgeEntities: Entity[] = ports.flatMap((port) =>
        linkEntities({ role: 'dial', port, more: { role: 'edge' } }),
      );
      const both: Entity[][] = ports.map((port) => linkEntities({ role: 'accept', port, more: { role: 'edge' } }));
      both[0]!.push(...linkEntities({ role: 'accept', port: meshPort }));
      both[1]!.push(...linkEntities({ role: 'dial', port: meshPort }));
      entries.push(await unusedPort(), await unusedPort());
      edgeEntities.push(tcpListenerEntity('inside', entries[0]!), tcpConnectorEntity('outside', backend.port));
      // On the second interior router, so that the first may go without the service.
      both[1]!.push(tcpConnectorEntity('inside', backend.port), tcpListenerEntity('outside', entries[1]!));
      routers.startWith(edge, 'edge', routerConfig('edge', edgeEntities, 'edge'));
      both.forEach((entities, index) => {
        interiors.push({ config: routerConfig(`interior-${index}`, entities), port: ports[index]! });
      });
      await Promise.all([start(0), start(1)]);
      await bothCross(STARTED_MS_MAX);
    }, TEST_MS_MAX);
    afterAll(async () => {
      await routers.stop();
      await backend.close();
    });

    /** Until it listens. */
    async function start(index: number): Promise<void> {
      const id = `interior-${index}`;
      const { config, port } = interiors[index]!;
      routers.startWith(interior, id, config);
      await eventually(
        () => logs(`${id} listens`),
        () => accepts(port),
        STARTED_MS_MAX,
      );
    }

    async function accepts(port: number): Promise<boolean> {
      const socket = await connect(port).catch(() => undefined);
      socket?.destroy();
      return socket !== undefined;
    }

    async function crosses(entry: number): Promise<boolean> {
      const socket = await connect(entry).catch(() => undefined);
      if (socket === undefined) return false;
      const over = new Promise<false>((resolve) => {
        socket.on('error', () => resolve(false));
        socket.on('close', () => resolve(false));
        setTimeout(() => resolve(false), ANSWER_MS_MAX);
      });
      socket.write('hello');
      const answer = await Promise.race([once(socket, 'data').catch(() => false), over]);
      socket.destroy();
      return answer !== false;
    }

    async function bothCross(withinMs = BACK_MS): Promise<void> {
      for (const entry of entries) {
        await eventually(
          () => logs(`entry ${entries.indexOf(entry)} works`),
          () => crosses(entry),
          withinMs,
        );
      }
    }

    function logs(what: string): string {
      const all = ['edge', 'interior-0', 'interior-1'].map((id) => `--- ${id}\n${routers.logOf(id).slice(-3000)}`);
      return [what, ...all].join('\n');
    }

    test('connections cross both ways', () => bothCross());

    test('without the router in use the other one takes its place, whichever it is', async () => {
      for (const index of [0, 1, 0]) {
        const id = `interior-${index}`;
        routers.kill(id);
        await routers.ended(id);
        if (index === 0) await bothCross();
        await start(index);
        await bothCross();
      }
    });

    test('a service that goes closes its listener, and opens it when it is back', async () => {
      routers.kill('interior-1');
      await eventually('the edge closes', async () => !(await accepts(entries[0]!)), BACK_MS);
      await start(1);
      await bothCross();
    });
  },
  TEST_MS_MAX,
);
