/** The processes of services of a cluster set as config/ and the chart have them. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { installManifests, serviceManifests } from '../../cli/commands/install/manifests.ts';
import { versionOf } from '../../cli/commands/install/version.ts';
import { buildProgram } from '../../cli/program.ts';
import { type Rule, USER_RULES } from '../../config/rbac/rules.ts';
import { DNS_RULES, SERVICE_CONTROLLER_OWN_RULES, SERVICE_CONTROLLER_RULES } from '../../config/rbac/service-rules.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { readVersion } from '../../lib/version.ts';
import { surroundings } from '../support/cli.ts';

const TEMPLATES = 'config/helm/skuprt/templates';
const CONTROLLER = 'skuprt-service-controller';
const DNS = 'skuprt-dns';
const OBJECTS = installManifests({
  scope: 'cluster',
  namespace: 'skupper',
  serviceArguments: {
    [CONTROLLER]: ['--cluster-id=east', '--cluster-set=blue', '--external-domain=apps.example.com'],
    [DNS]: ['--zones=a.local,b.local', '--domain=apps.example.com'],
  },
});

interface Container {
  image: string;
  args: string[];
  env: { name: string; value?: string; valueFrom?: object }[];
  ports: { name: string; containerPort: number; protocol?: string }[];
  securityContext: object;
  resources: { requests: object };
  readinessProbe: object;
  livenessProbe: object;
  startupProbe: object;
}

interface PodSpec {
  serviceAccountName: string;
  securityContext: object;
  enableServiceLinks: boolean;
  containers: [Container];
}

const named = (kind: string, name: string) =>
  OBJECTS.find((object) => object.kind === kind && object.metadata.name === name)!;
const podSpec = (name: string) => (named('Deployment', name).spec as { template: { spec: PodSpec } }).template.spec;

function rights(rules: readonly Rule[]): string[] {
  return rules.flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) => resources.flatMap((plural) => verbs.map((verb) => `${verb} ${plural}.${group}`))),
  );
}

/** The command that these arguments start, and what it does not understand of them. */
function understood(args: readonly string[]): { command: string; unknown: string[] } {
  let command: Command = buildProgram(surroundings({}));
  const rest = [...args];
  const path: string[] = [];
  for (;;) {
    const next = command.commands.find((one) => one.name() === rest[0]);
    if (next === undefined) break;
    path.push(rest.shift()!);
    command = next;
  }
  const known = new Set(command.options.map(({ long }) => long));
  return { command: path.join(' '), unknown: rest.filter((text) => !known.has(text.split('=')[0])) };
}

describe.each([
  [CONTROLLER, 'service-controller'],
  [DNS, 'dns serve'],
])('%s', (name, command) => {
  const spec = podSpec(name);
  const [container] = spec.containers;

  it('is started by flags that the command has', () => {
    expect(understood(container.args)).toEqual({ command, unknown: [] });
    expect(understood([...container.args, '--frobnicate=1']).unknown).toEqual(['--frobnicate=1']);
  });

  it('is hardened', () => {
    expect(spec.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(Object.keys(container.resources.requests)).toEqual(['cpu', 'memory']);
    expect(spec.serviceAccountName).toBe(name);
  });

  it('runs twice, on two nodes where there are, and one stays up', () => {
    const { spec: wanted } = named('Deployment', name);
    expect(wanted).toMatchObject({ replicas: 2, strategy: { rollingUpdate: { maxUnavailable: 0 } } });
    expect(named('PodDisruptionBudget', name).spec).toMatchObject({
      maxUnavailable: 1,
      selector: { matchLabels: { application: name } },
    });
    expect(JSON.stringify(spec)).toContain('kubernetes.io/hostname');
  });

  it('tells how it is at port 9000', () => {
    expect(container.ports).toContainEqual({ name: 'metrics', containerPort: 9000 });
    expect(container.readinessProbe).toMatchObject({ httpGet: { path: '/readyz', port: 'metrics' } });
    expect(container.livenessProbe).toMatchObject({ httpGet: { path: '/healthz', port: 'metrics' } });
    expect(container.startupProbe).toMatchObject({
      httpGet: { path: '/healthz' },
      periodSeconds: 1,
      failureThreshold: 300,
    });
  });

  it('is of the image and the version of all', () => {
    expect(container.image).toBe(`skuprt/skuprt:${readVersion()}`);
    expect(versionOf(named('Deployment', name))).toBe(readVersion());
  });

  it('has its rights in all namespaces by a role of its own', () => {
    expect(named('ClusterRoleBinding', name)).toMatchObject({
      roleRef: { kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: 'skupper' }],
    });
    expect(named('ServiceAccount', name)).toBeDefined();
  });

  it('is in the chart with the same arguments, ports and guards', () => {
    const file = readdirSync(TEMPLATES).find((one) => `skuprt-${one}` === `${name}.yaml`)!;
    const template = readFileSync(`${TEMPLATES}/${file}`, 'utf8');
    for (const text of container.args) {
      expect(template, text).toContain(`- ${text.replace(/=(?!9000$).*/, '={{')}`);
    }
    for (const { name: port, containerPort } of container.ports) {
      expect(template).toContain(`- name: ${port}\n              containerPort: ${containerPort}\n`);
    }
    for (const { name: variable } of container.env) expect(template).toContain(`- name: ${variable}\n`);
    for (const line of [
      `enableServiceLinks: ${spec.enableServiceLinks}`,
      'runAsNonRoot: true',
      'type: RuntimeDefault',
      'allowPrivilegeEscalation: false',
      'readOnlyRootFilesystem: true',
      '- ALL',
      'maxUnavailable: 0',
      'path: /readyz',
      'path: /healthz',
    ]) {
      expect(template).toContain(line);
    }
  });
});

describe('the Service of the DNS server', () => {
  it('is port 53 of UDP and TCP, of both families where there are two', () => {
    const { spec } = named('Service', DNS) as KubeObject & { spec: { ports: object[] } };
    expect(spec).toMatchObject({ ipFamilyPolicy: 'PreferDualStack', selector: { application: DNS } });
    expect(spec.ports).toEqual([
      { name: 'dns', port: 53, protocol: 'UDP', targetPort: 'dns' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 'dns-tcp' },
    ]);
    expect(podSpec(DNS).containers[0].ports.slice(0, 2)).toEqual([
      { name: 'dns', containerPort: 5353, protocol: 'UDP' },
      { name: 'dns-tcp', containerPort: 5353, protocol: 'TCP' },
    ]);
  });

  it('is told to the server, so that it can name itself', () => {
    // Kubernetes makes SKUPRT_DNS_SERVICE_HOST of it where service links are on.
    expect(podSpec(DNS).enableServiceLinks).toBe(true);
    const order = OBJECTS.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
    expect(order.indexOf(`Service/${DNS}`)).toBeLessThan(order.indexOf(`Deployment/${DNS}`));
  });
});

describe('the rights of the processes', () => {
  const all = [...SERVICE_CONTROLLER_RULES, ...SERVICE_CONTROLLER_OWN_RULES, ...DNS_RULES];

  it('are named one by one, without those that lead to others', () => {
    for (const right of rights(all)) {
      expect(right).not.toMatch(/\*|^(escalate|bind|impersonate) |pods\/|nodes|roles|tokenreviews|serviceaccounts/);
    }
  });

  it('on ConfigMaps and Secrets are by name', () => {
    for (const { resources, resourceNames, verbs } of all) {
      if (!resources.some((plural) => ['configmaps', 'secrets'].includes(plural))) continue;
      expect(resourceNames?.length).toBeGreaterThan(0);
      expect(verbs).toEqual(['get', 'list', 'watch']);
    }
  });

  it('of the DNS server write nothing', () => {
    expect(rights(DNS_RULES).filter((right) => !/^(get|list|watch) /.test(right))).toEqual([]);
  });
});

describe('the rights of users', () => {
  const ofServices = (role: keyof typeof USER_RULES) =>
    rights(USER_RULES[role]).filter((right) => /(multicluster\.x-k8s|about\.k8s)\.io$/.test(right));
  const writes = (role: keyof typeof USER_RULES) =>
    ofServices(role).filter((right) => !/^(get|list|watch) /.test(right));

  it('let everybody who may look see exports, imports and properties', () => {
    for (const role of ['view', 'edit', 'admin'] as const) {
      expect(new Set(ofServices(role).filter((right) => /^(get|list|watch) /.test(right))).size).toBe(9);
    }
    expect(writes('view')).toEqual([]);
  });

  it('let who may edit export, and write nothing else of it', () => {
    for (const role of ['edit', 'admin'] as const) {
      expect(writes(role).sort()).toEqual(
        ['create', 'delete', 'deletecollection', 'patch', 'update'].map(
          (verb) => `${verb} serviceexports.multicluster.x-k8s.io`,
        ),
      );
    }
  });
});

describe('services as a part of an installation', () => {
  it('are all that is left out where they are not wanted', () => {
    const without = installManifests({ scope: 'cluster', namespace: 'skupper', services: false });
    const idOf = ({ kind, metadata }: KubeObject) => `${kind}/${metadata.name}`;
    const ids = new Set([...without, ...serviceManifests('skupper')].map(idOf));
    expect(ids).toEqual(new Set(OBJECTS.map(idOf)));
    expect(JSON.stringify(without)).not.toMatch(/skuprt-dns|skuprt-service-controller|clusterproperties\.about/);
  });

  it('have the label by which installations know their own', () => {
    for (const { metadata } of serviceManifests('x')) {
      expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/part-of': 'skuprt' });
    }
  });
});
