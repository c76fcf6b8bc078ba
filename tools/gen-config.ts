/** The files in config/ that are generated, and their text. Pure but for the version; the test that they are fresh uses it too. */
import { stringify } from 'yaml';
import type { ServiceKind } from '../config/api/service-kinds.ts';
import { CUSTOM_KINDS, customResourceDefinition, PART_OF } from '../config/crd/definition.ts';
import { POLICY_KINDS, policyDefinition } from '../config/crd/policy-definition.ts';
import { ON_REQUEST_KINDS, SET_KINDS, serviceDefinition } from '../config/crd/service-definition.ts';
import { monitoringFiles } from '../config/monitoring/files.ts';
import {
  CLUSTER_RULES,
  CONTROLLER_NAME,
  CONTROLLER_RULES,
  OWN_NAMESPACE_RULES,
  type Rule,
  roleObject,
  USER_RULES,
} from '../config/rbac/rules.ts';
import {
  DNS_NAME,
  DNS_RULES,
  labelsOf,
  SERVICE_CONTROLLER_NAME,
  SERVICE_CONTROLLER_OWN_RULES,
  SERVICE_CONTROLLER_RULES,
} from '../config/rbac/service-rules.ts';
import { readVersion } from '../lib/version.ts';

const CHART = 'config/helm/skuprt';

/** By path from the root of the repository. */
export function generatedFiles(): Map<string, string> {
  const release = readVersion();
  return new Map([
    ...crdFiles(release),
    ...serviceCrdFiles('services', SET_KINDS, release),
    ...serviceCrdFiles('dns-endpoints', ON_REQUEST_KINDS, release),
    ...rbacFiles(release),
    ...serviceRbacFiles(release),
    ...chartFiles(),
    ...monitoringFiles(),
  ]);
}

function crdFiles(release: string): [string, string][] {
  const definitions = [
    ...CUSTOM_KINDS.map((kind) => customResourceDefinition(kind, release)),
    ...POLICY_KINDS.map((kind) => policyDefinition(kind, release)),
  ];
  const bases = definitions.map(
    (crd) => [`bases/${crd.metadata.name.split('.')[0]}.yaml`, document('config/api', crd)] as const,
  );
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: bases.map(([path]) => path).sort(),
  };
  return [
    ...bases.flatMap(([path, text]): [string, string][] => [
      [`config/crd/${path}`, text],
      [`${CHART}/files/crds/${path.replace('bases/', '')}`, text],
    ]),
    ['config/crd/kustomization.yaml', document('config/api', kustomization)],
  ];
}

/** In folders of their own: a cluster may have them from elsewhere. */
function serviceCrdFiles(folder: string, kinds: readonly ServiceKind[], release: string): [string, string][] {
  const files = kinds.map((kind) => {
    const crd = serviceDefinition(kind, release);
    return [`${crd.metadata.name.split('.')[0]}.yaml`, document('config/api', crd)] as const;
  });
  const kustomization = {
    apiVersion: 'kustomize.config.k8s.io/v1beta1',
    kind: 'Kustomization',
    resources: files.map(([name]) => name).sort(),
  };
  return [
    ...files.flatMap(([name, text]): [string, string][] => [
      [`config/crd/${folder}/${name}`, text],
      [`${CHART}/files/crds-${folder}/${name}`, text],
    ]),
    [`config/crd/${folder}/kustomization.yaml`, document('config/api', kustomization)],
  ];
}

function serviceRbacFiles(release: string): [string, string][] {
  const written = (kind: 'Role' | 'ClusterRole', name: string, rules: readonly Rule[], account = name) =>
    document('config/rbac/service-rules.ts', roleObject(kind, name, rules, release, labelsOf(account)));
  const leader = `${SERVICE_CONTROLLER_NAME}-leader`;
  return [
    [
      'config/rbac/services/service-controller.yaml',
      written('ClusterRole', SERVICE_CONTROLLER_NAME, SERVICE_CONTROLLER_RULES),
    ],
    [
      'config/rbac/services/service-controller-leader.yaml',
      written('Role', leader, SERVICE_CONTROLLER_OWN_RULES, SERVICE_CONTROLLER_NAME),
    ],
    ['config/rbac/services/dns.yaml', written('ClusterRole', DNS_NAME, DNS_RULES)],
  ];
}

function rbacFiles(release: string): [string, string][] {
  const written = (object: object) => document('config/rbac/rules.ts', object);
  const users = Object.entries(USER_RULES).map(([role, rules]) =>
    roleObject('ClusterRole', `skuprt-${role}`, rules, release, {
      'app.kubernetes.io/part-of': PART_OF,
      [`rbac.authorization.k8s.io/aggregate-to-${role}`]: 'true',
    }),
  );
  return [
    [
      'config/rbac/cluster/cluster-role.yaml',
      written(roleObject('ClusterRole', CONTROLLER_NAME, [...CONTROLLER_RULES, ...CLUSTER_RULES], release)),
    ],
    ['config/rbac/namespaced/role.yaml', written(roleObject('Role', CONTROLLER_NAME, CONTROLLER_RULES, release))],
    [
      'config/rbac/own-namespace/role.yaml',
      written(roleObject('Role', `${CONTROLLER_NAME}-leader`, OWN_NAMESPACE_RULES, release)),
    ],
    ...users.map((role, index): [string, string] => [
      `config/rbac/users/${Object.keys(USER_RULES)[index]}.yaml`,
      written(role),
    ]),
  ];
}

/** The chart's templates include these where a role's rules go. */
function chartFiles(): [string, string][] {
  const parts: Record<string, readonly Rule[]> = {
    controller: CONTROLLER_RULES,
    cluster: CLUSTER_RULES,
    'own-namespace': OWN_NAMESPACE_RULES,
    ...Object.fromEntries(Object.entries(USER_RULES).map(([role, rules]) => [`user-${role}`, rules])),
  };
  const services: Record<string, readonly Rule[]> = {
    'service-controller': SERVICE_CONTROLLER_RULES,
    'service-controller-leader': SERVICE_CONTROLLER_OWN_RULES,
    dns: DNS_RULES,
  };
  const written = (source: string, table: Record<string, readonly Rule[]>) =>
    Object.entries(table).map(([name, rules]): [string, string] => [
      `${CHART}/files/rules/${name}.yaml`,
      document(source, rules),
    ]);
  return [...written('config/rbac/rules.ts', parts), ...written('config/rbac/service-rules.ts', services)];
}

function document(source: string, object: unknown): string {
  const text = stringify(object, { lineWidth: 120, aliasDuplicateObjects: false });
  return `# Written by npm run gen from ${source}.\n${text}`;
}
