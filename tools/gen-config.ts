/** The files in config/ that are generated, and their text. Pure but for the version; the test that they are fresh uses it too. */
import { stringify } from 'yaml';
import { CUSTOM_KINDS, customResourceDefinition, PART_OF } from '../config/crd/definition.ts';
import {
  CLUSTER_RULES,
  CONTROLLER_NAME,
  CONTROLLER_RULES,
  OWN_NAMESPACE_RULES,
  type Rule,
  roleObject,
  USER_RULES,
} from '../config/rbac/rules.ts';
import { readVersion } from '../lib/version.ts';

const CHART = 'config/helm/skuprt';

/** By path from the root of the repository. */
export function generatedFiles(): Map<string, string> {
  const release = readVersion();
  return new Map([...crdFiles(release), ...rbacFiles(release), ...chartFiles()]);
}

function crdFiles(release: string): [string, string][] {
  const bases = CUSTOM_KINDS.map((kind) => customResourceDefinition(kind, release)).map(
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
  return Object.entries(parts).map(([name, rules]) => [
    `${CHART}/files/rules/${name}.yaml`,
    document('config/rbac/rules.ts', rules),
  ]);
}

function document(source: string, object: unknown): string {
  const text = stringify(object, { lineWidth: 120, aliasDuplicateObjects: false });
  return `# Written by npm run gen from ${source}.\n${text}`;
}
