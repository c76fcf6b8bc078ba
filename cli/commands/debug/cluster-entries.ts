/**
 * What a dump of a site in a cluster holds: what the API server says of it, its events, the logs of its pods and of its controller,
 * and what its routers report. What this user may not see is named, not left out silently.
 */
import { stringify } from 'yaml';
import { KINDS, type Kind } from '../../../config/api/index.ts';
import { messageOf } from '../../../lib/errors.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { Context } from '../../context.ts';
import { formatObject } from '../../output/resources.ts';
import { table } from '../../output/table.ts';
import { API, type ApiKind, apiOf, type ClusterClient } from '../../places/cluster-client.ts';
import { notInstalled } from '../../places/cluster-store.ts';
import { CONTROLLER_SELECTOR, findControllers } from '../../places/controllers.ts';
import { openCluster } from '../../places/kubernetes.ts';
import { type Entry, logText, withoutSecrets } from './entry.ts';

const ROUTER_SELECTOR = 'skupper.io/component=router';
/** Of the site's namespace, beside our own kinds. Secrets and ConfigMaps are those that have to do with us. */
const NAMESPACE_KINDS: readonly ApiKind[] = [
  API.deployments,
  API.services,
  API.endpointSlices,
  API.serviceAccounts,
  API.roles,
  API.roleBindings,
  API.leases,
];

export async function openClusterDump(context: Context): Promise<() => Promise<Entry[]>> {
  const { client } = await openCluster(context);
  if ((await client.list(apiOf('Site'), { namespace: context.namespace })) === undefined) throw notInstalled(context);
  return () => new ClusterDump(client, context.namespace).collect();
}

class ClusterDump {
  private readonly client: ClusterClient;
  private readonly namespace: string;
  private readonly missing: string[] = [];

  constructor(client: ClusterClient, namespace: string) {
    this.client = client;
    this.namespace = namespace;
  }

  async collect(): Promise<Entry[]> {
    const { namespace } = this;
    const ours = (Object.keys(KINDS) as Kind[]).filter((kind) => kind !== 'Secret').map(apiOf);
    const entries = [
      ...(await this.cluster()),
      ...(await this.resources('site-namespace', namespace, [...ours, ...NAMESPACE_KINDS])),
      ...(await this.resources('site-namespace', namespace, [API.configMaps, API.secrets], isOfSite)),
      ...(await this.events('site-namespace', namespace)),
      ...(await this.pods('site-namespace', namespace, ROUTER_SELECTOR)),
      ...(await this.controllers()),
    ];
    const missing = this.missing.length === 0 ? 'nothing\n' : `${this.missing.join('\n')}\n`;
    return [...entries, { name: 'missing.txt', data: missing }];
  }

  private async cluster(): Promise<Entry[]> {
    const version = await this.attempt('the version of the API server', () => this.client.json('/version'));
    const nodes = await this.attempt('nodes', () => this.client.list(API.nodes));
    const definitions = await this.attempt('the kinds', () => this.client.list(API.definitions));
    const rows = (nodes ?? []).map(({ metadata, status }) => {
      const { kubeletVersion, osImage, containerRuntimeVersion, architecture } =
        (status as { nodeInfo?: Record<string, string> } | undefined)?.nodeInfo ?? {};
      return [metadata.name, kubeletVersion, architecture, osImage, containerRuntimeVersion];
    });
    const kinds = (definitions ?? []).filter(({ metadata }) => metadata.name.endsWith('.skupper.io'));
    return [
      { name: 'kubernetes.yaml', data: stringify(version ?? {}) },
      { name: 'nodes.txt', data: table(['NAME', 'VERSION', 'ARCHITECTURE', 'SYSTEM', 'RUNTIME'], rows) },
      {
        name: 'kinds.yaml',
        data: stringify(
          kinds.map(({ metadata }) => ({ name: metadata.name, annotations: metadata.annotations ?? {} })),
        ),
      },
    ];
  }

  /** The controllers that this user may see, each with what it runs and says. */
  private async controllers(): Promise<Entry[]> {
    const controllers = await this.attempt('controllers', () => findControllers(this.client, this.namespace));
    if (controllers === undefined) this.missing.push('controllers: not to be seen by this user');
    const namespaces = [...new Set((controllers ?? []).map(({ namespace }) => namespace))];
    const found = await Promise.all(
      namespaces.map(async (namespace) => {
        const folder = `controller-namespace/${namespace}`;
        return [
          ...(await this.resources(folder, namespace, [API.deployments, API.services, API.leases])),
          ...(await this.resources(folder, namespace, [API.configMaps], isOfSite)),
          ...(await this.events(folder, namespace)),
          ...(await this.pods(folder, namespace, CONTROLLER_SELECTOR)),
        ];
      }),
    );
    return found.flat();
  }

  private async resources(
    folder: string,
    namespace: string,
    apis: readonly ApiKind[],
    accept: (object: KubeObject) => boolean = () => true,
  ): Promise<Entry[]> {
    const found = await Promise.all(
      apis.map(async (api) => {
        const list = await this.attempt(`${api.plural} of ${namespace}`, () => this.client.list(api, { namespace }));
        return (list ?? []).filter(accept).map((object) => entryOf(`${folder}/resources/${api.plural}`, api, object));
      }),
    );
    return found.flat();
  }

  private async events(folder: string, namespace: string): Promise<Entry[]> {
    const events = await this.attempt(`events of ${namespace}`, () => this.client.list(API.events, { namespace }));
    const rows = (events ?? []).map(eventRow).sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
    return [
      {
        name: `${folder}/events.txt`,
        data: logText(table(['TIME', 'TYPE', 'REASON', 'OBJECT', 'COUNT', 'MESSAGE'], rows)),
      },
    ];
  }

  private async pods(folder: string, namespace: string, labelSelector: string): Promise<Entry[]> {
    const list = () => this.client.list(API.pods, { namespace, labelSelector });
    const pods = (await this.attempt(`pods of ${namespace}`, list)) ?? [];
    const logs = await Promise.all(pods.map((pod) => this.logs(folder, namespace, pod)));
    return [...pods.map((pod) => entryOf(`${folder}/resources/pods`, API.pods, pod)), ...logs.flat()];
  }

  private async logs(folder: string, namespace: string, pod: KubeObject): Promise<Entry[]> {
    const { name } = pod.metadata;
    const entries: Entry[] = [];
    for (const { container, restartCount } of containersOf(pod)) {
      for (const previous of restartCount > 0 ? [false, true] : [false]) {
        const file = `${name}-${container}${previous ? '-previous' : ''}.txt`;
        const read = () => this.client.logs(namespace, name, { container, previous });
        const text = await this.attempt(`log ${file}`, read);
        if (text !== undefined) entries.push({ name: `${folder}/logs/${file}`, data: logText(text) });
      }
    }
    return entries;
  }

  /** One thing that cannot be read must not take the others with it. */
  private async attempt<T>(what: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      this.missing.push(`${what}: ${messageOf(error)}`);
      return undefined;
    }
  }
}

function entryOf(folder: string, { apiVersion, kind }: ApiKind, object: KubeObject): Entry {
  // What is a secret is told by its kind.
  const whole = { ...object, apiVersion, kind };
  return { name: `${folder}/${object.metadata.name}.yaml`, data: formatObject(withoutSecrets(whole), 'yaml') };
}

/** Another program's configuration and secrets are none of our business. */
function isOfSite({ metadata }: KubeObject): boolean {
  const { name, labels = {}, annotations = {}, ownerReferences = [] } = metadata;
  const keys = [...Object.keys(labels), ...Object.keys(annotations)];
  return (
    /^(skupper|skuprt)(-|$)/.test(name) ||
    keys.some((key) => /(^|\.)(skupper|skuprt)\.io\//.test(key)) ||
    ownerReferences.some(({ apiVersion }) => apiVersion.startsWith('skupper.io/'))
  );
}

function containersOf({ spec, status }: KubeObject): { container: string; restartCount: number }[] {
  const { containers = [], initContainers = [] } = (spec ?? {}) as Record<string, { name: string }[] | undefined>;
  const { containerStatuses = [], initContainerStatuses = [] } = (status ?? {}) as Record<
    string,
    { name: string; restartCount?: number }[] | undefined
  >;
  const statuses = [...containerStatuses, ...initContainerStatuses];
  return [...initContainers, ...containers].map(({ name }) => ({
    container: name,
    restartCount: statuses.find((one) => one.name === name)?.restartCount ?? 0,
  }));
}

function eventRow(event: KubeObject): (string | number | undefined)[] {
  const { type, reason, message, count, lastTimestamp, eventTime, involvedObject } = event as unknown as {
    type?: string;
    reason?: string;
    message?: string;
    count?: number;
    lastTimestamp?: string | null;
    eventTime?: string | null;
    involvedObject?: { kind?: string; name?: string };
  };
  const time = lastTimestamp ?? eventTime ?? event.metadata.creationTimestamp ?? '';
  return [time, type, reason, `${involvedObject?.kind}/${involvedObject?.name}`, count, message?.replaceAll('\n', ' ')];
}
