/** A chain of routers on this machine, each dialling the next, with every service reachable from end to end both ways. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Certificates } from '../support/certificates.ts';
import { FrameCapture } from '../support/frame-capture.ts';
import {
  type Entity,
  type Kind,
  linkEntities,
  RouterProcesses,
  routerConfig,
  tcpConnectorEntity,
  tcpListenerEntity,
} from '../support/router-process.ts';
import { connect, unusedPort } from '../support/tcp.ts';
import { SERVICES, type Service, Workloads } from './services.ts';

const READY_MS_MAX = 30_000;
const POLL_MS = 50;
const EVIDENCE_LINES = 120;

/** `forward`: the first router has the listener and the last the connector. */
export const WAYS = ['forward', 'backward'] as const;
export type Way = (typeof WAYS)[number];

export class Network {
  readonly workloads: Workloads;
  private readonly routers = new RouterProcesses();
  private readonly captures: FrameCapture[] = [];
  private readonly entries = new Map<string, number>();
  private readonly ids: string[] = [];

  private constructor(workloads: Workloads) {
    this.workloads = workloads;
  }

  /**
   * Starts the chain and waits until every service can be reached. Plain links are captured.
   * @param edges indexes of edge routers, which dial their neighbour whichever side it is on
   */
  static async start(
    kinds: readonly Kind[],
    certificates?: Certificates,
    edges: readonly number[] = [],
  ): Promise<Network> {
    const network = new Network(await Workloads.start());
    const entities: Entity[][] = kinds.map(() => []);
    for (let index = 0; index + 1 < kinds.length; index++) {
      const port = await unusedPort();
      const isEdge = edges.includes(index) || edges.includes(index + 1);
      const more: Entity[1] = isEdge ? { role: 'edge' } : {};
      const [dialling, accepting] = edges.includes(index + 1) ? [index + 1, index] : [index, index + 1];
      entities[accepting]?.push(...linkEntities({ role: 'accept', port, certificates, more }));
      const dialPort = certificates === undefined ? await network.capture(port) : port;
      entities[dialling]?.push(...linkEntities({ role: 'dial', port: dialPort, certificates, more }));
    }
    await network.addServices(entities[0] ?? [], entities.at(-1) ?? []);
    kinds.forEach((kind, index) => {
      const id = `${kind}-${index}`;
      network.ids.push(id);
      const mode = edges.includes(index) ? 'edge' : 'interior';
      network.routers.startWith(kind, id, routerConfig(id, entities[index] ?? [], mode));
    });
    await network.ready();
    return network;
  }

  entry(service: Service, way: Way): number {
    return this.entries.get(`${service}-${way}`) ?? 0;
  }

  /** What the routers said and the last frames on the links. */
  evidence(): string {
    const logs = this.ids.map((id) => `--- ${id}\n${lastLines(this.routers.logOf(id).split('\n'))}`);
    const frames = this.captures.map(({ lines }, index) => `--- frames of link ${index}\n${lastLines(lines)}`);
    return [...logs, ...frames].join('\n');
  }

  async stop(): Promise<void> {
    await this.routers.stop();
    await Promise.all(this.captures.map((capture) => capture.close()));
    await this.workloads.close();
  }

  private async capture(targetPort: number): Promise<number> {
    const capture = await FrameCapture.start(targetPort);
    this.captures.push(capture);
    return capture.port;
  }

  private async addServices(first: Entity[], last: Entity[]): Promise<void> {
    for (const service of SERVICES) {
      for (const way of WAYS) {
        const address = `${service}-${way}`;
        const entryPort = await unusedPort();
        const [entry, exit] = way === 'forward' ? [first, last] : [last, first];
        entry.push(tcpListenerEntity(address, entryPort));
        exit.push(tcpConnectorEntity(address, this.workloads.ports[service]));
        this.entries.set(address, entryPort);
      }
    }
  }

  /** A tcpListener listens once a connector for its address is known. */
  private async ready(): Promise<void> {
    const deadlineMs = performance.now() + READY_MS_MAX;
    for (const [address, port] of this.entries) {
      while (!(await accepts(port))) {
        if (performance.now() > deadlineMs) {
          const message = `${address} cannot be reached\n${this.evidence()}`;
          await this.stop();
          throw new Error(message);
        }
        await sleep(POLL_MS);
      }
    }
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

function lastLines(lines: readonly string[]): string {
  return lines.slice(-EVIDENCE_LINES).join('\n');
}
