/**
 * The way from a command to a router of the site: on this machine directly; in a cluster through the API server to a router's pod that is
 * ready, with the credentials of the site's own clients.
 */
import { CREDENTIAL } from '../../config/names.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import type { RouterEndpoint } from '../../lib/router-client/client.ts';
import { dataHomeOf, sitePaths } from '../../site-controller/platform/local/paths.ts';
import { localRouter } from '../console/router-endpoint.ts';
import { type Context, commandLine } from '../context.ts';
import { FailedError } from '../errors.ts';
import { API, type ClusterClient, type ForwardedPort } from './cluster-client.ts';

const ROUTER_SELECTOR = 'skupper.io/component=router';
const AMQPS_PORT = 5671;

export interface RouterWay {
  /** As it is now: asked at each attempt to connect. */
  endpoint(): Promise<RouterEndpoint>;
  /** Why the last connection came to nothing; undefined when nothing is known. */
  readonly fault?: Error | undefined;
  close(): void;
}

/** @throws FailedError, PortForwardError, ApiError */
export async function openRouter(context: Context): Promise<RouterWay> {
  if (context.platform === 'local') {
    const paths = sitePaths(dataHomeOf(context.env), context.namespace);
    return { endpoint: () => localRouter(paths), close: () => undefined };
  }
  const client = await context.connect(context.cluster, context.env);
  const way = new ClusterRouter(context, client);
  await way.endpoint();
  return way;
}

class ClusterRouter implements RouterWay {
  fault: Error | undefined;
  private readonly context: Context;
  private readonly client: ClusterClient;
  private forwarded: { pod: string; port: ForwardedPort } | undefined;

  constructor(context: Context, client: ClusterClient) {
    this.context = context;
    this.client = client;
  }

  /** Another pod takes the place of one that is gone. */
  async endpoint(): Promise<RouterEndpoint> {
    const { namespace } = this.context;
    const [pod, credentials] = await Promise.all([this.readyPod(), this.credentials()]);
    if (this.forwarded?.pod !== pod) {
      this.close();
      const at = { namespace, pod, port: AMQPS_PORT };
      this.forwarded = {
        pod,
        port: await this.client.forwardPort(at, (error) => {
          this.fault = error;
        }),
      };
    }
    return { host: '127.0.0.1', port: this.forwarded.port.port, ...credentials };
  }

  close(): void {
    this.forwarded?.port.close();
    this.forwarded = undefined;
  }

  private async readyPod(): Promise<string> {
    const { namespace } = this.context;
    const pods = (await this.client.list(API.pods, { namespace, labelSelector: ROUTER_SELECTOR })) ?? [];
    const ready = pods.filter(isReady).map(({ metadata }) => metadata.name);
    // The one at hand as long as it is ready.
    const pod = ready.find((name) => name === this.forwarded?.pod) ?? ready.sort()[0];
    if (pod !== undefined) return pod;
    throw new FailedError(`No router is ready in namespace "${namespace}"`, {
      next: `See ${commandLine(this.context, 'check')}`,
    });
  }

  private async credentials(): Promise<Pick<RouterEndpoint, 'ca' | 'cert' | 'key'>> {
    const { namespace } = this.context;
    const secret = await this.client.get(API.secrets, CREDENTIAL.localClient, namespace);
    const data = (secret?.data ?? {}) as Record<string, string | undefined>;
    const [ca, cert, key] = ['ca.crt', 'tls.crt', 'tls.key'].map((name) => decoded(data[name]));
    if (ca !== undefined && cert !== undefined && key !== undefined) return { ca, cert, key };
    throw new FailedError(`Namespace "${namespace}" has no Secret ${CREDENTIAL.localClient} with a certificate`, {
      next: `The controller makes it; see ${commandLine(this.context, 'site status')}`,
    });
  }
}

function isReady({ metadata, status }: KubeObject): boolean {
  const { conditions = [] } = (status ?? {}) as { conditions?: { type: string; status: string }[] };
  const is = conditions.some((condition) => condition.type === 'Ready' && condition.status === 'True');
  return is && metadata.deletionTimestamp === undefined;
}

function decoded(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
}
