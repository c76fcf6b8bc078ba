/**
 * One cluster of `skuprt dev`: controllers of sites and of services, and a router with its adaptor, as processes of this machine against its
 * API server. Remembers what it made, and takes back only that.
 */
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { ResourceOf } from '../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../config/api/schema.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { apiKindOf, readKustomization } from '../commands/install/manifests.ts';
import type { Context } from '../context.ts';
import { FailedError } from '../errors.ts';
import { openPlace } from '../places/choose.ts';
import { API, apiOf, type ClusterClient } from '../places/cluster-client.ts';
import { findControllers, serves } from '../places/controllers.ts';
import { waitUntilSettled } from '../resources.ts';
import { waitFor } from '../wait.ts';
import { Child } from './child.ts';
import { kindsOf } from './definitions.ts';
import { removeOrphans } from './orphans.ts';
import type { HeldHost } from './ports.ts';
import { clusterProperties, removeServices } from './services.ts';

const CONTROLLER_NAME = 'skuprt-dev';
const READY_MS = 120_000;
const GONE_MS = 30_000;

export interface DevClusterOptions {
  /** Of the platform kubernetes, with cluster and namespace. */
  context: Context;
  name: string;
  /** For files; gone at the end. */
  directory: string;
}

export class DevCluster {
  readonly name: string;
  readonly context: Context;
  private readonly directory: string;
  private readonly client: ClusterClient;
  private readonly made: KubeObject[] = [];
  private readonly children: Child[] = [];
  private services: Child | undefined;
  /** Names of the ClusterProperties that were there before. */
  private properties: ReadonlySet<string> = new Set();

  static async connect(options: DevClusterOptions): Promise<DevCluster> {
    const { context } = options;
    return new DevCluster(options, await context.connect(context.cluster, context.env));
  }

  private constructor({ context, name, directory }: DevClusterOptions, client: ClusterClient) {
    this.context = context;
    this.name = name;
    this.directory = directory;
    this.client = client;
  }

  /** Resolves when its site is ready. @throws FailedError, TimedOutError */
  async start({ host, grantPort }: Pick<HeldHost, 'host' | 'grantPort'>): Promise<void> {
    await this.requireNoController();
    await this.makeKinds();
    await this.make({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.context.namespace } });
    this.startController(host, grantPort);
    await this.makeSite();
    await this.startRouter(host);
    const place = await openPlace(this.context);
    const site = (await place.resources.list('Site'))[0]!;
    await waitUntilSettled(this.context, place, 'Site', site.metadata.name, { wait: 'ready', timeout: READY_MS });
    await this.startServices(host);
  }

  /** Rejects when one of its processes ends. */
  async watch(): Promise<void> {
    await Promise.all(this.children.map((child) => child.watch()));
  }

  /** Ends its processes and takes back what it made, also after half a start. Returns what could not be removed. */
  async stop(): Promise<string[]> {
    const left: string[] = [];
    // First, so that the other clusters hear that this one leaves.
    await this.stopServices().catch((error: Error) => left.push(error.message));
    // The site goes while its controller can still see to it.
    const sites = this.made.filter(({ kind }) => kind === 'Site');
    for (const object of sites) await this.remove(object).catch((error: Error) => left.push(error.message));
    for (const child of this.children.toReversed()) await child.stop();
    for (const object of this.made.filter(({ kind }) => kind !== 'Site').toReversed()) {
      await this.remove(object).catch((error: Error) => left.push(error.message));
    }
    const { namespace } = this.context;
    await removeOrphans(this.client, namespace, this.made).catch((error: Error) => left.push(error.message));
    return left;
  }

  /** Two would undo each other's work. */
  private async requireNoController(): Promise<void> {
    const { namespace } = this.context;
    const others = (await findControllers(this.client, namespace)) ?? [];
    const other = others.find((controller) => serves(controller, namespace));
    if (other === undefined) return;
    throw new FailedError(`Cluster ${this.name} has a controller already: ${other.namespace}/${other.name}`, {
      next: `Remove it with skuprt --context ${this.name} uninstall, or take another cluster`,
    });
  }

  private async makeKinds(): Promise<void> {
    const definitions = [...readKustomization('crd'), ...readKustomization('crd/services')];
    for (const definition of definitions) await this.make(definition);
    const { context } = this;
    await waitFor(
      context,
      { what: `the kinds of ${this.name}`, timeoutMs: READY_MS, afterwards: 'Look at the API server' },
      async () => {
        const listed = await Promise.all(definitions.flatMap(kindsOf).map((api) => this.client.list(api)));
        return listed.every((list) => list !== undefined) ? { done: true } : { pending: 'not served yet' };
      },
    );
  }

  private startController(host: string, grantPort: number): void {
    const { cluster, namespace } = this.context;
    this.child('site-controller', [
      ...['site-controller', '-p', 'kubernetes', ...clusterFlags(cluster), '-n', namespace],
      ...['--name', CONTROLLER_NAME, '--routers', 'external', '--cluster-host', host],
      ...['--enabled-access-types', 'host', '--default-access-type', 'host'],
      ...['--enable-grants', '--grant-server-autoconfigure', '--grant-server-port', String(grantPort)],
      ...['--metrics-port', '0', '--leader-elect'],
    ]);
  }

  private async makeSite(): Promise<void> {
    const { namespace } = this.context;
    const sites = (await this.client.list(apiOf('Site'), { namespace })) ?? [];
    if (sites.length > 0) return;
    const site: ResourceOf<'Site'> = {
      apiVersion: SKUPPER_API_VERSION,
      kind: 'Site',
      metadata: { name: this.name, namespace },
      spec: { linkAccess: 'default' },
    };
    await this.make(site as unknown as KubeObject);
  }

  private async startRouter(host: string): Promise<void> {
    const { cluster, namespace } = this.context;
    const config = join(this.directory, `${this.name}-router.json`);
    const adaptor = [
      ...['kube-adaptor', ...clusterFlags(cluster), '-n', namespace, '--pod', `dev-${this.name}`, '--bind', host],
      ...['--certs', join(this.directory, `${this.name}-certs`), '--router-config', config],
      ...['--health-port', '0', '--metrics-port', '0'],
    ];
    const init = new Child(this.context, {
      name: `adaptor of ${this.name}`,
      args: [...adaptor, '--init'],
      logFile: this.log('init'),
    });
    this.children.push(init);
    await init.finish();
    this.children.pop();
    this.child('router', ['router', '--config', config, '--exit-with-stdin']);
    this.child('kube-adaptor', adaptor);
  }

  /** Routers here have loopback addresses, which no EndpointSlice may hold: what stands in them is for the shape only. */
  private async startServices(host: string): Promise<void> {
    const { cluster, namespace } = this.context;
    this.properties = await clusterProperties(this.client);
    this.services = this.child('service-controller', [
      ...['service-controller', ...clusterFlags(cluster), '-n', namespace, '--leader-elect', '--metrics-port', '0'],
      ...['--router', `${host}:5672`, '--router-addresses', outerAddress(), '--leave-on-stop'],
      ...['--cluster-id', labelOf(this.name)],
    ]);
    const what = `${this.name} to take part in the cluster set`;
    await waitFor(
      this.context,
      { what, timeoutMs: READY_MS, afterwards: `See ${this.log('service-controller')}` },
      async () => ((await clusterProperties(this.client)).size < 2 ? { pending: 'not named yet' } : { done: true }),
    );
  }

  private async stopServices(): Promise<void> {
    if (this.services === undefined) return;
    await this.services.stop();
    await removeServices(this.client, this.properties);
  }

  private child(role: string, args: readonly string[]): Child {
    const name = `${role} of ${this.name}`;
    const child = new Child(this.context, { name, args, logFile: this.log(role) });
    this.children.push(child);
    return child;
  }

  private log(role: string): string {
    return join(this.directory, `${this.name}-${role}.log`);
  }

  /** What is there already is somebody's, and stays. */
  private async make(object: KubeObject): Promise<void> {
    const api = apiFor(object);
    const { name, namespace } = object.metadata;
    if ((await this.client.get(api, name, namespace)) !== undefined) return;
    this.made.push(await this.client.create(api, object));
  }

  private async remove(object: KubeObject): Promise<void> {
    const api = apiFor(object);
    const { name, namespace } = object.metadata;
    await this.client.delete(api, name, namespace);
    // Whoever was told to stop does not want to be stopped from cleaning up.
    const patient: Context = { ...this.context, signal: new AbortController().signal };
    const what = `${object.kind} ${name} of ${this.name} to be gone`;
    await waitFor(patient, { what, timeoutMs: GONE_MS, afterwards: 'It goes on in the background' }, async () =>
      (await this.client.get(api, name, namespace)) === undefined ? { done: true } : { pending: 'being removed' },
    );
  }
}

function apiFor({ kind, apiVersion }: KubeObject) {
  if (kind === 'Site') return apiOf('Site');
  if (kind === 'Namespace') return API.namespaces;
  return { ...apiKindOf({ kind }), apiVersion };
}

function clusterFlags({ kubeconfig, context }: Context['cluster']): string[] {
  return [
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === undefined ? [] : ['--context', context]),
  ];
}

/** One that is not of the loopback, where there is one; else one that is for examples. */
function outerAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const found = all.find(
    ({ internal, family, address }) => !internal && family === 'IPv4' && !address.startsWith('169.254.'),
  );
  return found?.address ?? '192.0.2.1';
}

/** A context's name as a DNS label. */
function labelOf(name: string): string {
  const label = name.toLowerCase().replace(/[^a-z0-9-]/g, '-');
  return label.slice(0, 63).replace(/^-+|-+$/g, '') || 'cluster';
}
