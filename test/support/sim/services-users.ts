/** People of several clusters who make, change and remove services and exports, as a seed decides; and what should come of it all. */
import { type Random, randomInt } from '../../../lib/random.ts';
import type { ServicesCluster, ServicesWorld } from './services-world.ts';

export const NAMESPACE = 'shop';
const NAMES = ['web', 'db', 'cache'];

export class ServicesUsers {
  private readonly world: ServicesWorld;
  private readonly random: Random;

  constructor(world: ServicesWorld, random: Random) {
    this.world = world;
    this.random = random;
    for (const cluster of world.clusters) cluster.put('Namespace', undefined, NAMESPACE, {});
  }

  /** One deed of somebody. */
  act(): void {
    const cluster = this.pick(this.world.clusters);
    const name = this.pick(NAMES);
    const deeds = [
      () => this.makeService(cluster, name),
      () => this.makeService(cluster, name),
      () => cluster.remove('Service', NAMESPACE, name),
      () => this.setReady(cluster, name, randomInt(this.random, 3)),
      () => this.setReady(cluster, name, 1),
      () => this.makeExport(cluster, name),
      () => this.makeExport(cluster, name),
      () => cluster.remove('ServiceExport', NAMESPACE, name),
      () => this.meddle(cluster),
    ];
    this.pick(deeds)();
  }

  /** The clusters that export the service, in order. */
  exporters(name: string): string[] {
    return this.world.clusters
      .filter((cluster) => ['Service', 'ServiceExport'].every((kind) => this.has(cluster, kind as 'Service', name)))
      .map((cluster) => cluster.name);
  }

  get names(): readonly string[] {
    return NAMES;
  }

  private makeService(cluster: ServicesCluster, name: string): void {
    const port = 80 + randomInt(this.random, 2);
    cluster.put('Service', NAMESPACE, name, {
      spec: { type: 'ClusterIP', ports: [{ name: 'http', protocol: 'TCP', port }] },
    });
    if (cluster.find('EndpointSlice', NAMESPACE, name) === undefined) this.setReady(cluster, name, 1);
  }

  private setReady(cluster: ServicesCluster, name: string, count: number): void {
    cluster.put('EndpointSlice', NAMESPACE, name, {
      metadata: { labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: [1, 2].map((last) => ({ addresses: [`10.1.0.${last}`], conditions: { ready: last <= count } })),
    });
  }

  private makeExport(cluster: ServicesCluster, name: string): void {
    cluster.put('ServiceExport', NAMESPACE, name, {});
  }

  /** Somebody takes away what the controller made. */
  private meddle(cluster: ServicesCluster): void {
    const kind = this.pick(['ServiceImport', 'EndpointSlice', 'Listener', 'Connector'] as const);
    const made = kind === 'ServiceImport' ? cluster.list(kind, NAMESPACE) : cluster.made(kind);
    if (made.length === 0) return;
    const { metadata } = this.pick(made);
    cluster.remove(kind, metadata.namespace, metadata.name);
  }

  private has(cluster: ServicesCluster, kind: 'Service' | 'ServiceExport', name: string): boolean {
    return cluster.find(kind, NAMESPACE, name) !== undefined;
  }

  private pick<T>(items: readonly T[]): T {
    return items[randomInt(this.random, items.length)]!;
  }
}
