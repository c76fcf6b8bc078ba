/** Edge routers and their interior routers on this machine: a service of each at all others, and clients at each. */
import { eventually } from '../support/eventually.ts';
import { originalRouter } from '../support/original-router.ts';
import { Relay } from '../support/relay.ts';
import { RheaClient } from '../support/rhea-client.ts';
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

export interface EdgePlan {
  readonly title: string;
  /** Each dials the next; `i0`, `i1` and so on. */
  readonly interiors: readonly Kind[];
  /** `e0`, `e1` and so on, each with its interior routers, the one to be used first first. */
  readonly edges: readonly { readonly kind: Kind; readonly at: readonly number[] }[];
  /** The edge routers are joined among themselves: each dials all after it, or all others. */
  readonly joined?: 'once' | 'twice';
}

export function runnable(plans: readonly EdgePlan[]): EdgePlan[] {
  const kinds = ({ interiors, edges }: EdgePlan): Kind[] => [...interiors, ...edges.map(({ kind }) => kind)];
  return plans.filter((plan) => originalRouter !== undefined || !kinds(plan).includes('original'));
}

/** The original dials again after five seconds, and after a killed peer's second life takes as long again. */
export const BACK_MS = 30_000;

export class EdgeNetwork {
  readonly ids: string[] = [];
  readonly edges: string[] = [];
  /** `e0 i1`: what stands between the two. */
  readonly relays = new Map<string, Relay>();
  readonly routers = new RouterProcesses();
  private readonly kinds = new Map<string, Kind>();
  private readonly configs = new Map<string, string>();
  private readonly amqpPorts = new Map<string, number>();
  /** `from to`: where `from` listens for the service of `to`. */
  private readonly entries = new Map<string, number>();
  private readonly clients: RheaClient[] = [];
  private backend!: Listening;

  static async start(plan: EdgePlan): Promise<EdgeNetwork> {
    const network = new EdgeNetwork();
    network.backend = await echoServer();
    const entities = new Map<string, Entity[]>();
    for (const [at, kind] of plan.interiors.entries()) network.add(`i${at}`, kind, entities);
    for (const [at, { kind }] of plan.edges.entries()) network.add(`e${at}`, kind, entities);
    network.edges.push(...plan.edges.map((_, at) => `e${at}`));
    await network.link(plan, entities);
    await network.serve(entities);
    for (const id of network.ids) {
      const mode = network.edges.includes(id) ? 'edge' : 'interior';
      network.configs.set(id, routerConfig(id, entities.get(id) ?? [], mode));
      network.run(id);
    }
    return network;
  }

  run(id: string): void {
    this.routers.startWith(this.kinds.get(id)!, id, this.configs.get(id)!);
  }

  async kill(id: string): Promise<void> {
    this.routers.kill(id);
    await this.routers.ended(id);
  }

  relay(from: string, to: string): Relay {
    return this.relays.get(`${from} ${to}`)!;
  }

  /** Octets of a client at `from` come back from the service of `to`. */
  async crosses(from: string, to: string): Promise<boolean> {
    const socket = await connect(this.entries.get(`${from} ${to}`)!).catch(() => undefined);
    if (socket === undefined) return false;
    const sent = Buffer.alloc(100_000, `${from} ${to} `);
    const pieces: Buffer[] = [];
    const over = new Promise<void>((resolve) => {
      socket.on('error', () => resolve());
      socket.on('close', () => resolve());
      socket.on('end', () => resolve());
      setTimeout(resolve, 3000);
      let count = 0;
      socket.on('data', (piece: Buffer) => {
        pieces.push(piece);
        count += piece.length;
        if (count === sent.length) resolve();
      });
    });
    socket.write(sent);
    await over;
    socket.destroy();
    return Buffer.concat(pieces).equals(sent);
  }

  async listens(from: string, to: string): Promise<boolean> {
    const socket = await connect(this.entries.get(`${from} ${to}`)!).catch(() => undefined);
    socket?.destroy();
    return socket !== undefined;
  }

  async allCross(pairs: readonly (readonly [string, string])[]): Promise<void> {
    for (const [from, to] of pairs) {
      await eventually(
        () => `${from} reaches the service of ${to}\n${this.evidence()}`,
        () => this.crosses(from, to),
        BACK_MS,
      );
    }
  }

  /** All ordered pairs. */
  pairs(): [string, string][] {
    return this.ids.flatMap((from) => this.ids.filter((to) => to !== from).map((to): [string, string] => [from, to]));
  }

  port(id: string): number {
    return this.amqpPorts.get(id)!;
  }

  async client(id: string): Promise<RheaClient> {
    const client = await eventually(`${id} takes clients`, () =>
      RheaClient.connect(this.port(id)).catch(() => undefined),
    );
    this.clients.push(client);
    return client;
  }

  evidence(): string {
    return this.ids.map((id) => `--- ${id}\n${this.routers.logOf(id).slice(-2000)}`).join('\n');
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.close();
    await this.routers.stop();
    await Promise.all([...this.relays.values()].map((relay) => relay.close()));
    await this.backend.close();
  }

  private add(id: string, kind: Kind, entities: Map<string, Entity[]>): void {
    this.ids.push(id);
    this.kinds.set(id, kind);
    entities.set(id, [['address', { name: 'mc', prefix: 'mc', distribution: 'multicast' }]]);
  }

  private async link(plan: EdgePlan, entities: Map<string, Entity[]>): Promise<void> {
    const join = async (dials: string, accepts: string, role: string): Promise<void> => {
      const port = await unusedPort();
      const relay = await Relay.to(port);
      this.relays.set(`${dials} ${accepts}`, relay);
      entities.get(accepts)!.push(...linkEntities({ role: 'accept', port, more: { role } }));
      entities.get(dials)!.push(...linkEntities({ role: 'dial', port: relay.port, more: { role } }));
    };
    for (let at = 0; at + 1 < plan.interiors.length; at++) await join(`i${at}`, `i${at + 1}`, 'inter-router');
    for (const [index, { at }] of plan.edges.entries()) {
      for (const interior of at) await join(`e${index}`, `i${interior}`, 'edge');
      for (const other of plan.edges.keys()) {
        const isWanted = other > index ? plan.joined !== undefined : other < index && plan.joined === 'twice';
        if (isWanted) await join(`e${index}`, `e${other}`, 'inter-edge');
      }
    }
  }

  private async serve(entities: Map<string, Entity[]>): Promise<void> {
    for (const id of this.ids) {
      const port = await unusedPort();
      this.amqpPorts.set(id, port);
      const mine = entities.get(id)!;
      mine.push(['listener', { name: 'amqp', host: '127.0.0.1', port, saslMechanisms: 'ANONYMOUS' }]);
      mine.push(tcpConnectorEntity(`service-${id}`, this.backend.port));
      for (const other of this.ids) {
        if (other === id) continue;
        const entry = await unusedPort();
        this.entries.set(`${id} ${other}`, entry);
        mine.push(tcpListenerEntity(`service-${other}`, entry));
      }
    }
  }
}
