/**
 * A chain of routers with a listener for AMQP clients on each, in the places that a test asks for. Each dials the one before it.
 * Messages enter at one end and leave at the other, both ways round, or all at one router where there is one only.
 */
import { eventually } from '../support/eventually.ts';
import { originalRouter } from '../support/original-router.ts';
import { RheaClient } from '../support/rhea-client.ts';
import { type Entity, type Kind, linkEntities, RouterProcesses, routerConfig } from '../support/router-process.ts';
import { connect, unusedPort } from '../support/tcp.ts';

/** Who sits where, first to last; an edge router dials its neighbour. */
export interface Places {
  readonly name: string;
  readonly kinds: readonly Kind[];
  /** Indexes of the edge routers. */
  readonly edges?: readonly number[];
}

const OURS: readonly Places[] = [
  { name: 'one of ours', kinds: ['ours'] },
  { name: 'three of ours', kinds: ['ours', 'ours', 'ours'] },
  { name: 'edge - interior - edge, all ours', kinds: ['ours', 'ours', 'ours'], edges: [0, 2] },
];

const MIXED: readonly Places[] = [
  { name: 'original - ours', kinds: ['original', 'ours'] },
  { name: 'ours - original', kinds: ['ours', 'original'] },
  { name: 'original - ours - original', kinds: ['original', 'ours', 'original'] },
  { name: 'ours - original - ours', kinds: ['ours', 'original', 'ours'] },
  { name: 'edge of ours - original - ours', kinds: ['ours', 'original', 'ours'], edges: [0] },
  { name: 'edge of the original - ours - original', kinds: ['original', 'ours', 'original'], edges: [0] },
];

/** What a test says of the original itself; set to see that a test is fair. */
const CONTROL: readonly Places[] = [
  { name: 'one original', kinds: ['original'] },
  { name: 'three originals', kinds: ['original', 'original', 'original'] },
];

/** All of ours always, mixed ones where there is an original. */
export const PLACES: readonly Places[] = [
  ...OURS,
  ...(originalRouter === undefined ? [] : MIXED),
  ...(originalRouter !== undefined && process.env.WITH_CONTROL !== undefined ? CONTROL : []),
];

/** Ends of the chain at which messages enter and leave. */
export interface Way {
  readonly from: number;
  readonly to: number;
}

const READY_MS_MAX = 60_000;
const ADDRESSES: readonly Entity[] = [
  ['address', { name: 'mc', prefix: 'mc', distribution: 'multicast' }],
  ['address', { name: 'near', prefix: 'near', distribution: 'closest' }],
  ['address', { name: 'news', pattern: 'org/*/news/#', distribution: 'multicast' }],
  ['address', { name: 'nobody', prefix: 'closed', distribution: 'unavailable' }],
  ['address', { name: 'urgent', prefix: 'urgent', distribution: 'balanced', priority: 9 }],
];

export class MessagingNetwork {
  readonly places: Places;
  readonly ids: readonly string[];
  readonly ports: number[] = [];
  readonly routers = new RouterProcesses();
  private readonly clients: RheaClient[] = [];

  private constructor(places: Places) {
    this.places = places;
    this.ids = places.kinds.map((kind, at) => `${kind}-${at}`);
  }

  /** @param more further entities for each router */
  static async start(places: Places, more: readonly Entity[] = []): Promise<MessagingNetwork> {
    const network = new MessagingNetwork(places);
    const { kinds, edges = [] } = places;
    const entities: Entity[][] = kinds.map(() => [...ADDRESSES, ...more]);
    for (const own of entities) {
      const port = await unusedPort();
      network.ports.push(port);
      own.push(['listener', { name: 'amqp', host: '127.0.0.1', port, saslMechanisms: 'ANONYMOUS' }]);
    }
    for (let at = 1; at < kinds.length; at++) {
      const port = await unusedPort();
      const [dialling, accepting] = edges.includes(at - 1) ? [at - 1, at] : [at, at - 1];
      const role: Entity[1] = edges.includes(dialling) ? { role: 'edge' } : {};
      entities[accepting]!.push(...linkEntities({ role: 'accept', port, more: role }));
      entities[dialling]!.push(...linkEntities({ role: 'dial', port, more: role }));
    }
    kinds.forEach((kind, at) => {
      const mode = edges.includes(at) ? 'edge' : 'interior';
      network.routers.startWith(kind, network.ids[at]!, routerConfig(network.ids[at]!, entities[at]!, mode));
    });
    await network.ready();
    return network;
  }

  get last(): number {
    return this.ids.length - 1;
  }

  /** Both ways round; one where there is one router. */
  get ways(): readonly Way[] {
    return this.last === 0
      ? [{ from: 0, to: 0 }]
      : [
          { from: 0, to: this.last },
          { from: this.last, to: 0 },
        ];
  }

  /** A client of the router at that place; `stop` and `disconnect` end it. */
  async client(at: number): Promise<RheaClient> {
    const client = await RheaClient.connect(this.ports[at]!);
    this.clients.push(client);
    return client;
  }

  /** Ends all clients there are. */
  disconnect(): void {
    for (const client of this.clients.splice(0)) client.close();
  }

  /** What the routers have said, for a failure's message. */
  evidence(): string {
    return this.ids.map((id) => `--- ${id}\n${this.routers.logOf(id).split('\n').slice(-40).join('\n')}`).join('\n');
  }

  async stop(): Promise<void> {
    this.disconnect();
    await this.routers.stop();
  }

  /** Every router takes clients, and a message crosses from each end to the other. */
  private async ready(): Promise<void> {
    try {
      for (const at of this.ids.keys()) {
        await eventually(`${this.ids[at]} takes clients`, () => accepts(this.ports[at]!), READY_MS_MAX);
      }
      for (const { from, to } of this.ways) {
        const address = `ready-${from}-${to}`;
        await (await this.client(to)).receiver({ source: address });
        // It has credit once the address is known there.
        const sender = await (await this.client(from)).sender(address);
        await eventually(
          'a message crosses',
          async () => (await sender.send({ body: 0 })) === 'accepted',
          READY_MS_MAX,
        );
      }
    } catch (error) {
      const evidence = this.evidence();
      await this.stop();
      throw new Error(evidence, { cause: error });
    }
    this.disconnect();
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
