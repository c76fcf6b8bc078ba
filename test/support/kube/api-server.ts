/**
 * A real API server with its etcd, on free ports of the loopback address, up in seconds: for tests of controllers and clients.
 *
 * There is no controller manager: nothing collects garbage, makes service accounts or runs pods.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Cluster, connectCluster } from '../../../lib/kube/config.ts';
import { Authority } from '../authority.ts';
import { hasEnded, stopChild } from '../child-process.ts';
import { kubeAssets } from './assets.ts';

/** Four that start at once beside other work took 70 s on two cores: this only ends what hangs. */
const READY_PATIENCE_MS = 150_000;
const TOKEN = 'admin-of-tests';
const PORTS = { first: 20_000, end: 32_000 };

export class ApiServer {
  /** Of the context. */
  readonly name: string;
  readonly directory: string;
  readonly port: number;
  private readonly assets: string;
  private readonly etcdPort: number;
  private readonly authority: Authority;
  private etcd: ChildProcess | undefined;
  private server: ChildProcess | undefined;

  private constructor(name: string, directory: string, assets: string, ports: readonly [number, number]) {
    this.name = name;
    this.directory = directory;
    this.assets = assets;
    this.port = ports[0];
    this.etcdPort = ports[1];
    this.authority = new Authority(`${name}-ca`);
  }

  /** Resolves when it is ready. @throws when there are no assets */
  static async start(name: string): Promise<ApiServer> {
    const assets = kubeAssets();
    if (assets === undefined) throw new Error('there are no assets: the suite is to be skipped');
    const directory = await mkdtemp(join(tmpdir(), `api-${name}-`));
    const api = new ApiServer(name, directory, assets, await freePorts());
    try {
      await api.prepare();
      api.etcd = api.spawn('etcd', api.etcdFlags());
      await api.startServer();
    } catch (error) {
      await api.stop();
      throw error;
    }
    return api;
  }

  /** A kubeconfig with one context, of this server, or of what is in front of it at `port`. */
  async kubeconfig(port: number = this.port): Promise<string> {
    return writeKubeconfig(join(this.directory, `kubeconfig-${port}`), [{ api: this, port }]);
  }

  async connect(port: number = this.port): Promise<Cluster> {
    return connectCluster({ kubeconfig: await this.kubeconfig(port), env: {} });
  }

  /** The server alone, on what etcd holds. */
  async startServer(): Promise<void> {
    this.server = this.spawn('kube-apiserver', this.serverFlags());
    await this.ready();
  }

  /** The server alone ends; what etcd holds stays. */
  async stopServer(): Promise<void> {
    if (this.server !== undefined) await stopChild(this.server);
  }

  /** Freezes the server, connections and all, or lets it go on. */
  freeze(isFrozen: boolean): void {
    this.server?.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT');
  }

  /** Ends both and removes every trace. */
  async stop(): Promise<void> {
    for (const child of [this.server, this.etcd]) {
      child?.kill('SIGCONT');
      if (child !== undefined) await stopChild(child);
    }
    await rm(this.directory, { recursive: true, force: true });
  }

  contextEntries(port: number): { cluster: object; user: object; context: object } {
    const { name } = this;
    const ca = Buffer.from(this.authority.ca.certificate).toString('base64');
    const cluster = { server: `https://127.0.0.1:${port}`, 'certificate-authority-data': ca };
    return {
      cluster: { name, cluster },
      user: { name, user: { token: TOKEN } },
      context: { name, context: { cluster: name, user: name } },
    };
  }

  private async prepare(): Promise<void> {
    this.authority.write(join(this.directory, 'tls'), 'kube-apiserver');
    await mkdir(join(this.directory, 'etcd'), { mode: 0o700 });
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await writeFile(this.path('accounts.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    await writeFile(this.path('accounts.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
    await writeFile(this.path('tokens.csv'), `${TOKEN},admin,admin,"system:masters"\n`, { mode: 0o600 });
  }

  private etcdFlags(): string[] {
    const url = `http://127.0.0.1:${this.etcdPort}`;
    return [
      `--data-dir=${this.path('etcd')}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      '--listen-peer-urls=http://localhost:0',
      '--unsafe-no-fsync',
      '--log-level=warn',
    ];
  }

  private serverFlags(): string[] {
    return [
      `--etcd-servers=http://127.0.0.1:${this.etcdPort}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--secure-port=${this.port}`,
      `--tls-cert-file=${this.path('tls/tls.crt')}`,
      `--tls-private-key-file=${this.path('tls/tls.key')}`,
      `--cert-dir=${this.path('certs')}`,
      `--token-auth-file=${this.path('tokens.csv')}`,
      `--service-account-key-file=${this.path('accounts.pub')}`,
      `--service-account-signing-key-file=${this.path('accounts.key')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-cluster-ip-range=10.96.0.0/16',
      '--authorization-mode=RBAC',
      '--disable-admission-plugins=ServiceAccount',
      '--endpoint-reconciler-type=none',
      '--shutdown-delay-duration=0s',
    ];
  }

  private path(name: string): string {
    return join(this.directory, name);
  }

  private spawn(program: string, flags: string[]): ChildProcess {
    const log = openSync(this.path(`${program}.log`), 'a');
    const child = spawn(join(this.assets, program), flags, { stdio: ['ignore', log, log] });
    closeSync(log);
    child.on('error', () => undefined);
    const onExit = () => child.kill('SIGKILL');
    process.once('exit', onExit);
    child.once('exit', () => process.removeListener('exit', onExit));
    return child;
  }

  private async ready(): Promise<void> {
    const { client } = await this.connect();
    const endMs = performance.now() + READY_PATIENCE_MS;
    try {
      for (;;) {
        const isReady = await client.raw('GET', '/api/v1/namespaces/default', undefined, { retryCountMax: 0 }).then(
          () => true,
          () => false,
        );
        if (isReady) return;
        if (performance.now() > endMs || hasEnded(this.server!)) throw new Error(await this.whyNot());
        await sleep(100);
      }
    } finally {
      client.close();
    }
  }

  private async whyNot(): Promise<string> {
    const log = await readFile(this.path('kube-apiserver.log'), 'utf8');
    return `the API server is not ready:\n${log.split('\n').slice(-15).join('\n')}`;
  }
}

/** Two or more servers at once, and a kubeconfig with a context each; the first is the current one. */
export async function startApiServers(
  names: readonly string[],
): Promise<{ servers: ApiServer[]; kubeconfig: string; stop: () => Promise<void> }> {
  const servers = await Promise.all(names.map((name) => ApiServer.start(name)));
  const path = join(servers[0]!.directory, 'kubeconfig');
  const kubeconfig = await writeKubeconfig(
    path,
    servers.map((api) => ({ api, port: api.port })),
  );
  return { servers, kubeconfig, stop: async () => void (await Promise.all(servers.map((api) => api.stop()))) };
}

async function writeKubeconfig(path: string, targets: readonly { api: ApiServer; port: number }[]): Promise<string> {
  const entries = targets.map(({ api, port }) => api.contextEntries(port));
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: entries.map(({ cluster }) => cluster),
    users: entries.map(({ user }) => user),
    contexts: entries.map(({ context }) => context),
    'current-context': targets[0]!.api.name,
  };
  await writeFile(path, JSON.stringify(config, undefined, 2), { mode: 0o600 });
  return path;
}

/**
 * Two that differ. Below those that a system gives to whoever asks for any, or a client's socket could have them by the time that they are
 * used, and while a server is away that comes back to its own.
 */
async function freePorts(): Promise<[number, number]> {
  const first = await freePort();
  return [first, await freePort(first)];
}

async function freePort(other?: number): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.first, PORTS.end);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree && port !== other) return port;
  }
}
