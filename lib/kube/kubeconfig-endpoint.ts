/** Access as a context of a kubeconfig says: tokens, token files, client certificates, passwords, and programs that give them. */
import { readFile } from 'node:fs/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent } from 'node:https';
import { messageOf } from '../errors.ts';
import { agentOptions, type TlsFiles } from './agent.ts';
import { type ContextEntry, KubeconfigError, type UserEntry } from './kubeconfig.ts';
import type { Access, Endpoint } from './transport.ts';

/** Token files rotate. */
const REREAD_MS = 30_000;

interface ExecCredentials {
  token: string | undefined;
  cert: string | undefined;
  key: string | undefined;
}

export class KubeconfigEndpoint implements Endpoint {
  readonly server: string;
  private readonly entry: ContextEntry;
  private readonly now: () => number;
  private agent: HttpAgent | undefined;
  private agentOf = '';
  private token: { text: string; readAtMs: number } | undefined;
  private program: ((user: UserEntry) => Promise<ExecCredentials>) | undefined;

  constructor(entry: ContextEntry, now: () => number) {
    this.server = entry.cluster.server;
    this.entry = entry;
    this.now = now;
  }

  async access(): Promise<Access> {
    const { user } = this.entry;
    const given = user.exec === undefined ? undefined : await this.runProgram();
    const headers: Record<string, string> = {};
    const token = given?.token ?? (await this.tokenText());
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    else if (user.username !== undefined) {
      headers.authorization = `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`;
    }
    if (user.as !== undefined) headers['impersonate-user'] = user.as;
    if (user['as-groups']?.[0] !== undefined) headers['impersonate-group'] = user['as-groups'].join(',');
    return { agent: await this.agentFor(given), headers };
  }

  renew(): void {
    this.token = undefined;
    this.program = undefined;
  }

  close(): void {
    this.agent?.destroy();
  }

  private async tokenText(): Promise<string | undefined> {
    const { token, tokenFile } = this.entry.user;
    if (token !== undefined && token !== '') return token;
    if (tokenFile === undefined) return undefined;
    if (this.token === undefined || this.now() - this.token.readAtMs > REREAD_MS) {
      this.token = { text: (await fileText(tokenFile)).trim(), readAtMs: this.now() };
    }
    return this.token.text;
  }

  /** One agent as long as the certificate stays; a program may give another one. */
  private async agentFor(given: ExecCredentials | undefined): Promise<HttpAgent> {
    const identity = given?.cert ?? '';
    if (this.agent === undefined || identity !== this.agentOf) {
      this.agent = this.server.startsWith('http:')
        ? new HttpAgent({ keepAlive: true })
        : new Agent(agentOptions(await this.tls(given)));
      this.agentOf = identity;
    }
    return this.agent;
  }

  private async tls(given: ExecCredentials | undefined): Promise<TlsFiles> {
    const { cluster, user } = this.entry;
    const [ca, cert, key] = await Promise.all([
      textOf(cluster['certificate-authority-data'], cluster['certificate-authority']),
      given?.cert ?? textOf(user['client-certificate-data'], user['client-certificate']),
      given?.key ?? textOf(user['client-key-data'], user['client-key']),
    ]);
    const isUnverified = cluster['insecure-skip-tls-verify'] === true;
    return { ca, cert, key, servername: cluster['tls-server-name'], isUnverified };
  }

  private async runProgram(): Promise<ExecCredentials> {
    this.program ??= await execProgram();
    try {
      return await this.program(this.entry.user);
    } catch (error) {
      throw new KubeconfigError(`the login program of context "${this.entry.context}" failed: ${messageOf(error)}`, {
        cause: error,
        next: 'log in as the provider of the cluster asks for, then try again',
      });
    }
  }
}

/** The client library knows how login programs are called and keeps what they gave; this part of it costs little. */
async function execProgram(): Promise<(user: UserEntry) => Promise<ExecCredentials>> {
  const { ExecAuth } = await import('@kubernetes/client-node/dist/exec_auth.js');
  const auth = new ExecAuth();
  return async (user) => {
    const options: { headers: Record<string, string>; cert?: string; key?: string } = { headers: {} };
    await auth.applyAuthentication({ name: '', exec: user.exec }, options);
    const token = options.headers.Authorization?.replace(/^Bearer /, '');
    return { token, cert: options.cert, key: options.key };
  };
}

async function textOf(data: string | undefined, file: string | undefined): Promise<string | undefined> {
  if (data !== undefined && data !== '') return Buffer.from(data, 'base64').toString('utf8');
  return file === undefined ? undefined : await fileText(file);
}

async function fileText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new KubeconfigError(`${path}, named by the kubeconfig, cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
