/** A real API server with our kinds, namespaces on it, and controllers that are started and ended at will. */
import { randomUUID } from 'node:crypto';
import { readKustomization } from '../../../cli/commands/install/manifests.ts';
import { POLICY_API_VERSION } from '../../../config/api/access-policy.ts';
import type { Condition } from '../../../config/api/schema.ts';
import { systemClock } from '../../../lib/clock.ts';
import type { KubeClient, ResourceType } from '../../../lib/kube/client.ts';
import { LeaderElection } from '../../../lib/kube/leader.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { QueueObserver } from '../../../lib/kube/queue.ts';
import { createLogger } from '../../../lib/log.ts';
import { systemRandom } from '../../../lib/random.ts';
import { Controller } from '../../../site-controller/platform/kubernetes/controller.ts';
import type { EventWant } from '../../../site-controller/platform/kubernetes/status-events.ts';
import { WATCHED, watchedOn } from '../../../site-controller/platform/kubernetes/watched.ts';
import type { ControllerSettings } from '../../../site-controller/reconcile/settings.ts';
import { settings } from '../cluster.ts';
import { eventually } from '../eventually.ts';
import { ApiServer } from './api-server.ts';

const SKUPPER = 'skupper.io/v2alpha1';
const NAMESPACE: ResourceType = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const DEFINITION: ResourceType = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};
const TYPES: ReadonlyMap<string, ResourceType> = new Map(WATCHED.map((type) => [type.kind, type]));
const base = { clock: systemClock, random: systemRandom, log: createLogger({ name: 'test', level: 'silent' }) };

export function typeOf(kind: string): ResourceType {
  return TYPES.get(kind)!;
}

export interface RunningController {
  readonly controller: Controller;
  /** `apply Service` and the like, in order. */
  readonly writes: string[];
  /** Looks at namespaces, and those that failed. */
  readonly passes: { count: number; failureCount: number };
  /** Told to users. */
  readonly events: EventWant[];
  readonly isLeading: boolean;
  stop(): Promise<void>;
}

export class ControlledCluster {
  readonly api: ApiServer;
  readonly client: KubeClient;
  private readonly running = new Set<RunningController>();
  private namespaceCount = 0;

  private constructor(api: ApiServer, client: KubeClient) {
    this.api = api;
    this.client = client;
  }

  /** With every kind but those that are left out. */
  static async start(name: string, without: readonly string[] = []): Promise<ControlledCluster> {
    const api = await ApiServer.start(name);
    const cluster = new ControlledCluster(api, (await api.connect()).client);
    await cluster.installKinds((kind) => !without.includes(kind));
    await cluster.namespace('skupper');
    return cluster;
  }

  async installKinds(isWanted: (kind: string) => boolean): Promise<void> {
    const kindOf = ({ spec }: KubeObject) => (spec as { names: { kind: string } }).names.kind;
    const definitions = readKustomization('crd').filter((definition) => isWanted(kindOf(definition)));
    for (const definition of definitions) await this.client.apply(DEFINITION, definition, { fieldManager: 'test' });
    await eventually('kinds are served', async () => {
      const kinds = await Promise.all([SKUPPER, POLICY_API_VERSION].map((version) => this.client.kindsOf(version)));
      return definitions.every((definition) => kinds.some((ofVersion) => ofVersion.has(kindOf(definition))));
    });
  }

  /** Runs until it is stopped; one that leads alone leads at once, others compete for a lease. */
  async startController({
    parts = {},
    elects = false,
  }: {
    parts?: Partial<ControllerSettings>;
    elects?: boolean;
  } = {}): Promise<RunningController> {
    const { client } = await this.api.connect();
    const lease = { namespace: 'skupper', name: 'skupper-controller', identity: randomUUID() };
    const times = { leaseDurationMs: 3000, renewDeadlineMs: 2000, retryPeriodMs: 300 };
    const election = new LeaderElection({ client, ...base }, { ...lease, ...times });
    const writes: string[] = [];
    const events: EventWant[] = [];
    const passes = { count: 0, failureCount: 0 };
    const state = { isLeading: false };
    const controller = new Controller({
      ...base,
      client,
      settings: settings({ enabledAccessTypes: ['local', 'loadbalancer'], enableGrants: false, ...parts }),
      watched: await watchedOn((apiVersion) => client.kindsOf(apiVersion)),
      version: '1.2.3',
      onEvent: (event) => events.push(event),
      onWrite: (verb, kind) => writes.push(`${verb} ${kind}`),
      queueObserver: counting(passes),
      elect: async (lead, signal) => {
        const told = async (leading: AbortSignal) => {
          state.isLeading = true;
          await lead(leading).finally(() => {
            state.isLeading = false;
          });
        };
        await (elects ? election.run(signal, told) : told(signal));
      },
    });
    const stopping = new AbortController();
    const over = controller.run(stopping.signal);
    const started: RunningController = {
      controller,
      writes,
      events,
      passes,
      get isLeading() {
        return state.isLeading;
      },
      stop: async () => {
        this.running.delete(started);
        stopping.abort();
        await over;
        client.close();
      },
    };
    this.running.add(started);
    await eventually('the cluster is seen', () => controller.isSynced, 20_000);
    return started;
  }

  async namespace(name = `ns-${++this.namespaceCount}`): Promise<string> {
    await this.client.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    return name;
  }

  /** Made or changed by a user; beside `spec` any other members. */
  async put(kind: string, namespace: string, name: string, spec: object, members: object = {}): Promise<KubeObject> {
    const type = typeOf(kind);
    const { metadata = {}, ...rest } = members as { metadata?: object };
    const object = { apiVersion: type.apiVersion, kind, metadata: { name, namespace, ...metadata }, spec, ...rest };
    if ((await this.find(kind, namespace, name)) === undefined) return this.client.create(type, object);
    return this.client.patch(type, namespace, name, { spec, ...rest });
  }

  find(kind: string, namespace: string, name: string): Promise<KubeObject | undefined> {
    return this.client.find(typeOf(kind), namespace, name);
  }

  async remove(kind: string, namespace: string, name: string): Promise<void> {
    await this.client.delete(typeOf(kind), namespace, name);
  }

  async list(kind: string, namespace: string): Promise<KubeObject[]> {
    return (await this.client.list(typeOf(kind), { namespace })).items;
  }

  /** Waits until there is one that `isSo`. */
  async seen(
    kind: string,
    namespace: string,
    name: string,
    isSo: (object: KubeObject) => boolean = () => true,
  ): Promise<KubeObject> {
    let last: KubeObject | undefined;
    const what = () => `${kind} ${namespace}/${name}: ${JSON.stringify(last?.status ?? last)}`;
    return eventually(what, async () => {
      last = await this.find(kind, namespace, name);
      return last !== undefined && isSo(last) ? last : undefined;
    });
  }

  async gone(kind: string, namespace: string, name: string): Promise<void> {
    const what = `${kind} ${namespace}/${name} is gone`;
    await eventually(what, async () => (await this.find(kind, namespace, name)) === undefined);
  }

  /** Waits for a condition with that status whose message matches, of the present generation. */
  async condition(
    [kind, namespace, name]: readonly [kind: string, namespace: string, name: string],
    type: string,
    status: 'True' | 'False',
    message: RegExp | string = '',
  ): Promise<void> {
    await this.seen(kind, namespace, name, ({ status: found, metadata }) => {
      const { conditions = [] } = (found ?? {}) as { conditions?: Condition[] };
      const condition = conditions.find((one) => one.type === type);
      const isMeant = condition?.status === status && condition.observedGeneration === metadata.generation;
      return isMeant && new RegExp(message).test(condition.message);
    });
  }

  /** Entities of a group's router configuration, by `type name`. */
  async routerConfig(namespace: string, group = 'skupper-router'): Promise<Map<string, Record<string, unknown>>> {
    const map = await this.find('ConfigMap', namespace, group);
    const text = ((map?.data ?? {}) as Record<string, string>)['skrouterd.json'] ?? '[]';
    const entities = JSON.parse(text) as [string, Record<string, unknown>][];
    return new Map(entities.map(([type, attributes]) => [`${type} ${attributes.name}`, attributes]));
  }

  /** Waits until the router is configured with that entity, or without it. */
  async entity(namespace: string, name: string, isThere = true): Promise<Record<string, unknown>> {
    return eventually(
      `${name} in ${namespace}: ${isThere}`,
      async () => {
        const found = (await this.routerConfig(namespace)).get(name);
        return (found !== undefined) === isThere && (found ?? {});
      },
      15_000,
    );
  }

  /** Nothing else does: there is no controller manager. */
  async collectGarbage(namespace: string): Promise<void> {
    for (;;) {
      const lists = await Promise.all([...TYPES.keys()].map((kind) => this.listed(kind, namespace)));
      const all = lists.flat();
      const uids = new Set(all.map(({ metadata }) => metadata.uid));
      const orphans = all.filter(({ metadata: { ownerReferences: owners = [] } }) => {
        return owners.length > 0 && !owners.some(({ uid }) => uids.has(uid));
      });
      if (orphans.length === 0) return;
      for (const { kind, metadata } of orphans) await this.remove(kind, namespace, metadata.name);
    }
  }

  async stop(): Promise<void> {
    for (const controller of this.running) await controller.stop();
    this.client.close();
    await this.api.stop();
  }

  /** None of a kind that the API server lacks. */
  private async listed(kind: string, namespace: string): Promise<KubeObject[]> {
    return this.list(kind, namespace).catch(() => []);
  }
}

function counting(passes: RunningController['passes']): QueueObserver {
  return {
    depth: () => undefined,
    waited: () => undefined,
    retried: () => undefined,
    reconciled: (result) => {
      passes.count += 1;
      if (result === 'error') passes.failureCount += 1;
    },
  };
}
