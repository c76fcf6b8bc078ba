/**
 * A namespace of a cluster: its resources are objects of the API server, and a controller somewhere acts on them. What the site
 * knows of the network is in ConfigMaps that its routers keep.
 */

import type { ResourceOf } from '../../config/api/index.ts';
import type { Secret } from '../../config/api/secret.ts';
import { sectionsOf } from '../../config/router-config.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { decodeSites, NETWORK_STATUS_NAME } from '../../site-controller/exchange/network-document.ts';
import { tlsMaterialOf, tlsSecret } from '../../site-controller/pki/secret.ts';
import { type Context, commandLine } from '../context.ts';
import { NotFoundError, UsageError } from '../errors.ts';
import type { NetworkView } from '../output/network.ts';
import type { Workload } from '../parse.ts';
import { API, type ClusterClient } from './cluster-client.ts';
import { ClusterStore } from './cluster-store.ts';
import { findControllers, hasLivingLease, serves } from './controllers.ts';
import { canReachCluster } from './kubeconfig.ts';
import type { Idle, Place } from './place.ts';
import { hostTarget, selectorTarget, type Target, targetOf, WORKLOAD_KINDS } from './workload.ts';

const ROUTER_CONFIG_NAMES = ['skupper-router', 'skupper-router-2'];
/** Whether there is a controller does not change from one look to the next. */
const IDLE_KNOWN_MS = 2000;

export class KubernetesPlace implements Place {
  readonly platform = 'kubernetes';
  readonly resources: ClusterStore;
  readonly client: ClusterClient;
  private readonly context: Context;
  private known: { at: number; idle: Idle | undefined } | undefined;

  constructor(context: Context, client: ClusterClient) {
    this.context = context;
    this.client = client;
    this.resources = new ClusterStore(context, client);
  }

  async idle(): Promise<Idle | undefined> {
    const now = performance.now();
    if (this.known === undefined || now - this.known.at > IDLE_KNOWN_MS) {
      this.known = { at: now, idle: await this.findIdle() };
    }
    return this.known.idle;
  }

  /** False when that cannot be seen. */
  async isWithoutController(): Promise<boolean> {
    const controllers = await findControllers(this.client, this.context.namespace);
    if (controllers === undefined || controllers.some((one) => serves(one, this.context.namespace))) return false;
    return !(await hasLivingLease(this.client, Date.now()));
  }

  async faults(): Promise<string[]> {
    return [];
  }

  async network(site: ResourceOf<'Site'>): Promise<NetworkView | undefined> {
    const sites = decodeSites(await this.networkMaps());
    return sites === undefined ? undefined : { localSiteId: site.metadata.uid ?? '', sites };
  }

  async serves(entityName: string): Promise<boolean> {
    const { namespace } = this.context;
    const maps = await Promise.all(ROUTER_CONFIG_NAMES.map((name) => this.client.get(API.configMaps, name, namespace)));
    return maps
      .flatMap((map) => entityNames(map))
      .some((name) => name === entityName || name.startsWith(`${entityName}@`));
  }

  async credential(name: string): Promise<Secret | undefined> {
    const secret = await this.resources.get('Secret', name);
    if (secret === undefined) return undefined;
    const material = tlsMaterialOf(secret);
    const isWhole = Object.values(material).every((part) => part !== undefined);
    return isWhole ? tlsSecret(name, material) : undefined;
  }

  async target({ kind, name }: Workload): Promise<Target> {
    if (kind === 'host') return hostTarget(name);
    if (['pod', 'pods', 'po'].includes(kind)) return podsTarget(name);
    const api = WORKLOAD_KINDS[kind];
    if (api === undefined) {
      throw new UsageError(`Workloads of kind "${kind}" cannot be exposed`, {
        next: 'Give deployment, statefulset, daemonset, replicaset or service/NAME, pods/SELECTOR or host/ADDRESS',
      });
    }
    const { namespace } = this.context;
    const workload = await this.client.get(api, name, namespace);
    if (workload === undefined) {
      throw new NotFoundError(`There is no ${api.kind} "${name}" in namespace "${namespace}"`, {
        next: `See kubectl get ${api.plural} -n ${namespace}`,
      });
    }
    const target = targetOf({ ...workload, kind: api.kind }, await this.podsBehind(workload));
    if (target !== undefined) return target;
    throw new UsageError(`${api.kind} "${name}" selects no pods`, {
      next: 'Give pods/SELECTOR, such as pods/app=backend',
    });
  }

  /** Tokens of a cluster are redeemed elsewhere. */
  async machineId(): Promise<undefined> {
    return undefined;
  }

  private async findIdle(): Promise<Idle | undefined> {
    const { namespace } = this.context;
    const controllers = await findControllers(this.client, namespace);
    if (controllers === undefined) return undefined;
    const serving = controllers.filter((controller) => serves(controller, namespace));
    if (serving.some(({ readyCount }) => readyCount > 0)) return undefined;
    const [notReady] = serving;
    if (await hasLivingLease(this.client, Date.now())) return undefined;
    if (notReady !== undefined) {
      return {
        reason: `controller "${notReady.name}" of namespace "${notReady.namespace}" is not ready`,
        mayPass: true,
        next: `See kubectl get pods -n ${notReady.namespace}, or ${commandLine(this.context, 'check')}`,
      };
    }
    return {
      reason: `no controller serves namespace "${namespace}"`,
      next: `Install one: ${commandLine(this.context, 'install')}`,
    };
  }

  /** A large network is spread over several; the first says over how many. */
  private async networkMaps(): Promise<KubeObject[]> {
    const get = (name: string) => this.client.get(API.configMaps, name, this.context.namespace);
    const first = await get(NETWORK_STATUS_NAME);
    if (first === undefined) return [];
    const count = Number((first.data as Record<string, string> | undefined)?.parts ?? 1);
    const names = Array.from({ length: Math.max(0, count - 1) }, (_, index) => `${NETWORK_STATUS_NAME}-${index + 2}`);
    const others = await Promise.all(names.map(get));
    return [first, ...others.filter((map) => map !== undefined)];
  }

  /** Those whose containers may give the Service's ports their numbers. */
  private async podsBehind(workload: KubeObject): Promise<KubeObject[]> {
    const { selector, ports = [] } = (workload.spec ?? {}) as {
      selector?: Record<string, unknown>;
      ports?: { targetPort?: unknown }[];
    };
    if (!ports.some(({ targetPort }) => typeof targetPort === 'string') || selector === undefined) return [];
    const labelSelector = Object.entries(selector)
      .map(([key, value]) => `${key}=${String(value)}`)
      .join(',');
    return (await this.client.list(API.pods, { namespace: this.context.namespace, labelSelector })) ?? [];
  }
}

/** @throws UsageError when nothing says which cluster */
export async function openCluster(context: Context): Promise<KubernetesPlace> {
  if (!canReachCluster(context.cluster, context.env)) {
    throw new UsageError('No kubeconfig says which cluster to work on', {
      next: 'Give --kubeconfig or --context, or set KUBECONFIG; for a site on this machine give -p local',
    });
  }
  return new KubernetesPlace(context, await context.connect(context.cluster, context.env));
}

function podsTarget(selector: string): Target {
  if (/[=!( ,]/.test(selector)) return selectorTarget(selector);
  throw new UsageError(`"${selector}" is not a selector: single pods come and go`, {
    next: 'Give labels, such as pods/app=backend, or the workload of the pod, such as deployment/backend',
  });
}

function entityNames(map: KubeObject | undefined): string[] {
  return sectionsOf(map?.data).map(({ attributes }) => String(attributes.name ?? ''));
}
