/**
 * Everyone else in a simulated cluster, at random from a seed: people who make, change and delete resources, touch what the controller
 * made, and workloads, load balancers and routers that come and go.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { type Random, randomInt } from '../../../lib/random.ts';
import { encodeNetwork, NETWORK_STATUS_NAME } from '../../../site-controller/exchange/network-document.ts';
import { createCa, issueCertificate } from '../../../site-controller/pki/authority.ts';
import { tlsSecret } from '../../../site-controller/pki/secret.ts';
import { type ControllerWorld, typeOf } from './controller-world.ts';

/** The first is the controller's own. */
export const NAMESPACES = ['skupper', 'west', 'east'] as const;

const DAY_MS = 86_400_000;

type Body = Omit<KubeObject, 'apiVersion' | 'kind' | 'metadata'> & { labels?: Record<string, string> };

export class ControllerUsers {
  private readonly world: ControllerWorld;
  private readonly random: Random;
  private readonly material: KubeObject['data'];
  /** The frequent ones several times. */
  private readonly deeds: readonly (() => void)[];

  constructor(world: ControllerWorld, random: Random, now: number) {
    this.world = world;
    this.random = random;
    this.material = tlsData(now);
    const weighted: [weight: number, deed: () => void][] = [
      [4, () => this.toggle('Site', this.pick(['site-a', 'site-b']), { spec: this.siteSpec() }, 0.15)],
      [6, () => this.toggle('Listener', `listener-${this.draw(4)}`, { spec: this.listenerSpec() })],
      [6, () => this.toggle('Connector', `connector-${this.draw(4)}`, { spec: this.connectorSpec() })],
      [2, () => this.toggle('MultiKeyListener', `multi-${this.draw(2)}`, { spec: this.multiSpec() })],
      [2, () => this.attach()],
      [1, () => this.toggle('RouterAccess', 'own-access', { spec: this.accessSpec() })],
      [2, () => this.toggle('Link', `link-${this.draw(2)}`, { spec: this.linkSpec() })],
      [1, () => this.toggle('Certificate', 'own-certificate', { spec: this.certificateSpec() })],
      [2, () => this.toggle('Secret', 'user-tls', { type: 'kubernetes.io/tls', data: this.material })],
      [3, () => this.toggle('Pod', `web-${this.draw(3)}`, { ...this.podStatus(), labels: { app: 'web' } })],
      [2, () => this.toggle('Service', `host-${this.draw(3)}`, { spec: { ports: [{ port: 80 }] } })],
      [1, () => this.toggle('ConfigMap', 'template', TEMPLATE)],
      [
        1,
        () =>
          this.toggle('ConfigMap', 'skupper', {
            data: { controller: this.pick(['other', 'skupper/skupper-controller']) },
          }),
      ],
      [1, () => this.tellNetwork()],
      [3, () => this.giveAddresses()],
      [6, () => this.deleteOurs()],
      [6, () => this.editOurs()],
      [1, () => this.world.api.store.compact()],
      [2, () => this.world.startController()],
      [2, () => this.world.interruptLeading()],
    ];
    this.deeds = weighted.flatMap(([weight, deed]) => Array.from({ length: weight }, () => deed));
  }

  /** One deed of somebody. */
  act(): void {
    this.world.asUser(this.pick(this.deeds));
  }

  /** A Site everywhere, so that there is something to do. */
  begin(): void {
    for (const namespace of NAMESPACES) {
      this.world.asUser(() => this.create('Site', namespace, 'site-a', { spec: { linkAccess: 'default' } }));
    }
  }

  /** No namespace is left to another controller, and no certificate without its CA. */
  end(): void {
    const { store } = this.world.api;
    for (const namespace of NAMESPACES) {
      const hasSite = store.list(typeOf('Site'), namespace).length > 0;
      const unwanted = [['ConfigMap', 'skupper'], ...(hasSite ? [] : [['Certificate', 'own-certificate']])] as const;
      for (const [kind, name] of unwanted) {
        const place = { namespace, name: name!, subresource: undefined };
        this.world.asUser(() => store.get(typeOf(kind!), place) && store.remove(typeOf(kind!), place));
      }
    }
    this.settle();
  }

  /** What others do by themselves sooner or later. */
  settle(): void {
    this.world.asUser(() => {
      this.giveAddresses();
      for (const map of this.world.api.store.list(typeOf('ConfigMap'))) {
        if (map.metadata.name === NETWORK_STATUS_NAME && map.data === undefined)
          this.tellNetwork(map.metadata.namespace, []);
      }
    });
  }

  /** What is there is changed, or removed; what is not is made. */
  private toggle(kind: string, name: string, body: Body, deletion = 0.3): void {
    const namespace = this.pick(NAMESPACES);
    const place = { namespace, name, subresource: undefined };
    const { store } = this.world.api;
    const found = store.get(typeOf(kind), place);
    if (found === undefined) this.create(kind, namespace, name, body);
    else if (!this.world.isUserMade(found) || this.random.next() < deletion) store.remove(typeOf(kind), place);
    else if (kind !== 'Pod') {
      const { labels: _labels, ...members } = body;
      store.replace(typeOf(kind), place, { ...found, ...members });
    } else store.merge(typeOf(kind), { ...place, subresource: 'status' }, body as Record<string, unknown>);
  }

  private create(kind: string, namespace: string, name: string, { labels, status, ...members }: Body): void {
    const type = typeOf(kind);
    const metadata = { name, ...(labels && { labels }) };
    const place = { namespace, name, subresource: 'status' };
    this.world.api.store.create(type, { apiVersion: type.apiVersion, kind, metadata, ...members }, namespace);
    if (status !== undefined) this.world.api.store.merge(type, place, { status });
  }

  private siteSpec(): object {
    return {
      linkAccess: this.pick(['default', 'none', 'loadbalancer', 'local', 'unheard-of']),
      ha: this.random.next() < 0.3,
      edge: this.random.next() < 0.1,
      ...(this.random.next() < 0.2 && { settings: { size: 'unknown' } }),
    };
  }

  private listenerSpec(): object {
    return {
      routingKey: `key-${this.draw(3)}`,
      host: `host-${this.draw(3)}`,
      port: this.pick([80, 81]),
      exposePodsByName: this.random.next() < 0.2,
      ...(this.random.next() < 0.2 && { tlsCredentials: 'user-tls' }),
    };
  }

  private connectorSpec(): object {
    const end = this.random.next() < 0.7 ? { selector: 'app=web' } : { host: `workload-${this.draw(2)}` };
    return {
      routingKey: `key-${this.draw(3)}`,
      port: this.pick([8080, 8081]),
      ...end,
      exposePodsByName: this.random.next() < 0.2,
      includeNotReadyPods: this.random.next() < 0.2,
    };
  }

  private multiSpec(): object {
    const routingKeys = [`key-${this.draw(3)}`, 'key-x'];
    return { host: `host-${this.draw(4)}`, port: 82, strategy: { priority: { routingKeys } } };
  }

  private accessSpec(): object {
    return {
      roles: [{ name: 'inter-router', port: this.pick([56000, 56001]) }],
      tlsCredentials: 'own-access',
      generateTlsCredentials: true,
      accessType: this.pick(['local', 'loadbalancer', 'unheard-of']),
    };
  }

  private linkSpec(): object {
    return {
      endpoints: [{ name: 'inter-router', host: `far-${this.draw(2)}.example`, port: '55671' }],
      tlsCredentials: this.pick(['user-tls', 'missing']),
      cost: 1 + this.draw(3),
    };
  }

  private certificateSpec(): object {
    return { ca: 'skupper-site-ca', subject: 'own', hosts: [`own-${this.draw(2)}.example`], server: true };
  }

  private podStatus(): { status: object } {
    const isReady = this.random.next() < 0.7;
    const podIP = `10.0.${this.draw(2)}.${this.draw(4)}`;
    return {
      status: {
        phase: 'Running',
        podIP,
        podIPs: [{ ip: podIP }],
        conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
      },
    };
  }

  /** Both halves of a consent, or one of them. */
  private attach(): void {
    const [near, far] = this.random.next() < 0.5 ? ['west', 'east'] : ['east', 'west'];
    const spec = { siteNamespace: far, port: 8080, selector: 'app=web' };
    const consent = { connectorNamespace: near, routingKey: `key-${this.draw(3)}` };
    if (this.random.next() < 0.6) this.put('AttachedConnector', near!, 'attached', { spec });
    if (this.random.next() < 0.6) this.put('AttachedConnectorBinding', far!, 'attached', { spec: consent });
  }

  /** Made, or removed when it is there. */
  private put(kind: string, namespace: string, name: string, body: Body): void {
    const place = { namespace, name, subresource: undefined };
    if (this.world.api.store.get(typeOf(kind), place) === undefined) this.create(kind, namespace, name, body);
    else this.world.api.store.remove(typeOf(kind), place);
  }

  /** What the adaptor heard of another site, which advertises a service or two. */
  private tellNetwork(
    namespace: string = this.pick(NAMESPACES),
    addresses = ['shop', 'store'].slice(0, this.draw(3)),
  ): void {
    const services = addresses.map((address, index) => ({ address, protocol: 'tcp', port: 80 + index }));
    const site = { id: 'site-far', name: 'far', namespace: 'far', platform: 'kubernetes', version: '1' };
    const content = { site, routers: [], listeners: [], connectors: [], services };
    const view = { sites: [content], settled: true, gone: new Set<string>() };
    for (const [name, data] of encodeNetwork(view, undefined)) {
      const place = { namespace, name, subresource: undefined };
      const found = this.world.api.store.get(typeOf('ConfigMap'), place);
      if (found === undefined) this.create('ConfigMap', namespace, name, { data });
      else this.world.api.store.replace(typeOf('ConfigMap'), place, { ...found, data });
    }
  }

  /** As a cloud does, a little later. */
  private giveAddresses(): void {
    for (const { metadata, spec, status } of this.world.api.store.list(typeOf('Service'))) {
      const { namespace, name } = metadata;
      const isBalanced = (spec as { type?: string } | undefined)?.type === 'LoadBalancer';
      if (isBalanced === (status !== undefined)) continue;
      const place = { namespace, name, subresource: 'status' };
      const ingress = [{ hostname: `${name}.${namespace}.cloud.example` }];
      this.world.api.store.merge(typeOf('Service'), place, {
        status: isBalanced ? { loadBalancer: { ingress } } : null,
      });
    }
  }

  private deleteOurs(): void {
    const found = this.anyOfOurs();
    if (found === undefined) return;
    const { namespace, name } = found.metadata;
    this.world.api.store.remove(typeOf(found.kind), { namespace, name, subresource: undefined });
  }

  /** Changes or removes one value somewhere in it. */
  private editOurs(): void {
    const found = this.anyOfOurs();
    if (found === undefined) return;
    const { namespace, name } = found.metadata;
    const { apiVersion, kind, metadata, status: _status, type: _type, ...members } = found;
    const isLabel = kind !== 'Secret' && this.random.next() < 0.2;
    const edited = structuredClone(isLabel ? { metadata: { labels: metadata.labels ?? {} } } : members);
    if (!this.spoil(edited, apiVersion.startsWith('skupper.io/'))) return;
    const { labels = metadata.labels } = (edited as { metadata?: { labels?: Record<string, string> } }).metadata ?? {};
    const place = { namespace, name, subresource: undefined };
    const body = { ...found, ...(isLabel ? {} : edited), metadata: { ...metadata, labels } };
    this.world.api.store.replace(typeOf(kind), place, body);
  }

  private anyOfOurs(): KubeObject | undefined {
    const ours = this.world.objects().filter((object) => this.world.isControllers(object));
    return ours.length === 0 ? undefined : this.pick(ours);
  }

  /** Adds nothing: what others add to an object is theirs. Of kinds that are checked nothing is removed: it might be required. */
  private spoil(value: object, isChecked: boolean): boolean {
    const leaves = leavesOf(value);
    if (leaves.length === 0) return false;
    const [parent, key] = this.pick(leaves);
    const old = parent[key];
    const isGone = this.random.next() < 0.3 && !Array.isArray(parent) && !isChecked;
    if (isGone) delete parent[key];
    else parent[key] = typeof old === 'number' ? old + 1 : typeof old === 'boolean' ? !old : `edited-${this.draw(9)}`;
    return true;
  }

  private draw(bound: number): number {
    return randomInt(this.random, bound);
  }

  private pick<T>(items: readonly T[]): T {
    return items[this.draw(items.length)]!;
  }
}

/** Selectors of Deployments. */
const IMMUTABLE = 'matchLabels';

/** Every member and item that is a plain value, with what holds it. */
function leavesOf(value: object): [parent: Record<string, unknown>, key: string][] {
  const parent = value as Record<string, unknown>;
  return Object.entries(parent).flatMap(([key, member]) =>
    key === IMMUTABLE
      ? []
      : typeof member === 'object' && member !== null
        ? leavesOf(member)
        : [[parent, key] as [typeof parent, string]],
  );
}

const TEMPLATE = {
  labels: { 'skupper.io/label-template': '', 'company.example/team': 'networks' },
  data: { kind: 'Service' },
};

function tlsData(now: number): KubeObject['data'] {
  const ca = createCa({ commonName: 'of a user', validMs: DAY_MS, now });
  const pair = issueCertificate({ ca, subject: 'user', usages: ['server'], validMs: DAY_MS, now });
  return tlsSecret('user-tls', { ...pair, ca: ca.certificate }).data as KubeObject['data'];
}
