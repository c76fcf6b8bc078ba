/** Access policies at our routers while the others are originals: at the listener, at the connector, and with one in the middle. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { PolicySpec } from '../../lib/policy/types.ts';
import { eventually } from '../support/eventually.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { originalRouter } from '../support/original-router.ts';
import type { Kind } from '../support/router-process.ts';
import { connect, type Ending, echoServer, ending, type Listening, reset } from '../support/tcp.ts';
import { ask } from '../support/two-sites.ts';

const READY_MS_MAX = 60_000;
/** Connections: those of the link that there was, and of more tries. */
const REFUSED_COUNT = 6;
const NAME = 'ClusterAccessPolicy/closed';
const LINKS: PolicySpec = { rules: [{ action: 'Allow', operations: ['Link'] }] };
const NO_LINKS: PolicySpec = { rules: [{ action: 'Deny', operations: ['Link'] }] };
const DENY: PolicySpec = { services: [{ routingKeys: ['echo'] }], rules: [{ action: 'Deny' }] };

describe.runIf(originalRouter)('a policy beside originals', () => {
  let network: LiveNetwork;
  let echo: Listening;
  let routers: LiveRouter[] = [];
  let management: ManagementClient | undefined;

  afterEach(async () => {
    management?.close();
    await network.stop();
    await echo.close();
  });

  /** A line of routers: the first listens, the last has the backend. @returns the port of each address, `open` and `echo` */
  async function line(
    kinds: readonly Kind[],
    policyAt: number,
    spec: PolicySpec = DENY,
  ): Promise<{ echo: number; open: number }> {
    network = new LiveNetwork();
    echo = await echoServer();
    routers = [];
    for (const [at, kind] of kinds.entries()) routers.push(await network.router(`r${at}`, 'interior', kind));
    for (let at = 1; at < routers.length; at++) await network.link(routers[at - 1]!, routers[at]!);
    const ports = {
      echo: await network.publish(routers[0]!, 'echo'),
      open: await network.publish(routers[0]!, 'open'),
    };
    for (const address of ['echo', 'open']) network.offer(routers.at(-1)!, address, echo.port);
    routers[policyAt]!.entities.push(['accessPolicy', { name: NAME, spec: JSON.stringify(spec) }]);
    const amqpPort = await network.amqp(routers[policyAt]!);
    await network.start();
    management = await ManagementClient.connect(amqpPort);
    const served = async () => (await answerAt(ports.open)) === 'hello';
    await eventually(() => `the other service is reached\n${network.evidence()}`, served, READY_MS_MAX);
    await network.accepting(ports.echo);
    return ports;
  }

  async function answerAt(port: number): Promise<string> {
    try {
      return await ask(port, 'hello');
    } catch {
      return '';
    }
  }

  /** A client that has had an answer, and stays. */
  async function opened(port: number): Promise<Socket> {
    const socket = await connect(port);
    await echoed(socket);
    return socket;
  }

  async function echoed(socket: Socket): Promise<void> {
    const answer = once(socket, 'data');
    socket.write('x');
    await answer;
  }

  async function change(spec: PolicySpec): Promise<void> {
    const { status } = await management!.update('accessPolicy', NAME, { spec: JSON.stringify(spec) });
    expect(status).toBe(200);
  }

  async function refused(at: number, result: string): Promise<number> {
    return (await network.metrics(routers[at]!))(`skuprt_router_policy_results_total{result="${result}"}`);
  }

  test('tells the listener through an original in the middle which policy and why', async () => {
    const ports = await line(['ours', 'original', 'ours'], 2);
    expect(await answerAt(ports.echo)).toBe('');
    expect(await refused(2, 'refused')).toBeGreaterThan(0);
    const isTold = () => network.processes.logOf('r0').includes(`${NAME}, rule 0, denies this`);
    await eventually(() => `the listener's router says why\n${network.evidence()}`, isTold);
    expect(await refused(0, 'refused_elsewhere')).toBeGreaterThan(0);
    expect(await answerAt(ports.open)).toBe('hello');
  });

  test('keeps clients of an original from the backend', async () => {
    const ports = await line(['original', 'ours'], 1);
    expect(await answerAt(ports.echo)).toBe('');
    expect(await refused(1, 'refused')).toBeGreaterThan(0);
    expect(await answerAt(ports.open)).toBe('hello');
  });

  test('keeps clients from the backend of an original', async () => {
    const ports = await line(['ours', 'original'], 0);
    expect(await answerAt(ports.echo)).toBe('');
    expect(await refused(0, 'refused')).toBeGreaterThan(0);
    expect(await answerAt(ports.open)).toBe('hello');
  });

  // The original ends its clients with FIN.
  test.each<[string, Kind[], number, Ending]>([
    ['clients of an original', ['original', 'ours'], 1, 'fin'],
    ['clients whose backend is at an original', ['ours', 'original'], 0, 'reset'],
  ])('ends open connections of %s, and no others', async (_, kinds, at, expected) => {
    const ports = await line(kinds, at, { ...DENY, dryRun: true });
    const [closed, other] = [await opened(ports.echo), await opened(ports.open)];
    const ended = ending(closed);
    await change({ ...DENY, enforceExisting: true });
    expect(await ended).toBe(expected);
    closed.destroy();
    expect(await answerAt(ports.echo)).toBe('');
    await echoed(other);
    other.destroy();
  });

  test('counts clients of an original, who wait for one another', async () => {
    const limits = { concurrentConnections: 1, queue: { length: 5, seconds: 30 } };
    const ports = await line(['original', 'ours'], 1, { ...DENY, rules: [{ action: 'Limit', limits }] });
    const first = await opened(ports.echo);
    const second = answerAt(ports.echo);
    const counts = async () => (await management!.query('accessPolicy'))[0]!;
    await eventually('the second waits', async () => (await counts()).connectionsWaiting === 1);
    expect(await answerAt(ports.open)).toBe('hello');
    reset(first);
    expect(await second).toBe('hello');
  });

  test('keeps an original from linking, and lets it when it may', async () => {
    const ports = await line(['original', 'ours'], 1, LINKS);
    await change({ ...NO_LINKS, enforceExisting: true });
    await eventually(
      () => `it tries again, in vain\n${network.evidence()}`,
      () => network.processes.logOf('r1').split('connection refused').length > REFUSED_COUNT,
    );
    expect(await answerAt(ports.open)).toBe('');
    await change(LINKS);
    const served = async () => (await answerAt(ports.open)) === 'hello';
    await eventually(() => `it is let in\n${network.evidence()}`, served, READY_MS_MAX);
  });
});
