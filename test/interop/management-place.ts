/** Three routers in the same places, whatever their kinds: two interior ones and an edge router, with an entity of each type. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from '../support/authority.ts';
import { eventually } from '../support/eventually.ts';
import { ManagementClient } from '../support/management-client.ts';
import { type Entity, type Kind, RouterProcesses } from '../support/router-process.ts';
import { connect, unusedPort } from '../support/tcp.ts';

export const PLACES = ['A', 'B', 'E'] as const;
export type Place = (typeof PLACES)[number];

const READY_MS = 40_000;
const HOST = '127.0.0.1';

export class ManagedNetwork {
  /** Of the listeners for ordinary clients. */
  readonly ports: Readonly<Record<Place, number>>;
  private readonly processes = new RouterProcesses();
  private readonly directory = mkdtempSync(join(tmpdir(), 'skuprt-managed-'));

  private constructor(ports: Readonly<Record<Place, number>>) {
    this.ports = ports;
  }

  /** @param kinds of A and B, which are interior and linked, and of E, an edge router at A */
  static async start(kinds: readonly [Kind, Kind, Kind]): Promise<ManagedNetwork> {
    const ports = { A: await unusedPort(), B: await unusedPort(), E: await unusedPort() };
    const network = new ManagedNetwork(ports);
    const configs = await network.configs();
    PLACES.forEach((place, at) => {
      network.processes.startWith(kinds[at]!, place, JSON.stringify(configs[place]));
    });
    try {
      await network.ready();
    } catch (error) {
      const logs = PLACES.map((place) => `--- ${place}\n${network.processes.logOf(place).slice(-4000)}`);
      await network.stop();
      throw new Error(`${String(error)}\n${logs.join('\n')}`);
    }
    return network;
  }

  async stop(): Promise<void> {
    await this.processes.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async configs(): Promise<Record<Place, Entity[]>> {
    const [interRouter, edge, http, tcp, multi] = await Promise.all([1, 2, 3, 4, 5].map(() => unusedPort()));
    const { caFile, certFile, keyFile } = new Authority('test CA').write(this.directory, 'A');
    const amqp = (place: Place): Entity => ['listener', { name: 'amqp', host: HOST, port: this.ports[place] }];
    return {
      A: [
        ['router', { id: 'A', mode: 'interior', metadata: 'place A' }],
        ['sslProfile', { name: 'tls', caCertFile: caFile, certFile, privateKeyFile: keyFile, ordinal: 1 }],
        ['proxyProfile', { name: 'proxy', host: HOST, port: 1 }],
        ['site', { name: 'site', location: 'here', platform: 'test', namespace: 'ns' }],
        ['address', { prefix: 'multicast', distribution: 'multicast' }],
        ['address', { name: 'first', pattern: 'close/#', distribution: 'closest', priority: 5 }],
        amqp('A'),
        ['listener', { name: 'routers', host: HOST, port: interRouter!, role: 'inter-router', cost: 2 }],
        ['listener', { name: 'edges', host: HOST, port: edge!, role: 'edge' }],
        ['listener', { name: 'http', host: HOST, port: http!, http: true }],
        ['tcpListener', { name: 'tcp', host: HOST, port: tcp!, address: 'echo' }],
        ['tcpListener', { name: 'multi', host: HOST, port: multi!, multiAddressStrategy: 'priority' }],
        ['listenerAddress', { name: 'address', address: 'echo', value: 5, listener: 'multi' }],
      ],
      B: [
        ['router', { id: 'B', mode: 'interior' }],
        amqp('B'),
        ['connector', { name: 'to-A', host: HOST, port: interRouter!, role: 'inter-router' }],
        ['tcpConnector', { name: 'echo', host: HOST, port: 1, address: 'echo', processId: 'p' }],
      ],
      E: [
        ['router', { id: 'E', mode: 'edge' }],
        amqp('E'),
        ['connector', { name: 'to-A', host: HOST, port: edge!, role: 'edge' }],
      ],
    };
  }

  /** A and B see each other, E has its uplink, and the address of B is known at A. */
  private async ready(): Promise<void> {
    const seen = async (place: Place, has: (client: ManagementClient) => Promise<boolean>) => {
      await eventually(`${place} listens`, () => accepts(this.ports[place]), READY_MS);
      const client = await ManagementClient.connect(this.ports[place]);
      await eventually(`${place} is ready`, () => has(client), READY_MS).finally(() => client.close());
    };
    const full = (type: string) => `io.skupper.router.${type}`;
    await seen('A', async (client) => {
      const nodes = await client.query(full('router.node'));
      const keys = (await client.query(full('router.address'))).map(({ key }) => key);
      return nodes.length === 2 && keys.includes('Mecho') && keys.includes('HE');
    });
    await seen('B', async (client) => {
      const addresses = await client.query(full('router.address'));
      return addresses.some(({ key, remoteCount }) => key === 'HE' && remoteCount === 1);
    });
    await seen('E', async (client) => {
      return (await client.query(full('connection'))).some(({ role, opened }) => role === 'edge' && opened === true);
    });
  }
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await connect(port)).destroy();
    return true;
  } catch {
    return false;
  }
}
