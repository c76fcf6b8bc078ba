/**
 * Everything that one namespace on Kubernetes should be, from one look at it. A pure function of what is observed: it may be called as
 * often as one likes, and each result brings the namespace nearer. What needs keys (certificates) is said here and made elsewhere.
 */
import { isClusterScoped } from '../../config/api/index.ts';
import type { Site } from '../../config/api/site.ts';
import { type KubeObject, objectKey } from '../../lib/kube/object.ts';
import { nextGrantEnd } from './accessgrant/plan.ts';
import { GRANT_SERVER, grantServerResources } from './accessgrant/server.ts';
import { wantedCertificates } from './certificate/plan.ts';
import { type ImportPlan, planImports } from './import/plan.ts';
import { nextSecretDue } from './link/plan.ts';
import { planServices } from './listener/services.ts';
import type { Observed, Outcome } from './observed.ts';
import { invalidOutcome, type OutcomeInputs, planOutcomes } from './outcomes.ts';
import { isMarked, isOwn, marked, owned } from './ownership.ts';
import { networkPolicies } from './policy/network-policy.ts';
import { planWorkloadMaps } from './policy/workloads.ts';
import { planRouterConfigMaps } from './router-config-maps.ts';
import { generatedAccess, wantedSecuredAccesses } from './routeraccess/plan.ts';
import { planSecuredAccesses } from './securedaccess/plan.ts';
import { activeSite } from './site/identity.ts';
import { applyTemplates } from './site/labels.ts';
import { planWorkload } from './site/workload.ts';

/** Kinds of resources that the controller makes, beside MADE_KINDS. */
const GENERATED_KINDS = ['RouterAccess', 'SecuredAccess', 'Certificate', 'Listener'] as const;

export interface NamespacePlan {
  /** As they are to be, whole. */
  apply: KubeObject[];
  /** The controller's own, no longer wanted. */
  prune: KubeObject[];
  outcomes: Outcome[];
  /** What stands in the way of an object that is wanted: told as Events on the Site. */
  faults: string[];
  /** When to look again though nothing changed, in wall-clock milliseconds. */
  requeueAt: number;
}

export function planNamespace(observed: Observed, inputs: OutcomeInputs): NamespacePlan {
  const site = activeSite(observed);
  const access = planSecuredAccesses(observed);
  const outcomes = [...planOutcomes(observed, inputs), ...access.outcomes, ...invalidOutcomes(observed)];
  const requeueAt = nextLook(observed, inputs);
  const central = centralObjects(observed, access.objects);
  if (site === undefined) return { apply: central, prune: [], outcomes, faults: [], requeueAt };
  const imports = planImports(observed);
  const workload = planWorkload(observed);
  const config = planRouterConfigMaps(observed, site);
  const names = new Set(central.map(objectKey));
  const wanted = [
    ...generatedResources(observed, site),
    ...(imports.apply as unknown as KubeObject[]),
    ...workload.objects,
    ...config.objects,
    ...planServices(observed).objects,
    ...planWorkloadMaps(observed),
    ...networkPolicies(observed, site),
    ...access.objects,
  ]
    .filter((object) => !names.has(objectKey(object)))
    .map((object) => (isShared(object) ? marked(object, observed.namespace) : owned(object, site, observed.namespace)));
  const { allowed, faults } = withoutForeign(observed, site, applyTemplates(observed, wanted));
  return {
    apply: [...central, ...allowed],
    prune: unwanted(observed, site, wanted),
    outcomes,
    faults: [...workload.faults, ...config.faults, ...importFaults(imports), ...faults],
    requeueAt,
  };
}

/** What the redemption server needs, in the controller's own namespace. */
function centralObjects(observed: Observed, access: readonly KubeObject[]): KubeObject[] {
  const { settings, pods } = observed.cluster!;
  if (observed.namespace !== settings.namespace) return [];
  const { 'pod-template-hash': _hash, ...labels } = pods.find(({ name }) => name === settings.pod)?.labels ?? {};
  const resources = grantServerResources(observed, settings, labels) as unknown as KubeObject[];
  const ofGrants = access.filter(({ metadata }) => isOfGrantServer(metadata.name));
  return [...resources, ...ofGrants].map((object) => marked(object, observed.namespace));
}

/** Of all sites of the cluster together: it has no owner among them. */
function isShared({ kind }: KubeObject): boolean {
  return kind === 'Gateway';
}

function isOfGrantServer(name: string): boolean {
  return name === GRANT_SERVER || name.startsWith(`${GRANT_SERVER}-`);
}

/** Resources that lead to others, each as if those before it were seen: so a certificate is at once for all hosts that are known. */
function generatedResources(observed: Observed, site: Site): KubeObject[] {
  const resources = new Map(observed.resources);
  const seen = { ...observed, resources };
  const access = generatedAccess(site, observed);
  if (access !== undefined) resources.set(`RouterAccess/${access.metadata.name}`, access);
  const secured = wantedSecuredAccesses(seen);
  for (const wanted of secured) {
    const key = `SecuredAccess/${wanted.metadata.name}` as const;
    if (!resources.has(key)) resources.set(key, wanted);
  }
  const made = [...(access === undefined ? [] : [access]), ...secured, ...wantedCertificates(seen, site)];
  return made as unknown as KubeObject[];
}

function importFaults({ refused = new Map() }: ImportPlan): string[] {
  return [...refused].map(([address, why]) => `service ${address} of another site is not imported: ${why}`);
}

/** What somebody else has under the same name stays as it is. */
function withoutForeign(
  observed: Observed,
  site: Site,
  objects: readonly KubeObject[],
): { allowed: KubeObject[]; faults: string[] } {
  const faults: string[] = [];
  const allowed = objects.filter((object) => {
    const present = presentOf(observed, object);
    if (present === undefined || object.metadata.namespace !== observed.namespace || isOwn(present, site)) return true;
    if (isShared(object) && isMarked(present)) return true;
    faults.push(`${object.kind} ${object.metadata.name} already exists in namespace and is not of this site`);
    return false;
  });
  return { allowed, faults };
}

function presentOf({ cluster, resources }: Observed, object: KubeObject): KubeObject | undefined {
  const found = cluster?.objects.get(objectKey(object));
  return found ?? (resources.get(objectKey(object) as never) as KubeObject | undefined);
}

function unwanted({ cluster, resources }: Observed, site: Site, wanted: readonly KubeObject[]): KubeObject[] {
  const names = new Set(wanted.map(objectKey));
  const generated = [...resources.values()].filter(({ kind }) => GENERATED_KINDS.some((known) => known === kind));
  return [...(generated as unknown as KubeObject[]), ...(cluster?.objects.values() ?? [])].filter(
    (object) => isOwn(object, site) && isMarked(object) && !names.has(objectKey(object)),
  );
}

/** A resource that cannot be acted upon says why in the first of its conditions. */
function invalidOutcomes({ cluster }: Observed): Outcome[] {
  // What is in no namespace is told of elsewhere.
  return (cluster?.invalid ?? []).filter(({ kind }) => !isClusterScoped(kind)).map(invalidOutcome);
}

/** Grants end, tokens are tried again and Secrets are missed by the clock alone. */
function nextLook(observed: Observed, { attempts }: OutcomeInputs): number {
  // One that is due is tried by this pass, and tells when it ends.
  const retries = [...attempts.values()].filter(({ isFinal, retryAt }) => !isFinal && retryAt > observed.now);
  const times = retries.map(({ retryAt }) => retryAt);
  return Math.min(Infinity, ...times, nextGrantEnd(observed), nextSecretDue(observed));
}
