/**
 * The routers of a topology as processes on this machine, with every service reachable from its first place at its last
 * and the other way round, a listener for AMQP clients at each place, and links that can be cut.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { FrameCapture } from '../support/frame-capture.ts';
import { ManagementClient } from '../support/management-client.ts';
import { Relay } from '../support/relay.ts';
import { RheaClient } from '../support/rhea-client.ts';
import {
  type Entity,
  linkEntities,
  RouterProcesses,
  tcpConnectorEntity,
  tcpListenerEntity,
} from '../support/router-process.ts';
import { connect, unusedPort } from '../support/tcp.ts';
import { SERVICES, type Service, Workloads } from './services.ts';
import type { LinkPlan, Topology } from './topology.ts';

/** Two originals may take 7 s to link and 4 s more to tell of their addresses; the machine may be busy. */
export const READY_MS_MAX = 60_000;
export const START_MS_MAX = READY_MS_MAX + 20_000;
const POLL_MS = 50;
const EVIDENCE_LINES = 120;
/** Routers speak about themselves by the first session, every second. */
const CONTROL_FRAME = / ch0 (transfer|flow|disposition)\[/;

/** `forward`: the listener is at the first of the topology's ends and the connector at the last. */
export const WAYS = ['forward', 'backward'] as const;
export type Way = (typeof WAYS)[number];

/** What the links lead through: captures tell of the frames when a test fails, relays can be cut. */
export type Through = 'captures' | 'relays' | 'nothing';

export class Network {
  readonly workloads: Workloads;
  readonly topology: Topology;
  /** One for each link, in the order of the topology, if its links lead through relays. */
  readonly relays: Relay[] = [];
  readonly routers = new RouterProcesses();
  /** The connector of each link, in the order of the topology. */
  readonly connectors: Entity[] = [];
  private readonly directory = mkdtempSync(join(tmpdir(), 'skuprt-interop-'));
  private readonly entities: Entity[][];
  private readonly captures: FrameCapture[] = [];
  private readonly entries = new Map<string, number>();
  private readonly amqpPorts: number[] = [];
  private readonly clients: { close(): void }[] = [];

  private constructor(topology: Topology, workloads: Workloads) {
    this.topology = topology;
    this.workloads = workloads;
    this.entities = topology.kinds.map(() => []);
  }

  /** Starts the routers and waits until every service can be reached. */
  static async start(topology: Topology, through: Through = 'nothing'): Promise<Network> {
    const network = new Network(topology, await Workloads.start());
    try {
      await network.configure(through);
      topology.kinds.forEach((_, at) => void network.startRouter(at));
      await network.ready();
    } catch (error) {
      const evidence = network.evidence();
      await network.stop();
      throw new Error(`${(error as Error).message}\n${evidence}`);
    }
    return network;
  }

  entry(service: Service, way: Way): number {
    return this.entries.get(`${service}-${way}`) ?? 0;
  }

  idOf(place: number): string {
    return `r${place}`;
  }

  /** Further entities of a place, read when it starts the next time. */
  add(place: number, ...entities: Entity[]): void {
    this.entities[place]?.push(...entities);
  }

  startRouter(place: number): void {
    const { kinds, edges = [], dataConnectionCount } = this.topology;
    const mode = edges.includes(place) ? 'edge' : 'interior';
    const attributes = { id: this.idOf(place), mode };
    const count = String(dataConnectionCount);
    const router = dataConnectionCount === undefined ? attributes : { ...attributes, dataConnectionCount: count };
    const text = JSON.stringify([['router', router], ...(this.entities[place] ?? [])], undefined, 2);
    this.routers.startWith(kinds[place] ?? 'ours', this.idOf(place), text);
  }

  /** Ends the process without a word to anybody, and waits until it is gone. */
  async kill(place: number): Promise<void> {
    this.routers.kill(this.idOf(place));
    await this.routers.ended(this.idOf(place));
  }

  /** An AMQP client of the router at a place, closed with the network. */
  async client(place: number): Promise<RheaClient> {
    const client = await RheaClient.connect(await this.amqpPort(place));
    this.clients.push(client);
    return client;
  }

  async management(place: number): Promise<ManagementClient> {
    const client = await ManagementClient.connect(await this.amqpPort(place));
    this.clients.push(client);
    return client;
  }

  /** Waits until a connection to the port is accepted. */
  async accepting(port: number, what: string): Promise<void> {
    await eventually(
      () => `${what} can be reached\n${this.evidence()}`,
      () => accepts(port),
      READY_MS_MAX,
    );
  }

  /** What the routers said and the last frames on the links. */
  evidence(): string {
    const { kinds } = this.topology;
    const logs = kinds.map((kind, at) => `--- ${kind} ${this.idOf(at)}\n${lastLines(this.logOf(at).split('\n'))}`);
    const ofStreams = (lines: readonly string[]): string[] => lines.filter((each) => !CONTROL_FRAME.test(each));
    const frames = this.captures.map(
      ({ lines }, index) => `--- frames of link ${index}\n${lastLines(ofStreams(lines))}`,
    );
    return [...logs, ...frames].join('\n');
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.close();
    await this.routers.stop();
    await Promise.all([...this.captures, ...this.relays].map((each) => each.close()));
    await this.workloads.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async configure(through: Through): Promise<void> {
    const { kinds, links, security } = this.topology;
    const certificates = security === 'plain' ? undefined : makeCertificates(this.directory, security);
    for (const link of links) await this.addLink(link, through, certificates);
    for (let place = 0; place < kinds.length; place++) await this.addClients(place);
    const [first, last] = this.topology.ends ?? [0, kinds.length - 1];
    await this.addServices(first, last);
  }

  private async addLink(link: LinkPlan, through: Through, certificates: Certificates | undefined): Promise<void> {
    const { edges = [], maxSessionFrames } = this.topology;
    const isEdge = edges.includes(link.dials) || edges.includes(link.accepts);
    const [dials, accepts] = edges.includes(link.accepts) ? [link.accepts, link.dials] : [link.dials, link.accepts];
    const more: Record<string, string | number> = {};
    if (isEdge) more.role = 'edge';
    if (maxSessionFrames !== undefined) more.maxSessionFrames = maxSessionFrames;
    const { dialCost = 1, acceptCost = 1 } = link;
    const port = await unusedPort();
    this.add(accepts, ...linkEntities({ role: 'accept', port, certificates, more: { ...more, cost: acceptCost } }));
    const dialPort = await this.lead(port, through, certificates === undefined);
    const dial = linkEntities({ role: 'dial', port: dialPort, certificates, more: { ...more, cost: dialCost } });
    this.connectors.push(...dial.filter(([type]) => type === 'connector'));
    this.add(dials, ...dial);
  }

  private async lead(targetPort: number, through: Through, isPlain: boolean): Promise<number> {
    if (through === 'relays') {
      const relay = await Relay.to(targetPort);
      this.relays.push(relay);
      return relay.port;
    }
    if (through !== 'captures' || !isPlain) return targetPort;
    const capture = await FrameCapture.start(targetPort);
    this.captures.push(capture);
    return capture.port;
  }

  private async addClients(place: number): Promise<void> {
    const port = await unusedPort();
    this.amqpPorts.push(port);
    this.add(
      place,
      ['listener', { name: 'amqp', host: '127.0.0.1', port, saslMechanisms: 'ANONYMOUS' }],
      ['address', { name: 'mc', prefix: 'mc', distribution: 'multicast' }],
    );
  }

  private async addServices(first: number, last: number): Promise<void> {
    for (const service of SERVICES) {
      for (const way of WAYS) {
        const address = `${service}-${way}`;
        const port = await unusedPort();
        const [entry, exit] = way === 'forward' ? [first, last] : [last, first];
        this.add(entry, tcpListenerEntity(address, port));
        this.add(exit, tcpConnectorEntity(address, this.workloads.ports[service]));
        this.entries.set(address, port);
      }
    }
  }

  private async amqpPort(place: number): Promise<number> {
    const port = this.amqpPorts[place] ?? 0;
    await this.accepting(port, `router ${this.idOf(place)}`);
    return port;
  }

  /** A tcpListener listens once a connector for its address is known. */
  private async ready(): Promise<void> {
    const deadlineMs = performance.now() + READY_MS_MAX;
    for (const [address, port] of this.entries) {
      while (!(await accepts(port))) {
        if (performance.now() > deadlineMs) throw new Error(`${address} cannot be reached`);
        await sleep(POLL_MS);
      }
    }
  }

  private logOf(place: number): string {
    try {
      return this.routers.logOf(this.idOf(place));
    } catch {
      return '(not started)';
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
