/** Routers that lie: each lie is limited, counted and logged, and the flows and links of others go on. */
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { amqp, type Typed } from '../../router/amqp/codec/value.ts';
import { composeMessage } from '../../router/amqp/message/compose.ts';
import { MAU_ADDRESS, RA_ADDRESS, routerAddress } from '../../router/mesh/destinations.ts';
import { eventually } from '../support/eventually.ts';
import { Liar } from '../support/liar.ts';
import { LiveNetwork, type LiveRouter } from '../support/live-network.ts';
import { ManagementClient } from '../support/management-client.ts';
import { RheaClient } from '../support/rhea-client.ts';
import { connect, echoServer, type Listening } from '../support/tcp.ts';

/** The router under attack may grow by so much while it is attacked. */
const GROWTH_BYTES_MAX = 400 * 1024 * 1024;

const network = new LiveNetwork();
const liars: Liar[] = [];
let east: LiveRouter;
let echo: Listening;
let routerPort = 0;
let edgePort = 0;
let clientPort = 0;
let servicePort = 0;

beforeAll(async () => {
  east = await network.router('east');
  const west = await network.router('west');
  await network.link(west, east);
  clientPort = await network.amqp(east);
  routerPort = await network.amqp(east, { role: 'inter-router' });
  edgePort = await network.amqp(east, { role: 'edge' });
  echo = await echoServer();
  network.offer(east, 'echo', echo.port);
  servicePort = await network.publish(west, 'echo');
  await network.start();
  await network.accepting(servicePort);
});
afterAll(async () => {
  await network.stop();
  await echo.close();
});

/** An open flow over the honest link lives through everything, and a new one is made after each lie. */
let flow: Awaited<ReturnType<typeof connect>>;
beforeAll(async () => {
  flow = await connect(servicePort);
});
afterAll(() => flow.destroy());
afterEach(async () => {
  for (const liar of liars.splice(0)) liar.destroy();
  await answers(flow);
  const fresh = await connect(servicePort);
  await answers(fresh);
  fresh.destroy();
  expect((await network.metrics(east))('skuprt_router_link_up'), network.processes.logOf('east')).toBeGreaterThan(0);
});

async function answers(socket: typeof flow): Promise<void> {
  socket.write('still here');
  expect(String((await once(socket, 'data'))[0])).toBe('still here');
}

/** Each in its own name: what is known of a router outlives its link for a while. */
let liarCount = 0;
async function neighbour(): Promise<Liar> {
  const id = `liar-${++liarCount}`;
  const liar = await Liar.neighbour(routerPort, id, 'east');
  liars.push(liar);
  await eventually(`${id} is a neighbour`, async () => (await nodes()).includes(id));
  return liar;
}

async function nodes(): Promise<unknown[]> {
  const management = await ManagementClient.connect(clientPort);
  const rows = await management.query('router.node');
  management.close();
  // What is known of the links of a router is kept for a minute, and the router with it.
  return rows.filter(({ id, cost }) => id === 'east' || (cost !== null && cost !== 0)).map(({ id }) => id);
}

async function addressCount(): Promise<number> {
  return (await network.metrics(east))('qdr_addresses_total');
}

async function residentBytes(): Promise<number> {
  return (await network.metrics(east))('qdr_router_rss_bytes');
}

/** Does something forbidden, and waits until it is counted under its kind and stands in the log. */
async function isCounted(fault: string, lie: () => void): Promise<void> {
  const name = `skuprt_router_peer_faults_total{fault="${fault}"}`;
  const before = (await network.metrics(east))(name);
  lie();
  await eventually(
    () => `${fault} is counted\n${network.processes.logOf('east').slice(-2000)}`,
    async () => (await network.metrics(east))(name) > before,
  );
  const told = (): boolean => network.processes.logOf('east').includes(`"fault":"${fault}"`);
  await eventually(`${fault} stands in the log`, told);
  const management = await ManagementClient.connect(clientPort);
  const { body } = await management.ask('GET-LOG', {}, {});
  management.close();
  expect(JSON.stringify(body)).toContain('a peer breaks the rules');
}

function controlMessage(opcode: string, body: Typed, to = 'amqp:/_topo/0/east/qdrouter'): Buffer {
  const applicationProperties = amqp.map([[amqp.string('opcode'), amqp.string(opcode)]]);
  return composeMessage({ header: { durable: false }, properties: { to }, applicationProperties, body });
}

function text(entries: Record<string, Typed>): Typed {
  return amqp.map(Object.entries(entries).map(([key, value]) => [amqp.string(key), value]));
}

const addresses = (from: number, count: number): { key: string; treatment: number }[] =>
  Array.from({ length: count }, (_, at) => ({ key: `Mlie-${from + at}`, treatment: 3 }));

describe('control messages', () => {
  test.each<[string, string, () => Buffer]>([
    ['of wrong types', 'malformed', () => controlMessage('RA', text({ id: amqp.long(1), ls_seq: amqp.string('x') }))],
    ['whose body is a list', 'malformed', () => controlMessage('LSU', amqp.list([amqp.null()]))],
    ['without an address', 'malformed', () => composeMessage({ body: amqp.null() })],
    ['that are no messages', 'malformed', () => Buffer.from('these are no sections')],
    [
      'with huge maps',
      'malformed',
      () => controlMessage('RA', amqp.map(Array.from({ length: 50_000 }, (_, at) => [amqp.int(at), amqp.int(at)]))),
    ],
    ['of unknown opcodes', 'unknown-opcode', () => controlMessage('XYZ', text({ id: amqp.string('liar') }))],
    [
      'of a later version',
      'incompatible',
      () => controlMessage('LSR', text({ id: amqp.string('liar'), pv: amqp.int(99) })),
    ],
    [
      'in the name of this router',
      'own-id',
      () =>
        controlMessage(
          'RA',
          text({
            id: amqp.string('east'),
            instance: amqp.int(5),
            ls_seq: amqp.int(1),
            mobile_seq: amqp.int(1),
          }),
        ),
    ],
  ])('%s are passed over', async (_, fault, message) => {
    const liar = await neighbour();
    await isCounted(fault, () => {
      for (let times = 0; times < 20; times++) liar.say(message());
      liar.flush();
    });
    expect(liar.closed).toBe(false);
  });

  test('that speak for another router are neither heeded nor passed on', async () => {
    const liar = await neighbour();
    await isCounted('impersonation', () => {
      liar.tell({ opcode: 'HELLO', id: 'west', version: 1, instance: 9, seen: ['east'] }, 'amqp:/_local/qdhello');
      liar.tell({ opcode: 'RA', id: 'west', version: 1, instance: 9, lsSeq: 9999, mobileSeq: 0 }, RA_ADDRESS);
      liar.tell({ opcode: 'MAU', id: 'west', version: 2, mobileSeq: 9999, exist: [] }, MAU_ADDRESS);
      liar.flush();
    });
    await answers(flow);
  });

  test('that have gone in a circle are dropped', async () => {
    const liar = await neighbour();
    const own = `0/${liar.id}`;
    const trace = [own, '0/x', own];
    await isCounted('loop', () => {
      const claim = { opcode: 'RA', id: liar.id, version: 1, instance: 1, lsSeq: 2, mobileSeq: 0 } as const;
      liar.tell(claim, RA_ADDRESS, { flags: 0, ingress: own, trace });
      liar.flush();
    });
  });

  test('whose sequences go back and forth lead nowhere', async () => {
    const liar = await neighbour();
    for (let round = 0; round < 200; round++) {
      const lsSeq = round % 2 === 0 ? 1_000_000 : 1;
      const common = { id: liar.id, version: 1, instance: 1 } as const;
      liar.tell({ opcode: 'RA', ...common, lsSeq, mobileSeq: lsSeq }, RA_ADDRESS);
      const peers = new Map([['east', 1]]);
      liar.tell({ opcode: 'LSU', ...common, lsSeq, peers }, routerAddress('east', 'qdrouter'));
      liar.tell({ opcode: 'MAU', id: liar.id, version: 2, mobileSeq: lsSeq, exist: addresses(0, 10) }, MAU_ADDRESS);
    }
    liar.flush();
    await eventually('the last is heard', async () => (await addressCount()) > 0);
    expect(liar.closed).toBe(false);
  });

  test('in a flood wait at their sender', async () => {
    const liar = await neighbour();
    await isCounted('control-flood', () => {
      for (let count = 0; count < 20_000; count++) {
        liar.tell({ opcode: 'HELLO', id: liar.id, version: 1, instance: 1, seen: ['east'] }, 'amqp:/_local/qdhello');
      }
      liar.flush();
    });
    expect(liar.waitingCount).toBeGreaterThan(10_000);
    for (let pings = 0; pings < 20; pings++) await answers(flow);
  });

  test('that never end close their connection', async () => {
    const liar = await neighbour();
    const before = await residentBytes();
    const session = liar.begin();
    const terminus = { capabilities: ['qd.router'] };
    session.attachSender({ name: 'more', source: terminus, target: terminus });
    liar.say(Buffer.alloc(64 * 1024 * 1024));
    liar.flush();
    await eventually('it is closed', () => liar.closed);
    expect(liar.closedFor).toBe('amqp:link:message-size-exceeded');
    expect((await residentBytes()) - before).toBeLessThan(GROWTH_BYTES_MAX);
  });
});

describe('claims', () => {
  test('of a million addresses are taken up to the limit, and forgotten with the liar', async () => {
    const before = { addresses: await addressCount(), bytes: await residentBytes() };
    const liar = await neighbour();
    const perMessage = 2000;
    await isCounted('addresses', () => {
      for (let seq = 1; seq <= 1_000_000 / perMessage; seq++) {
        const add = addresses(seq * perMessage, perMessage);
        liar.tell({ opcode: 'MAU', id: liar.id, version: 2, mobileSeq: seq, add, del: [] }, MAU_ADDRESS);
      }
      liar.flush();
    });
    await eventually('the limit is reached', async () => (await addressCount()) >= 65_536, 60_000);
    expect(await addressCount()).toBeLessThan(before.addresses + 70_000);
    expect((await residentBytes()) - before.bytes).toBeLessThan(GROWTH_BYTES_MAX);
    await answers(flow);
    liar.destroy();
    await eventually('all are forgotten', async () => (await addressCount()) < before.addresses + 100, 60_000);
  });

  test('of more routers than there can be leave the others in', async () => {
    const liar = await neighbour();
    await isCounted('routers', () => {
      for (let count = 0; count < 500; count++) {
        const id = `ghost-${count}`;
        const annotations = { flags: 0, ingress: `0/${id}`, trace: [`0/${id}`, `0/${liar.id}`] };
        liar.tell({ opcode: 'RA', id, version: 1, instance: 1, lsSeq: 1, mobileSeq: 1 }, RA_ADDRESS, annotations);
      }
      liar.flush();
    });
    expect(await nodes()).toContain('west');
  });

  test('of an address that is not there let its flows go where it is', async () => {
    const liar = await neighbour();
    liar.tell({ opcode: 'RA', id: liar.id, version: 1, instance: 1, lsSeq: 1, mobileSeq: 1 }, RA_ADDRESS);
    const peers = new Map([['east', 1]]);
    liar.tell(
      { opcode: 'LSU', id: liar.id, version: 1, instance: 1, lsSeq: 1, peers },
      routerAddress('east', 'qdrouter'),
    );
    const exist = [{ key: 'Mecho', treatment: 3 }];
    liar.tell({ opcode: 'MAU', id: liar.id, version: 2, mobileSeq: 1, exist }, MAU_ADDRESS);
    liar.flush();
    for (let count = 0; count < 10; count++) {
      const socket = await connect(servicePort);
      await answers(socket);
      socket.destroy();
    }
  });
});

test('messages that have passed more routers than there are, or cannot be read, are given back and counted', async () => {
  const liar = await neighbour();
  const terminus = { capabilities: ['qd.router-data'] };
  const link = liar.begin().attachSender({ name: 'data', source: terminus, target: terminus });
  liar.flush();
  await eventually('it may send', () => link.credit > 0);
  const trace = Array.from({ length: 1000 }, (_, at) => `0/r${at}`);
  const annotations = { flags: 0, ingress: `0/${liar.id}`, trace };
  await isCounted('annotations', () => {
    liar.post(link, composeMessage({ annotations, properties: { to: 'echo' } }));
    liar.post(link, Buffer.from('0080534b50522d2d5241a1037879', 'hex'));
    liar.flush();
  });
  expect(liar.closed).toBe(false);
});

describe('links', () => {
  test('without end close their connection', async () => {
    const before = await residentBytes();
    const liar = await Liar.connect(clientPort, 'many');
    liars.push(liar);
    for (let sessions = 0; sessions < 4 && !liar.closed; sessions++) {
      const session = liar.begin();
      for (let count = 0; count < 40_000; count++) {
        session.attachSender({ name: `${sessions} ${count}`, source: {}, target: {} });
      }
      liar.flush();
    }
    await eventually('it is closed', () => liar.closed, 60_000);
    expect(liar.closedFor).toBe('amqp:resource-limit-exceeded');
    expect((await residentBytes()) - before).toBeLessThan(GROWTH_BYTES_MAX);
  });

  test('of an edge router consume nothing that is for another', async () => {
    const liar = await Liar.connect(edgePort, 'thief');
    liars.push(liar);
    const session = liar.begin();
    await isCounted('address-not-owned', () => {
      for (const address of ['_edge/other/x', '_topo/0/east/$management', '_local/x', '_topo/0/all/qdrouter']) {
        session.attachReceiver({ name: address, source: { address }, target: {}, credit: 10 });
      }
      liar.flush();
    });
    const management = await ManagementClient.connect(clientPort);
    const keys = (await management.query('router.address')).map(({ key }) => key);
    management.close();
    expect(keys).not.toContain('Hother');
  });

  test('of an edge router that says nonsense about its mesh are counted', async () => {
    const liar = await Liar.connect(edgePort, 'odd');
    liars.push(liar);
    const link = liar.begin().attachSender({ name: 'mesh', source: {}, target: { address: '_$qd.mesh_discovery' } });
    await isCounted('edge-message', () => {
      const odd = amqp.map([[amqp.symbol('meshid'), amqp.string('too long for the id of a mesh')]]);
      liar.post(link, composeMessage({ applicationProperties: odd }));
      liar.flush();
    });
  });
});

test('a client that lied a thousand times leaves nothing behind', async () => {
  const client = await RheaClient.connect(clientPort);
  client.close();
  let left = '';
  await eventually(
    () => `only the honest link is left, but ${left}`,
    async () => {
      const flows = (await network.metrics(east))('skuprt_router_flows_open');
      const others = (await nodes()).filter((id) => id !== 'east' && id !== 'west');
      left = `${flows} flows, ${others.length} routers: ${others.slice(0, 5)}`;
      return flows === 1 && others.length === 0;
    },
  );
});
