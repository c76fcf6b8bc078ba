/**
 * The adaptor's cluster from an API server: two watches, of its ConfigMap and of the namespace's Secrets, and few writes.
 *
 * Of Secrets only what profiles can use is kept: others may be large.
 */
import type { Secret } from '../../config/api/secret.ts';
import { NAME } from '../../config/names.ts';
import type { Clock } from '../../lib/clock.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { LEASE, LeaderElection } from '../../lib/kube/leader.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { Reflector } from '../../lib/kube/reflector.ts';
import type { Logger } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { Workloads } from '../reconcile/policy/workload-document.ts';
import type { AdaptorCluster } from './cluster.ts';
import { WorkloadMaps } from './workload-maps.ts';

const CONFIG_MAPS = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' };
const SECRETS = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets' };
/** Shorter than the other sites wait for a silent one: they do not notice when another adaptor takes over. */
const LEASE_TIMES = { leaseDurationMs: 6000, renewDeadlineMs: 4000, retryPeriodMs: 1500 };
/** Never those of a profile, often the largest ones. */
const SECRET_TYPES =
  'type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token,type!=kubernetes.io/dockerconfigjson';
const USED_KEYS = ['ca.crt', 'tls.crt', 'tls.key', 'host', 'port', 'username', 'password'];

export interface KubeClusterParts {
  client: KubeClient;
  namespace: string;
  configMap: string;
  pod: string;
  clock: Clock;
  random: Random;
  log: Logger;
}

export class KubeCluster implements AdaptorCluster {
  private readonly parts: KubeClusterParts;
  private readonly configMaps: Reflector;
  private readonly secretObjects: Reflector;
  private known: ReadonlyMap<string, Secret> | undefined;
  private tell: () => void = () => undefined;
  private readonly workloadMaps: WorkloadMaps;

  constructor(parts: KubeClusterParts) {
    const { namespace, configMap } = parts;
    this.parts = parts;
    this.workloadMaps = new WorkloadMaps(parts, () => this.tell());
    this.configMaps = new Reflector(parts, {
      type: CONFIG_MAPS,
      namespace,
      fieldSelector: `metadata.name=${configMap}`,
      onChange: () => this.tell(),
    });
    this.secretObjects = new Reflector(parts, {
      type: SECRETS,
      namespace,
      fieldSelector: SECRET_TYPES,
      transform: usedPartsOf,
      onChange: () => {
        this.known = undefined;
        this.tell();
      },
    });
  }

  get isSynced(): boolean {
    return this.configMaps.isSynced && this.secretObjects.isSynced;
  }

  configMap(): KubeObject | undefined {
    return this.configMaps.get(this.parts.namespace, this.parts.configMap);
  }

  secrets(): ReadonlyMap<string, Secret> {
    if (this.known === undefined) {
      const all = [...this.secretObjects.list()].map(
        (secret) => [secret.metadata.name, secret as unknown as Secret] as const,
      );
      this.known = new Map(all);
    }
    return this.known;
  }

  workloads(partCount: number): Workloads | undefined {
    return this.workloadMaps.read(partCount);
  }

  async run(onChange: () => void, signal: AbortSignal): Promise<void> {
    this.tell = onChange;
    const synced = Promise.all([this.configMaps.synced, this.secretObjects.synced]).then(onChange);
    await Promise.all([this.configMaps.run(signal), this.secretObjects.run(signal), this.workloadMaps.run(signal)]);
    await Promise.race([synced, Promise.resolve()]);
  }

  async apply(configMap: KubeObject, fieldManager: string, signal?: AbortSignal): Promise<void> {
    await this.parts.client.apply(CONFIG_MAPS, configMap, { fieldManager, signal });
  }

  async remove(name: string): Promise<boolean> {
    return await this.parts.client.delete(CONFIG_MAPS, this.parts.namespace, name);
  }

  async elect(onChange: (isLeading: boolean) => void, signal: AbortSignal): Promise<void> {
    const { namespace, pod } = this.parts;
    const election = new LeaderElection(this.parts, {
      namespace,
      name: NAME.siteLeader,
      identity: pod,
      ...LEASE_TIMES,
    });
    await election.run(signal, async (leading) => {
      onChange(true);
      await this.ownLease(leading);
      await ended(leading);
      onChange(false);
    });
  }

  /** The Lease goes with the Site. */
  private async ownLease(signal: AbortSignal): Promise<void> {
    const { client, namespace, log } = this.parts;
    const { ownerReferences } = this.configMap()?.metadata ?? {};
    if (ownerReferences === undefined) return;
    try {
      await client.patch(LEASE, namespace, NAME.siteLeader, { metadata: { ownerReferences } }, { signal });
    } catch (err) {
      if (!signal.aborted) log.warn({ err }, 'the lease is not owned by the Site');
    }
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function usedPartsOf(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion } = object.metadata;
  const data = (object.data ?? {}) as Record<string, string>;
  const used = USED_KEYS.filter((key) => data[key] !== undefined).map((key) => [key, data[key]]);
  return { ...object, metadata: { name, namespace, uid, resourceVersion }, data: Object.fromEntries(used) };
}
