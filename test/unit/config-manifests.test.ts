import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { imageOf, installManifests } from '../../cli/commands/install/manifests.ts';
import { versionOf } from '../../cli/commands/install/version.ts';
import type { Site } from '../../config/api/site.ts';
import {
  CLUSTER_RULES,
  CONTROLLER_RULES,
  OWN_NAMESPACE_RULES,
  type Rule,
  USER_RULES,
} from '../../config/rbac/rules.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { readVersion } from '../../lib/version.ts';
import { CONTROLLER_FLAGS, controllerSettings } from '../../site-controller/platform/kubernetes/settings-parse.ts';
import { MADE_KINDS } from '../../site-controller/reconcile/cluster.ts';
import { routerRights } from '../../site-controller/reconcile/site/rights.ts';
import { fullResource } from '../support/invalid-resources.ts';

const CHART = 'config/helm/skuprt';
const CLUSTER_WIDE = installManifests({ scope: 'cluster', namespace: 'skupper' });
const NAMESPACED = installManifests({ scope: 'namespace', namespace: 'west' });

const named = (objects: readonly KubeObject[], kind: string, name = 'skupper-controller') =>
  objects.find((object) => object.kind === kind && object.metadata.name === name)!;

interface PodSpec {
  securityContext: object;
  enableServiceLinks: boolean;
  serviceAccountName: string;
  priorityClassName?: string;
  affinity: object;
  containers: {
    image: string;
    args: string[];
    env: { name: string; value?: string; valueFrom?: object }[];
    ports: { name: string; containerPort: number }[];
    securityContext: object;
    resources: { requests: object };
    readinessProbe: object;
    livenessProbe: object;
    startupProbe: object;
  }[];
}

const podSpec = (objects: readonly KubeObject[]) =>
  (named(objects, 'Deployment').spec as { template: { spec: PodSpec } }).template.spec;

/** The one right of a verb on a kind, as `verb resource.group`. */
function rights(rules: readonly Rule[]): Set<string> {
  return new Set(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((plural) => verbs.map((verb) => `${verb} ${plural}.${group}`))),
    ),
  );
}

describe('the controller', () => {
  const spec = podSpec(CLUSTER_WIDE);
  const [container] = spec.containers as [PodSpec['containers'][0]];

  it('is hardened', () => {
    expect(spec.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.resources.requests).toEqual({ cpu: '50m', memory: '128Mi' });
    // SKUPPER_GRANT_SERVER_PORT of a Service would be read as a setting.
    expect(spec.enableServiceLinks).toBe(false);
    expect(spec.priorityClassName).toBeUndefined();
  });

  it('runs twice, on two nodes where there are, and keeps one up', () => {
    expect(named(CLUSTER_WIDE, 'Deployment').spec).toMatchObject({
      replicas: 2,
      strategy: { rollingUpdate: { maxUnavailable: 0 } },
    });
    expect(named(CLUSTER_WIDE, 'PodDisruptionBudget').spec).toMatchObject({ maxUnavailable: 1 });
    expect(JSON.stringify(spec.affinity)).toContain('kubernetes.io/hostname');
  });

  it('leaves the lead to one of the replicas', () => {
    expect(container.args).toEqual(['site-controller', '--leader-elect']);
  });

  it('tells how it is at port 9000 and redeems at 9090', () => {
    expect(container.ports).toEqual([
      { name: 'metrics', containerPort: 9000 },
      { name: 'grants', containerPort: 9090 },
    ]);
    expect(container.readinessProbe).toMatchObject({ httpGet: { path: '/readyz', port: 'metrics' } });
    expect(container.livenessProbe).toMatchObject({ httpGet: { path: '/healthz', port: 'metrics' } });
    expect(container.startupProbe).toMatchObject({
      httpGet: { path: '/healthz' },
      periodSeconds: 1,
      failureThreshold: 300,
    });
  });

  it.each([
    ['cluster', CLUSTER_WIDE, undefined],
    ['namespace', NAMESPACED, 'west'],
  ] as const)('understands its variables: %s', (_, objects, watchNamespace) => {
    const { env } = podSpec(objects).containers[0]!;
    const known = ['NODE_OPTIONS', ...Object.values(CONTROLLER_FLAGS).map((flag) => flag.env as string)];
    expect(env.map(({ name }) => name).filter((name) => !known.includes(name))).toEqual([]);
    const namespace = named(objects, 'Deployment').metadata.namespace!;
    const variables = Object.fromEntries(env.map(({ name, value }) => [name, value ?? namespace]));
    expect(controllerSettings({}, variables)).toMatchObject({
      name: `${namespace}/skupper-controller`,
      namespace,
      watchNamespace,
      routerImage: container.image,
      adaptorImage: container.image,
      enableGrants: true,
      grantServer: { autoconfigure: true, port: 9090 },
    });
  });

  it('is of the version of the package', () => {
    const release = readVersion();
    expect(imageOf(CLUSTER_WIDE)).toBe(`skuprt/skuprt:${release}`);
    expect(versionOf(named(CLUSTER_WIDE, 'Deployment'))).toBe(release);
    const chart = parse(readFileSync(`${CHART}/Chart.yaml`, 'utf8')) as { version: string; appVersion: string };
    expect(chart).toMatchObject({ version: release, appVersion: release });
  });

  it('takes another image for all roles', () => {
    const image = 'registry.example:5000/skuprt:dev';
    const text = JSON.stringify(installManifests({ scope: 'cluster', namespace: 'skupper', image }));
    // Of three Deployments, and of routers and adaptors.
    expect(text.split(image)).toHaveLength(6);
    expect(text).not.toContain('skuprt/skuprt');
  });
});

describe('an installation', () => {
  it.each([CLUSTER_WIDE, NAMESPACED])('has one label on every object, to know them by', (...objects) => {
    for (const { metadata } of objects)
      expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/part-of': 'skuprt' });
  });

  it('of the cluster binds its account in its namespace', () => {
    for (const [kind, name] of [
      ['ClusterRoleBinding', 'skupper-controller'],
      ['RoleBinding', 'skupper-controller-leader'],
    ] as const) {
      const account = { kind: 'ServiceAccount', name: 'skupper-controller', namespace: 'skupper' };
      expect(named(CLUSTER_WIDE, kind, name)).toMatchObject({ subjects: [account] });
    }
    expect(podSpec(CLUSTER_WIDE).serviceAccountName).toBe('skupper-controller');
  });

  it('of one namespace has no right beyond it, and takes charge of it', () => {
    expect(NAMESPACED.filter(({ kind }) => kind.startsWith('ClusterRole'))).toEqual([]);
    const shared = ['Namespace', 'CustomResourceDefinition'];
    for (const { kind, metadata } of NAMESPACED) {
      if (!shared.includes(kind)) expect(metadata.namespace, `${kind} ${metadata.name}`).toBe('west');
    }
    expect(named(NAMESPACED, 'ConfigMap', 'skupper').data).toEqual({ controller: 'skupper-controller' });
  });
});

describe('rights', () => {
  const held = rights(CONTROLLER_RULES);

  it('let the controller make what it makes', () => {
    const needed = [...MADE_KINDS, { apiVersion: 'v1', plural: 'secrets' }].flatMap(({ apiVersion, plural }) => {
      const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
      return ['get', 'list', 'watch', 'create', 'patch', 'delete'].map((verb) => `${verb} ${plural}.${group}`);
    });
    expect(needed.filter((right) => !held.has(right))).toEqual([]);
  });

  it('hold all that it gives to routers', () => {
    const site = { ...fullResource('Site'), metadata: { name: 'west', uid: 'u' } } as unknown as Site;
    const role = routerRights(site, 'west').find(({ kind }) => kind === 'Role') as unknown as { rules: Rule[] };
    const given = rights(role.rules);
    expect(given.size).toBeGreaterThan(5);
    expect([...given].filter((right) => !held.has(right))).toEqual([]);
  });

  it('are named one by one, without those that lead to all others', () => {
    const all = [CONTROLLER_RULES, CLUSTER_RULES, OWN_NAMESPACE_RULES, ...Object.values(USER_RULES)].flat();
    for (const right of rights(all)) {
      expect(right).not.toMatch(/\*|^(escalate|bind|impersonate) |pods\/(exec|attach|portforward)|nodes|tokenreviews/);
    }
  });

  it('show no codes of grants and tokens to who may only look', () => {
    const seen = [...rights(USER_RULES.view)];
    expect(seen.filter((right) => /accessgrants|accesstokens/.test(right))).toEqual([]);
    expect(seen.filter((right) => !/^(get|list|watch) /.test(right))).toEqual([]);
    expect([...rights(USER_RULES.edit)]).toContain('create accesstokens.skupper.io');
    expect([...rights(USER_RULES.edit)]).not.toContain('create certificates.skupper.io');
    for (const right of rights(USER_RULES.edit)) expect(rights(USER_RULES.admin)).toContain(right);
  });
});

describe('the chart', () => {
  const templates = readdirSync(`${CHART}/templates`).map((file) => readFileSync(`${CHART}/templates/${file}`, 'utf8'));
  const text = templates.join('\n');
  const values = parse(readFileSync(`${CHART}/values.yaml`, 'utf8')) as Record<string, unknown>;
  const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8')) as Schema;

  it('uses every value, and has a default for every value that it uses', () => {
    const defined = leaves(values);
    const used = [...text.matchAll(/(?:\.Values|\$grants)\.([A-Za-z.]+)/g)].map(([whole, path]) =>
      whole.startsWith('$grants') ? `grantServer.${path}` : path!,
    );
    for (const path of defined) {
      expect(
        used.some((use) => use === path || path.startsWith(`${use}.`)),
        `${path} is not used`,
      ).toBe(true);
    }
    for (const use of used) {
      expect(
        defined.some((path) => path === use || path.startsWith(`${use}.`)),
        `${use} has no default`,
      ).toBe(true);
    }
  });

  it('checks every value', () => {
    expect(Object.keys(schema.properties).sort()).toEqual([...Object.keys(values), 'global'].sort());
  });

  it('includes rules that are there', () => {
    const named = [...text.matchAll(/files\/rules\/([a-z-]+)\.yaml/g)].map(([, name]) => `${name}.yaml`);
    const users = Object.keys(USER_RULES).map((role) => `user-${role}.yaml`);
    const processes = [...text.matchAll(/"skuprt-([a-z-]+)" }}\napiVersion/g)].map(([, name]) => `${name}.yaml`);
    expect(new Set([...named, ...users, ...processes]).size).toBe(named.length + users.length + processes.length);
    expect([...named, ...users, ...processes].sort()).toEqual(readdirSync(`${CHART}/files/rules`).sort());
  });

  it('runs the controller as hardened, with variables that it understands', () => {
    const deployment = templates.find((template) => template.includes('kind: Deployment'))!;
    for (const line of [
      '- --leader-elect',
      'enableServiceLinks: false',
      'runAsNonRoot: true',
      'type: RuntimeDefault',
      'allowPrivilegeEscalation: false',
      'readOnlyRootFilesystem: true',
      '- ALL',
      'maxUnavailable: 0',
      'path: /readyz',
      'path: /healthz',
    ]) {
      expect(deployment).toContain(line);
    }
    const known = ['NODE_OPTIONS', ...Object.values(CONTROLLER_FLAGS).map(({ env }) => env as string)];
    const variables = [...deployment.matchAll(/- name: ([A-Z_]+)$/gm)].map(([, name]) => name!);
    expect(variables).toContain('SKUPPER_ROUTER_IMAGE');
    expect(variables.filter((name) => !known.includes(name))).toEqual([]);
  });
});

interface Schema {
  properties: Record<string, unknown>;
}

/** Paths of what is not a map with members. */
function leaves(value: object, path = ''): string[] {
  return Object.entries(value).flatMap(([key, member]) => {
    const inner = path === '' ? key : `${path}.${key}`;
    const isMap =
      typeof member === 'object' && member !== null && !Array.isArray(member) && Object.keys(member).length > 0;
    return isMap && !['resources', 'podAnnotations'].includes(inner) ? leaves(member, inner) : [inner];
  });
}
