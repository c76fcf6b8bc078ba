/** A machine of its own (a data home) with one local site in a process, as a user has it: commands, files, and what runs there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Resource } from '../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../config/api/schema.ts';
import { CREDENTIAL, SETTING } from '../../config/names.ts';
import type { RouterEndpoint } from '../../lib/router-client/client.ts';
import { composeToken } from '../../site-controller/grants/token.ts';
import { type SitePaths, sitePaths } from '../../site-controller/platform/local/paths.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { AMQPS_PORT } from '../../site-controller/reconcile/router-config.ts';
import { stopChild } from './child-process.ts';
import { CLI_ENTRY, localEnv, type Outcome, runChild } from './cli.ts';
import type { DnsAddress } from './dns-client.ts';
import { eventually } from './eventually.ts';
import { unusedPort } from './tcp.ts';

const HOST = '127.0.0.1';
const START_MS = 60_000;
/** Of one who is not answered. */
const SAID_MS = 5000;

export class LocalMachine {
  readonly home = mkdtempSync(join(tmpdir(), 'skuprt-set-'));
  readonly namespace: string;
  readonly site: string;
  readonly paths: SitePaths;
  readonly store: LocalStore;
  output = '';
  private process: ChildProcess | undefined;
  private readonly others: ChildProcess[] = [];

  constructor(namespace: string, site: string) {
    this.namespace = namespace;
    this.site = site;
    this.paths = sitePaths(this.home, namespace);
    this.store = new LocalStore(this.paths);
  }

  /** A site that others can link to, from its first start until it is ready. */
  async begin(): Promise<void> {
    const settings = { [SETTING.bindHost]: HOST, [SETTING.linkPort]: String(await freePort()) };
    await this.apply('Site', this.site, { linkAccess: 'default', settings });
    this.start();
    await eventually(
      () => `site ${this.site} is ready: ${this.output}`,
      () => this.isReady('Site', this.site),
      START_MS,
    );
  }

  start(): void {
    const child = this.spawn('-n', this.namespace, 'site', 'run');
    for (const stream of [child.stdout, child.stderr]) stream!.on('data', (chunk) => (this.output += String(chunk)));
    this.process = child;
  }

  /** The site alone. */
  async stop(): Promise<void> {
    if (this.process !== undefined) await stopChild(this.process);
  }

  /** All of it. */
  async end(): Promise<void> {
    for (const child of this.others) await stopChild(child);
    await this.stop();
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }

  run(...args: string[]): Promise<Outcome> {
    return runChild(this.home, ['-n', this.namespace, ...args]);
  }

  apply(kind: string, name: string, spec: object): Promise<void> {
    return this.store.apply({ apiVersion: SKUPPER_API_VERSION, kind, metadata: { name }, spec } as Resource);
  }

  async isReady(kind: 'Site' | 'AccessGrant' | 'Link' | 'Connector', name: string): Promise<boolean> {
    const found = await this.store.get(kind, name);
    return found?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  }

  async siteId(): Promise<string> {
    return (await this.store.get('Site', this.site))!.metadata.uid!;
  }

  /** From this site to that one, until it is up. */
  async link(to: LocalMachine): Promise<void> {
    const name = `for-${this.site}`;
    await to.apply('AccessGrant', name, {});
    await eventually(`grant ${name}`, () => to.isReady('AccessGrant', name), START_MS);
    const grant = (await to.store.get('AccessGrant', name))!;
    await this.store.apply(composeToken({ grant, siteId: await to.siteId() }));
    await eventually(
      () => `link of ${this.site}: ${this.output}${to.output}`,
      () => this.isReady('Link', name),
      START_MS,
    );
  }

  /** Files that were made for the services of the cluster set. */
  madeFiles(): string[] {
    return readdirSync(this.paths.runtimeResources).filter((name) => /^(Service|EndpointSlice)/.test(name));
  }

  async serveDns(): Promise<DnsAddress> {
    const child = this.spawn('dns', 'serve', '--listen', `${HOST}:0`);
    this.others.push(child);
    child.stdout!.resume();
    for await (const line of createInterface({ input: child.stderr! })) {
      const port = /^Answering for .* at 127\.0\.0\.1:(\d+)$/.exec(line)?.[1];
      if (port === undefined) continue;
      child.stderr!.resume();
      return { host: HOST, port: Number(port) };
    }
    throw new Error('it ended before it listened');
  }

  /** Where a client of this machine has the router of the site, as the site itself. */
  routerEndpoint(): RouterEndpoint {
    const file = readdirSync(this.paths.ports).find((name) =>
      readFileSync(join(this.paths.ports, name), 'utf8').includes(`\n${AMQPS_PORT.purpose}\n`),
    );
    const pem = (name: string) => readFileSync(join(this.paths.runtimeCerts, CREDENTIAL.localClient, name), 'utf8');
    return { host: HOST, port: Number(file), ca: pem('ca.crt'), cert: pem('tls.crt'), key: pem('tls.key') };
  }

  private spawn(...args: string[]): ChildProcess {
    return spawn(process.execPath, [CLI_ENTRY, ...args], {
      env: { ...localEnv(), XDG_DATA_HOME: this.home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }
}

/** One that can be moved by 10000. */
export const freePort = unusedPort;

/** What a connection there says; undefined when it says nothing. */
export async function said(host: string, port: number): Promise<string | undefined> {
  const socket = connect({ host, port });
  socket.setTimeout(SAID_MS, () => socket.destroy());
  let text = '';
  try {
    for await (const chunk of socket) text += String(chunk);
  } catch {
    return undefined;
  }
  return text === '' ? undefined : text;
}
