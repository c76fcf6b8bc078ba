/** The NetworkPolicies that a Site asks for: each port that something of the site listens on is open to whom it is for, and no other. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { Resource } from '../../config/api/index.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { cluster } from '../support/cluster.ts';
import { namespacePlanOf } from '../support/namespace-plan.ts';
import { observed, resource, site } from '../support/observed.ts';

interface NetworkPolicy extends KubeObject {
  spec: {
    podSelector: { matchLabels: Record<string, string> };
    policyTypes: string[];
    ingress: { ports: { protocol: string; port: number; endPort?: number }[]; from?: object[] }[];
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
