/** What `service export` and its siblings work on: ServiceExports and ServiceImports, and what is behind them. Here those of a cluster. */

import { SERVICE_KINDS, type ServiceKind } from '../../config/api/service-kinds.ts';
import { httpStatusOf } from '../../lib/errors.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { LEASE_ADDRESS, MANAGER, MCS, PROPERTY } from '../../service-controller/names.ts';
import type { Told } from '../../service-controller/platform/tell.ts';
import { type Context, commandLine } from '../context.ts';
import { FailedError } from '../errors.ts';
import { splitServiceName } from '../parse.ts';
import { ask } from './ask-services.ts';
import { API, type ApiKind, type ClusterClient, type PodPort } from './cluster-client.ts';
import type { Idle } from './place.ts';

export const MCS_API = {
  exports: apiOfService('ServiceExport'),
  imports: apiOfService('ServiceImport'),
  properties: apiOfService('ClusterProperty'),
};

/** Of the service-controller, in its pod. */
const METRICS_PORT = 9000;

/** A platform's way to the services of the cluster set, in the namespace of the command. */
export interface ClusterSetPlace {
  /** Undefined as long as somebody may act on what is written. */
  idle(): Promise<Idle | undefined>;
  /** The kinds are known here. */
  isInstalled(): Promise<boolean>;
  /** Whether there is something to export under this name, and what to do when there is not. */
  missing(name: string): Promise<{ what: string; next: string } | undefined>;
  export(name: string): Promise<KubeObject | undefined>;
  exports(): Promise<KubeObject[]>;
  /** Makes it, or changes what differs. */
  applyExport(wanted: KubeObject): Promise<void>;
  deleteExport(name: string): Promise<void>;
  /** Of any namespace, as `NAME.NAMESPACE` says; of that of the command when it does not. */
  import(name: string): Promise<KubeObject | undefined>;
  /** Sorted. */
  imports(): Promise<KubeObject[]>;
  /** Under which id this cluster takes part in the set; undefined where that cannot be read. */
  clusterId(): Promise<string | undefined>;
  /** What the service-controller says of it; `test`: with connections tried. Undefined: it knows of none. @throws FailedError */
  explain(name: string, test: boolean): Promise<Told | undefined>;
}

export class KubernetesClusterSet implements ClusterSetPlace {
  private readonly context: Context;
  private readonly client: ClusterClient;

  constructor(context: Context, client: ClusterClient) {
    this.context = context;
    this.client = client;
  }

  /** A service-controller that is not there is told by what waits for it. */
  async idle(): Promise<undefined> {
    return undefined;
  }

  async isInstalled(): Promise<boolean> {
    const lists = [MCS_API.exports, MCS_API.imports].map((api) =>
      this.client.list(api, { namespace: this.context.namespace }),
    );
    return (await Promise.all(lists)).every((list) => list !== undefined);
  }

  async missing(name: string): Promise<{ what: string; next: string } | undefined> {
    const { namespace } = this.context;
    const service = await this.client.get(API.services, name, namespace);
    if (service !== undefined) return undefined;
    return {
      what: `no Service "${name}" in namespace "${namespace}"`,
      next: `See kubectl get services -n ${namespace}`,
    };
  }

  async export(name: string): Promise<KubeObject | undefined> {
    const found = await this.client.get(MCS_API.exports, name, this.context.namespace);
    if (found === undefined) await this.exports();
    return found;
  }

  exports(): Promise<KubeObject[]> {
    return this.list(MCS_API.exports);
  }

  async applyExport(wanted: KubeObject): Promise<void> {
    const { namespace } = this.context;
    await this.client.apply(MCS_API.exports, { ...wanted, metadata: { ...wanted.metadata, namespace } });
  }

  async deleteExport(name: string): Promise<void> {
    await this.client.delete(MCS_API.exports, name, this.context.namespace);
  }

  import(given: string): Promise<KubeObject | undefined> {
    const { name, namespace } = splitServiceName(given, this.context.namespace);
    return this.client.get(MCS_API.imports, name, namespace);
  }

  imports(): Promise<KubeObject[]> {
    return this.list(MCS_API.imports);
  }

  async clusterId(): Promise<string | undefined> {
    try {
      const property = await this.client.get(MCS_API.properties, PROPERTY.clusterId);
      return (property?.spec as { value?: string } | undefined)?.value;
    } catch (error) {
      // It belongs to the cluster: who works in one namespace may not be allowed to look.
      if (httpStatusOf(error) === 403) return undefined;
      throw error;
    }
  }

  async explain(given: string, test: boolean): Promise<Told | undefined> {
    const { name, namespace } = splitServiceName(given, this.context.namespace);
    const rest = `explain/${namespace}/${name}?test=${test}`;
    const pods = await this.controllerPods();
    for (const pod of pods) {
      try {
        return await this.askPod(pod, rest);
      } catch (error) {
        if (pod === pods.at(-1)) throw error;
      }
    }
    return await ask(
      await this.outsideAddress(),
      rest,
      'It runs outside the cluster: ask from the machine where it runs',
    );
  }

  /** Of each replica that runs. */
  private async controllerPods(): Promise<Omit<PodPort, 'port'>[]> {
    const pods = (await this.client.list(API.pods, { labelSelector: `app.kubernetes.io/name=${MANAGER}` })) ?? [];
    return pods
      .filter(({ metadata, status }) => metadata.deletionTimestamp === undefined && isReady(status))
      .map(({ metadata }) => ({ namespace: metadata.namespace ?? '', pod: metadata.name }));
  }

  /** It answers nobody but who comes from within its pod, as what the API server forwards does. @throws FailedError, PortForwardError */
  private async askPod(at: Omit<PodPort, 'port'>, path: string): Promise<Told | undefined> {
    let fault: Error | undefined;
    const forwarded = await this.client.forwardPort({ ...at, port: METRICS_PORT }, (error) => {
      fault = error;
    });
    try {
      return await ask(`http://127.0.0.1:${forwarded.port}`, path, `See kubectl logs -n ${at.namespace} ${at.pod}`);
    } catch (error) {
      throw fault ?? error;
    } finally {
      forwarded.close();
    }
  }

  /** Of a process on this machine, as `skuprt dev` starts it. */
  private async outsideAddress(): Promise<string> {
    const leases = (await this.client.list(API.leases, { fieldSelector: `metadata.name=${MANAGER}` })) ?? [];
    const address = leases.map(({ metadata }) => metadata.annotations?.[LEASE_ADDRESS]).find(Boolean);
    if (address !== undefined) return address;
    throw new FailedError('No service-controller runs in this cluster', {
      next: `Install it: ${commandLine(this.context, 'install')}`,
    });
  }

  private async list(api: ApiKind): Promise<KubeObject[]> {
    const found = await this.client.list(api, { namespace: this.context.namespace });
    if (found !== undefined) return found.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
    throw new FailedError(`This cluster does not know the kind ${api.kind} (${MCS.group})`, {
      next: `Install it with the service-controller: ${commandLine(this.context, 'install')}`,
    });
  }
}

function apiOfService<K extends ServiceKind>(kind: K): ApiKind & { kind: K } {
  const { apiVersion, plural } = SERVICE_KINDS[kind];
  return { apiVersion, kind, plural };
}

function isReady(status: unknown): boolean {
  const { conditions = [] } = (status ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
}
