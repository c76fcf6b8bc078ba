/**
 * Routers in places of their own, joined by links over wires, with mutual TLS. Clients and workloads are those of the tests: a router
 * listens for clients at its place's address, and dials workloads at its place's home.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from '../../support/authority.ts';
import type { CertificateFiles } from '../../support/certificates.ts';
import { hasEnded, stopChild } from '../../support/child-process.ts';
import { eventually } from '../../support/eventually.ts';
import { type Entity, type Kind, routerCommand, routerConfig } from '../../support/router-process.ts';
import { type Distance, inPlace, makePlace, type Place, Wire } from './space.ts';

const ANY = '0.0.0.0';
const LINK_PORT = 55671;
const HTTP_PORT = 9090;
const START_PATIENCE_MS = 40_000;

export interface Site {
  readonly id: string;
  readonly place: Place;
  readonly kind: Kind;
  readonly entities: Entity[];
  process: ChildProcess | undefined;
}

export class Network {
  private readonly directory = mkdtempSync(join(tmpdir(), 'netns-'));
  private readonly authority = new Authority('netns CA');
  private readonly sites = new Map<string, Site>();
  private readonly wires: Wire[] = [];
  private nextPort = 8001;

  site(id: string, kind: Kind = 'ours'): Site {
    const place = makePlace();
    const { caFile, certFile, keyFile } = this.certificates(id);
    const site: Site = {
      id,
      place,
      kind,
      process: undefined,
      entities: [
        ['sslProfile', { name: 'links', caCertFile: caFile, certFile, privateKeyFile: keyFile }],
        ['listener', { name: 'http', host: ANY, port: HTTP_PORT, http: true }],
        [
          'listener',
          {
            name: 'links',
            role: 'inter-router',
            host: ANY,
            port: LINK_PORT,
            sslProfile: 'links',
            saslMechanisms: 'EXTERNAL',
            authenticatePeer: true,
            requireSsl: true,
          },
        ],
      ],
    };
    this.sites.set(id, site);
    return site;
  }

  async wire(from: Site, to: Site, distance?: Distance): Promise<Wire> {
    const wire = await Wire.between(from.place, to.place, distance);
    this.wires.push(wire);
    return wire;
  }

  /** A link over a wire that `from` dials. */
  async link(from: Site, to: Site, more: Entity[1] = {}, distance?: Distance): Promise<Wire> {
    const wire = await this.wire(from, to, distance);
    from.entities.push(this.connector(`${from.id}-${to.id}`, wire, more));
    return wire;
  }

  /** A further place of the other end, for the connector of `from`: its address on another wire. */
  addEndpoint(from: Site, wire: Wire): void {
    const [, connector] = from.entities.find(([type]) => type === 'connector')!;
    Object.assign(connector, { endpoints: `${wire.addresses[1]}:${LINK_PORT}` });
  }

  /** What `to` offers those that it accepts, to turn to when their connection is lost: its address on another wire. */
  offerOther(to: Site, wire: Wire): void {
    const [, listener] = to.entities.find(([type, { role }]) => type === 'listener' && role === 'inter-router')!;
    Object.assign(listener, { failoverUrls: `amqps://${wire.addresses[1]}:${LINK_PORT}` });
  }

  /** The connector of the side that made the wire. */
  connector(name: string, wire: Wire, more: Entity[1] = {}): Entity {
    const dial = { role: 'inter-router', host: wire.addresses[1], port: LINK_PORT };
    const security = { sslProfile: 'links', saslMechanisms: 'EXTERNAL', verifyHostname: false };
    return ['connector', { name, ...dial, ...security, ...more }];
  }

  /** A service's tcpListener. @returns where clients find it */
  publish(site: Site, address: string): { host: string; port: number } {
    const port = this.nextPort++;
    site.entities.push(['tcpListener', { name: `listener-${address}`, host: ANY, port, address }]);
    return { host: site.place.address, port };
  }

  /** A service's tcpConnector, to a port of the tests. */
  offer(site: Site, address: string, port: number): void {
    site.entities.push(['tcpConnector', { name: `connector-${address}`, host: site.place.home, port, address }]);
  }

  /** Starts those that are not running, or one of them, and waits until each answers. */
  async start(...sites: Site[]): Promise<void> {
    const started = sites.length > 0 ? sites : [...this.sites.values()];
    for (const site of started) {
      const config = join(this.directory, `${site.id}.json`);
      writeFileSync(config, routerConfig(site.id, site.entities));
      const { program, args } = routerCommand(site.kind, config);
      const log = openSync(this.logFile(site.id), 'a');
      site.process = spawn(...inPlace(site.place, program, args), { stdio: ['ignore', log, log] });
      closeSync(log);
    }
    await Promise.all(
      started.map((site) =>
        eventually(`router ${site.id} answers`, async () => (await this.look(site)) !== undefined, START_PATIENCE_MS),
      ),
    );
  }

  /** A setting of the system, in all places and where the tests are. */
  setSystem(setting: string): void {
    execFileSync('sysctl', ['-q', '-w', setting]);
    for (const { place } of this.sites.values()) execFileSync(...inPlace(place, 'sysctl', ['-q', '-w', setting]));
  }

  /** Waits until each sees so many other routers. */
  async whole(count = this.sites.size - 1): Promise<void> {
    for (const site of this.sites.values()) {
      const sees = async () => (await this.metric(site, 'qdr_routers_total')) >= count;
      await eventually(() => `router ${site.id} sees ${count} others\n${this.evidence()}`, sees, START_PATIENCE_MS);
    }
  }

  /** Sum of a metric's samples, those alone with `labels` in them when it is given; NaN while the router does not answer. */
  async metric(site: Site, name: string, labels = ''): Promise<number> {
    const text = await this.look(site);
    if (text === undefined) return Number.NaN;
    let sum = 0;
    for (const [, each, set, value] of text.matchAll(/^(\w+)(\{[^}]*\})? (\S+)$/gm)) {
      if (each === name && (set ?? '').includes(labels)) sum += Number(value);
    }
    return sum;
  }

  signal(site: Site, signal: NodeJS.Signals): void {
    site.process?.kill(signal);
  }

  kill(site: Site): void {
    this.signal(site, 'SIGKILL');
  }

  /** Whether its process has ended. */
  isOver({ process: child }: Site): boolean {
    return child !== undefined && hasEnded(child);
  }

  async restart(site: Site): Promise<void> {
    const { process: child } = site;
    if (child !== undefined && !hasEnded(child)) await new Promise((resolve) => child.once('exit', resolve));
    await this.start(site);
  }

  /** Connections of links lost at a router since it was first started, as its log has them. */
  lostLinks(site: Site): string[] {
    const lost = /lost its connection|neighbou?r lost|link (lost|down)|heard nothing|local-idle-timeout/i;
    return this.logOf(site)
      .split('\n')
      .filter((line) => lost.test(line));
  }

  logOf(site: Site): string {
    return readFileSync(this.logFile(site.id), 'utf8');
  }

  /** What the routers said last. */
  evidence(): string {
    const last = (site: Site) => this.logOf(site).split('\n').slice(-25).join('\n');
    return [...this.sites.values()].map((site) => `--- ${site.id}\n${last(site)}`).join('\n');
  }

  async stop(): Promise<void> {
    // What is frozen does not hear.
    for (const { process: child } of this.sites.values()) child?.kill('SIGCONT');
    await Promise.all([...this.sites.values()].map(({ process: child }) => child && stopChild(child)));
    for (const wire of this.wires) await wire.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async look({ place }: Site): Promise<string | undefined> {
    try {
      const answer = await fetch(`http://${place.address}:${HTTP_PORT}/metrics`, { signal: AbortSignal.timeout(2000) });
      return await answer.text();
    } catch {
      return undefined;
    }
  }

  private certificates(id: string): CertificateFiles {
    const directory = join(this.directory, id);
    mkdirSync(directory);
    return this.authority.write(directory, id);
  }

  private logFile(id: string): string {
    return join(this.directory, `${id}.log`);
  }
}
