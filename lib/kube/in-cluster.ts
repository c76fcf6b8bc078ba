/** The API server of the cluster that this process is a pod of, by the files of its service account. They rotate: read again now and then. */
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { agentOptions } from './agent.ts';
import type { Access, Endpoint } from './transport.ts';

export const SERVICE_ACCOUNT_DIRECTORY = '/var/run/secrets/kubernetes.io/serviceaccount';
/** The kubelet renews tokens at four fifths of their life; ten minutes is the shortest life there is. */
const REREAD_MS = 30_000;

export class InCluster implements Endpoint {
  readonly server: string;
  private readonly directory: string;
  private readonly now: () => number;
  private access_: Promise<Access> | undefined;
  private readAtMs = 0;
  private ca = '';
  private agent: Agent | undefined;

  /** @param env with KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT */
  constructor(env: NodeJS.ProcessEnv, now: () => number, directory: string = SERVICE_ACCOUNT_DIRECTORY) {
    const host = env.KUBERNETES_SERVICE_HOST ?? '';
    this.server = `https://${isIPv6(host) ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT ?? '443'}`;
    this.now = now;
    this.directory = directory;
  }

  access(): Promise<Access> {
    if (this.access_ === undefined || this.now() - this.readAtMs > REREAD_MS) {
      this.readAtMs = this.now();
      const before = this.access_;
      // A file that is being replaced is no reason to stop: what was read before is good for minutes.
      this.access_ = this.read().catch((error: unknown) => {
        this.access_ = before;
        if (before === undefined) throw error;
        return before;
      });
    }
    return this.access_;
  }

  renew(): void {
    this.readAtMs = Number.NEGATIVE_INFINITY;
  }

  close(): void {
    this.agent?.destroy();
  }

  private async read(): Promise<Access> {
    const [token, ca] = await Promise.all(
      ['token', 'ca.crt'].map((name) => readFile(join(this.directory, name), 'utf8')),
    );
    if (this.agent === undefined || ca !== this.ca) {
      this.agent = new Agent(agentOptions({ ca: ca! }));
      this.ca = ca!;
    }
    return { agent: this.agent, headers: { authorization: `Bearer ${token!.trim()}` } };
  }
}
