/**
 * What installing does to each object, from what is there: a pure function. What somebody else made is not taken over silently,
 * and nothing newer is replaced by something older.
 */
import { PART_OF } from '../../../config/crd/definition.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { isSubset } from '../../../lib/kube/subset.ts';
import { CONTROLLER_NAME } from './manifests.ts';
import { inPlaceOf, whyKept } from './plan-definition.ts';
import { compareVersions, versionOf } from './version.ts';

export interface Step {
  object: KubeObject;
  /** `replace`: what is there goes first, because nothing of it may stay. */
  action: 'create' | 'update' | 'replace' | 'none' | 'keep';
  /** Of `keep`: why it is not touched, for the user. */
  why?: string;
}

export interface InstallPlan {
  steps: Step[];
  /** Why it should not be done; `--force` does it all the same. */
  objections: string[];
}

export interface Found {
  wanted: KubeObject;
  /** `hidden`: this user may not look. */
  present: KubeObject | 'hidden' | undefined;
}

export function planInstall(found: readonly Found[], release: string, isForced = false): InstallPlan {
  return {
    steps: found.map((one) => stepFor(one, release, isForced)),
    objections: found.flatMap((one) => objectionsTo(one, release)),
  };
}

export function isOurs({ metadata }: KubeObject): boolean {
  return metadata.labels?.['app.kubernetes.io/part-of'] === PART_OF;
}

export function isOfHelm({ metadata }: KubeObject): boolean {
  return metadata.labels?.['app.kubernetes.io/managed-by'] === 'Helm';
}

function stepFor({ wanted, present }: Found, release: string, isForced: boolean): Step {
  if (present === undefined) return { object: wanted, action: 'create' };
  if (present === 'hidden') return { object: wanted, action: 'keep', why: 'this user may not look at it' };
  if (wanted.kind === 'Namespace' && !isOurs(present)) {
    return { object: wanted, action: 'keep', why: 'it was there before' };
  }
  if (wanted.kind === 'CustomResourceDefinition') {
    const why = whyKept(wanted, present, { release, isForced });
    if (why !== undefined) return { object: wanted, action: 'keep', why };
    const object = inPlaceOf(wanted, present);
    return { object, action: isSubset(object, present) ? 'none' : 'update' };
  }
  if (wanted.kind === 'Deployment' && !isOurs(present)) return { object: wanted, action: 'replace' };
  return { object: wanted, action: isSubset(wanted, present) ? 'none' : 'update' };
}

function objectionsTo({ wanted, present }: Found, release: string): string[] {
  if (present === undefined || present === 'hidden') return [];
  const name = `${present.kind || wanted.kind} ${wanted.metadata.name}`;
  if (wanted.kind === 'Deployment') return objectionsToController(name, present, release);
  if (wanted.kind === 'ClusterRoleBinding') {
    const elsewhere = namespaceOfSubject(present);
    return elsewhere === namespaceOfSubject(wanted)
      ? []
      : [`${name} is that of an installation in namespace ${elsewhere}: two would serve the same cluster`];
  }
  if (wanted.kind === 'ConfigMap') {
    const controller = (present.data as { controller?: string } | undefined)?.controller;
    return controller === undefined || controller.split('/').at(-1) === CONTROLLER_NAME
      ? []
      : [`${name} gives this namespace to the controller ${controller}`];
  }
  return [];
}

function objectionsToController(name: string, present: KubeObject, release: string): string[] {
  if (isOfHelm(present)) return [`${name} was made by Helm: use helm upgrade`];
  if (!isOurs(present)) return [`${name} is somebody else's, such as that of Skupper itself`];
  const version = versionOf(present);
  return version !== undefined && compareVersions(version, release) > 0
    ? [`${name} is of the newer version ${version}`]
    : [];
}

function namespaceOfSubject({ subjects }: KubeObject): string | undefined {
  return (subjects as { namespace?: string }[] | undefined)?.[0]?.namespace;
}
