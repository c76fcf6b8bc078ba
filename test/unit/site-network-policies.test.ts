/** The NetworkPolicies that a Site asks for: each port that something of the site listens on is open to whom it is for, and no other. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { AttachedConnector } from '../../config/api/attached-connector.ts';
import type { Resource } from '../../config/api/index.ts';
import { sectionsOf } from '../../config/router-config.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { type ClusterParts, cluster, pod } from '../support/cluster.ts';
import { namespacePlanOf } from '../support/namespace-plan.ts';
import { observed, resource, site } from '../support/observed.ts';

interface NetworkPolicy extends KubeObject {
  spec: {
    podSelector: { matchLabels: Record<string, string> };
    policyTypes: string[];
    ingress: {
      ports: { protocol: string; port: number; endPort?: number }[];
      from?: { namespaceSelector: { matchLabels: Record<string, string> } }[];
    }[];
  };
}

interface Workload extends KubeObject {
  spec: {
    template: {
      metadata: { labels: Record<string, string> };
      spec: { containers: { ports?: { name: string; containerPort: number }[] }[] };
    };
  };
}

interface Service extends KubeObject {
  spec: { ports: { targetPort: number }[] };
}

const ON = { 'skuprt.io/network-policy': 'true' };
const CONSOLE = { 'skuprt.io/console': 'true' };

function made(settings: Record<string, string>, resources: Resource[] = [], spec: object = {}) {
  const { apply } = namespacePlanOf(observed([site({ settings, ...spec }), ...resources], { cluster: cluster() }));
  return {
    policies: apply.filter(({ kind }) => kind === 'NetworkPolicy') as unknown as NetworkPolicy[],
    workloads: apply.filter(({ kind }) => kind === 'Deployment') as unknown as Workload[],
    services: apply.filter(({ kind }) => kind === 'Service') as unknown as Service[],
  };
}

function isSelectedBy({ spec }: NetworkPolicy, labels: Readonly<Record<string, string>>): boolean {
  return Object.entries(spec.podSelector.matchLabels).every(([key, value]) => labels[key] === value);
}

function isOpen({ spec }: NetworkPolicy, wanted: number): boolean {
  return spec.ingress.some(({ ports }) =>
    ports.some(({ port, endPort = port }) => port <= wanted && wanted <= endPort),
  );
}

/** All documents of files below config. */
function manifests<Kind extends KubeObject>(kind: string, ...files: string[]): Kind[] {
  const texts = files.map((file) => readFileSync(new URL(`../../config/${file}`, import.meta.url), 'utf8'));
  const objects = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as KubeObject));
  return objects.filter((object) => object.kind === kind) as Kind[];
}

/** Whether each port that a workload names is open by the one policy that selects it. */
function expectOpen(policies: readonly NetworkPolicy[], workload: Workload, isClosed = (_name: string) => false): void {
  const { metadata, spec } = workload.spec.template;
  const chosen = policies.filter((policy) => isSelectedBy(policy, metadata.labels));
  expect(chosen, workload.metadata.name).toHaveLength(1);
  const ports = spec.containers.flatMap((container) => container.ports ?? []);
  for (const { name, containerPort } of ports.filter(({ name: port }) => !isClosed(port))) {
    expect([name, isOpen(chosen[0]!, containerPort)]).toEqual([name, true]);
  }
}

/** As a cluster's network decides, for a pod of another namespace, by whichever family of addresses it comes. */
function mayEnter({ spec }: NetworkPolicy, wanted: number, namespace: string): boolean {
  const labels: Record<string, string> = { 'kubernetes.io/metadata.name': namespace };
  return spec.ingress.some(({ ports, from }) => {
    const isPort = ports.some(
      ({ protocol, port, endPort = port }) => protocol === 'TCP' && port <= wanted && wanted <= endPort,
    );
    const isPeer = from?.some(({ namespaceSelector }) =>
      Object.entries(namespaceSelector.matchLabels).every(([key, value]) => labels[key] === value),
    );
    return isPort && (isPeer ?? true);
  });
}

/** Ports of a router that others than its own pod reach, by the configuration that it is given. */
function listening({ data }: KubeObject): number[] {
  return sectionsOf(data).flatMap(({ type, attributes: { host, port } }) =>
    ['listener', 'tcpListener'].includes(type) && host !== 'localhost' ? [Number(port)] : [],
  );
}

const ROUTERS = { 'skupper-router': '', 'skupper-router-2': '' };
const SECRETS = ['skupper-local-server', 'skupper-site-server'];
const secret = (name: string) => resource('Secret', name, { type: 'kubernetes.io/tls' });
const access = (name: string, ...roles: object[]) =>
  resource('RouterAccess', name, { roles, tlsCredentials: 'skupper-site-server' });
const LINKS = access('skupper-router', { name: 'inter-router' }, { name: 'edge' });
const LISTENERS = [
  resource('Listener', 'web', { routingKey: 'web', host: 'web', port: 80 }),
  resource('Listener', 'db', { routingKey: 'db', host: 'db', port: 5671 }),
  resource('MultiKeyListener', 'many', { host: 'many', port: 80, strategy: { priority: { routingKeys: ['a', 'b'] } } }),
];
const SETTINGS_OF_SITES: Record<string, { spec?: object; resources?: Resource[]; parts?: ClusterParts }> = {
  'a site alone': {},
  'with listeners, and links': { resources: [LINKS, ...LISTENERS] },
  'with two routers, which link to each other': { spec: { ha: true }, resources: [LINKS, ...LISTENERS] },
  'with link access at ports of its own': {
    resources: [access('far', { name: 'inter-router', port: 443 }, { name: 'edge', port: 8443 })],
  },
  'whose link access asks for ports that are taken': {
    resources: [
      LINKS,
      access('amqp', { name: 'inter-router', port: 5671 }),
      access('twice', { name: 'inter-router', port: 7000 }, { name: 'edge', port: 7000 }),
    ],
  },
  'of an edge, which takes no links': { spec: { edge: true }, resources: [LINKS, ...LISTENERS] },
  'with workloads of another namespace, which it dials': {
    resources: [resource('AttachedConnectorBinding', 'far', { connectorNamespace: 'other', routingKey: 'far' })],
    parts: {
      attached: [
        {
          connector: resource('AttachedConnector', 'far', {
            siteNamespace: 'ns-west',
            selector: 'app=far',
            port: 8080,
          }) as AttachedConnector,
          pods: [pod('far-1', { namespace: 'other', labels: { app: 'far' }, ips: ['10.1.0.9', 'fd00::9'] })],
        },
      ],
    },
  },
};

describe('the NetworkPolicies of a site', () => {
  it('are made only where the Site asks for them', () => {
    expect(made(CONSOLE).policies).toEqual([]);
    expect(made({ 'skuprt.io/network-policy': 'false' }).policies).toEqual([]);
    expect(made(ON).policies.map(({ metadata }) => metadata.name)).toEqual(['skupper-router']);
    expect(made({ ...ON, ...CONSOLE }).policies.map(({ metadata }) => metadata.name)).toEqual([
      'skupper-router',
      'skuprt-console',
    ]);
  });

  it('open each port that the pods name, and select each pod once', () => {
    const { policies, workloads } = made({ ...ON, ...CONSOLE }, [], { ha: true });
    expect(workloads.map(({ metadata }) => metadata.name).sort()).toEqual([
      'skupper-router',
      'skupper-router-2',
      'skuprt-console',
    ]);
    // Those of links are open where the site takes links.
    for (const workload of workloads) expectOpen(policies, workload, (name) => /^(inter-router|edge)$/.test(name));
  });

  it('let no link in where the site takes none', () => {
    const access = { roles: [{ name: 'inter-router' }, { name: 'edge' }], tlsCredentials: 'skupper-site-server' };
    const [closed] = made(ON).policies;
    const [open] = made(ON, [resource('RouterAccess', 'skupper-router', access)]).policies;
    for (const port of [55671, 45671]) expect([isOpen(closed!, port), isOpen(open!, port)]).toEqual([false, true]);
  });

  it('open the ports that listeners came to have', () => {
    const listener = resource('Listener', 'web', { routingKey: 'web', host: 'web', port: 80 });
    const { policies, services } = made(ON, [listener]);
    const port = services.find(({ metadata }) => metadata.name === 'web')!.spec.ports[0]!.targetPort;
    expect(port).toBeGreaterThan(0);
    expect([isOpen(policies[0]!, port), isOpen(made(ON).policies[0]!, port)]).toEqual([true, false]);
  });

  it.each(Object.entries(SETTINGS_OF_SITES))(
    'open to everybody what routers listen on for everybody, and nothing else: %s',
    (_what, { spec = {}, resources = [], parts = {} }) => {
      const view = cluster(parts);
      const given = [site({ settings: ON, ...spec }), ...SECRETS.map(secret), ...resources];
      const { apply } = namespacePlanOf(observed(given, { cluster: view }));
      const [policy] = apply.filter(({ kind }) => kind === 'NetworkPolicy') as unknown as NetworkPolicy[];
      const maps = apply.filter(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name in ROUTERS);
      expect(maps).toHaveLength((spec as { ha?: boolean }).ha ? 2 : 1);
      for (const map of maps) {
        const entered = Array.from({ length: 65_536 }, (_, port) => port);
        expect(entered.filter((port) => mayEnter(policy!, port, 'anywhere'))).toEqual(
          [...listening(map), 9000, 9191].filter((port) => port !== 5671).sort((a, b) => a - b),
        );
        expect(entered.filter((port) => mayEnter(policy!, port, 'skupper'))).toContain(5671);
      }
    },
  );

  it('let only this namespace and that of the controllers command the router', () => {
    const [policy] = made(ON).policies;
    const rule = policy!.spec.ingress.find(({ ports }) => ports.some(({ port }) => port === 5671))!;
    expect(JSON.stringify(rule.from)).toContain('kubernetes.io/metadata.name');
    expect(
      policy!.spec.ingress
        .filter(({ from }) => from === undefined)
        .some(({ ports }) => ports.some(({ port }) => port === 5671)),
    ).toBe(false);
    expect(policy!.spec.policyTypes).toEqual(['Ingress']);
  });
});

it('the NetworkPolicies of the controllers open each port that their pods name', () => {
  const policies = manifests<NetworkPolicy>('NetworkPolicy', 'network-policies/controllers.yaml');
  const files = ['manager/deployment.yaml', 'services/service-controller.yaml', 'services/dns.yaml'];
  const workloads = manifests<Workload>('Deployment', ...files);
  expect(workloads).toHaveLength(policies.length);
  for (const workload of workloads) expectOpen(policies, workload);
});
