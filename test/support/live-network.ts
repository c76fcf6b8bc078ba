/**
 * A network of our routers as child processes on 127.0.0.1, each with health and metrics over HTTP; links are mutual
 * TLS with SASL EXTERNAL unless a test says otherwise.
 *
 * Describe it (`router`, `link`, `publish`, `offer`), then `start`. `stop` ends everything and removes the files.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from './authority.ts';
import type { CertificateFiles } from './certificates.ts';
import { eventually } from './eventually.ts';
import {
  type Entity,
  type Kind,
  linkEntities,
  RouterProcesses,
  routerConfig,
  tcpConnectorEntity,
  tcpListenerEntity,
} from './router-process.ts';
import { connect, reset, unusedPort } from './tcp.ts';

/** Programs start slowly on a machine that is busy. */
const HEALTHY_MS_MAX = 60_000;

export interface LiveRouter {
  readonly id: string;
  readonly entities: Entity[];
  readonly httpPort: number;
  readonly certificates: CertificateFiles;
  readonly mode: 'interior' | 'edge';
  readonly kind: Kind;
}

export interface LinkOptions {
  /** Dial here instead of the listener's port: a relay. */
  dialPort?: (listenerPort: number) => Promise<number>;
  /** Further attributes of both ends. */
  more?: Entity[1];
}

export class LiveNetwork {
  readonly authority = new Authority('test CA');
  readonly processes = new RouterProcesses();
  readonly directory = mkdtempSync(join(tmpdir(), 'skuprt-live-'));
  private readonly routers = new Map<string, LiveRouter>();
  private readonly attributes = new Map<string, Entity[1]>();

  async router(id: string, mode: LiveRouter['mode'] = 'interior', kind: Kind = 'ours'): Promise<LiveRouter> {
    const httpPort = await unusedPort();
    const entities: Entity[] = [['listener', { name: 'http', host: '127.0.0.1', port: httpPort, http: true }]];
    const certificates = this.authority.write(join(this.directory, id), id);
    const router = { id, entities, httpPort, certificates, mode, kind };
    this.routers.set(id, router);
    return router;
  }

  /** Further attributes of the router entity itself. */
  routerAttributes(router: LiveRouter, attributes: Entity[1]): void {
    this.attributes.set(router.id, attributes);
  }

  /** @returns the port of the listener at `to` */
  async link(from: LiveRouter, to: LiveRouter, { dialPort, more }: LinkOptions = {}): Promise<number> {
    const port = await unusedPort();
    to.entities.push(...linkEntities({ role: 'accept', port, certificates: to.certificates, more }));
    const dialled = dialPort ? await dialPort(port) : port;
    from.entities.push(...linkEntities({ role: 'dial', port: dialled, certificates: from.certificates, more }));
    return port;
  }

  /** A tcpListener. @returns its port */
  async publish(router: LiveRouter, address: string): Promise<number> {
    const port = await unusedPort();
    router.entities.push(tcpListenerEntity(address, port));
    return port;
  }

  /** A tcpConnector to a backend on this machine. */
  offer(router: LiveRouter, address: string, backendPort: number, name = `connector-${address}`): void {
    const [type, attributes] = tcpConnectorEntity(address, backendPort);
    router.entities.push([type, { ...attributes, name }]);
  }

  /** A listener for ordinary AMQP clients, without TLS. @returns its port */
  async amqp(router: LiveRouter, more: Entity[1] = {}): Promise<number> {
    const port = await unusedPort();
    router.entities.push([
      'listener',
      { name: `amqp-${port}`, host: '127.0.0.1', port, saslMechanisms: 'ANONYMOUS', ...more },
    ]);
    return port;
  }

  /** Starts the routers that are not running, or one of them, and waits until they answer. */
  async start(...ids: string[]): Promise<void> {
    const started = ids.length > 0 ? ids : [...this.routers.keys()];
    for (const id of started) {
      const { entities, mode, kind } = this.find(id);
      this.processes.startWith(kind, id, routerConfig(id, entities, mode, this.attributes.get(id)));
    }
    await Promise.all(started.map((id) => this.healthy(id)));
  }

  /** Writes the router's file again with what its entities are now. */
  rewrite(router: LiveRouter): void {
    this.processes.configure(
      router.id,
      routerConfig(router.id, router.entities, router.mode, this.attributes.get(router.id)),
    );
  }

  /** Metrics by name, and by name and labels; samples of one name are added up. */
  async metrics(router: LiveRouter): Promise<(name: string) => number> {
    const text = await (await fetch(`http://127.0.0.1:${router.httpPort}/metrics`)).text();
    const sums = new Map<string, number>();
    const add = (name: string, value: number): void => void sums.set(name, (sums.get(name) ?? 0) + value);
    for (const [, name, labels, value] of text.matchAll(/^(\w+)(\{[^}]*\})? (\S+)$/gm)) {
      add(name!, Number(value));
      if (labels !== undefined) add(name! + labels, Number(value));
    }
    return (name) => sums.get(name) ?? 0;
  }

  /** Waits until a client's connection to the port is accepted (`true`) or refused. */
  async accepting(port: number, wanted = true, withinMs?: number): Promise<void> {
    const what = () => `port ${port} ${wanted ? 'accepts' : 'refuses'} connections\n${this.evidence()}`;
    await eventually(what, async () => (await accepts(port)) === wanted, withinMs);
  }

  /** What the routers said. */
  evidence(): string {
    return [...this.routers.keys()].map((id) => `--- ${id}\n${this.processes.logOf(id)}`).join('\n');
  }

  async stop(): Promise<void> {
    await this.processes.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private find(id: string): LiveRouter {
    const router = this.routers.get(id);
    if (!router) throw new Error(`no router ${id}`);
    return router;
  }

  private async healthy(id: string): Promise<void> {
    const url = `http://127.0.0.1:${this.find(id).httpPort}/healthz`;
    const look = async (): Promise<boolean> => {
      try {
        return (await fetch(url)).ok;
      } catch {
        return false;
      }
    };
    await eventually(() => `router ${id} is healthy\n${this.evidence()}`, look, HEALTHY_MS_MAX);
  }
}

/** Undefined: neither, the connection was reset before it stood. */
async function accepts(port: number): Promise<boolean | undefined> {
  try {
    // By RST, so that nothing of the probe stays at a backend that waits for its client.
    reset(await connect(port));
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ECONNREFUSED' ? false : undefined;
  }
}
