/**
 * What policies in dry run would refuse here, if it were up to them: what is offered to the network, what is used of it, and the links
 * that this site dials. Routers tell the same of connections, and of links as they open. Pure.
 */
import type { Finding } from '../../../config/api/conditions.ts';
import type { Resource } from '../../../config/api/index.ts';
import { judgeOf } from '../../../lib/policy/judge.ts';
import type { Decision, Operation, PolicyClient, PolicyDocument, RuleReference } from '../../../lib/policy/types.ts';
import { keyOf, type ResourceKey } from '../../store.ts';
import { endpointsOf, remoteOf } from '../link/plan.ts';
import { type Observed, type Outcome, ofKind } from '../observed.ts';
import { activeSite, siteIdOf } from '../site/identity.ts';
import { policyDocuments } from './documents.ts';
import { type GovernedService, governedServices } from './governed.ts';

/** Of operations that a controller decides about. */
export const REHEARSED_OPERATIONS = ['Expose', 'Import', 'Link'] as const satisfies readonly Operation[];
export type RehearsedOperation = (typeof REHEARSED_OPERATIONS)[number];

/** Of one resource. */
export interface Rehearsal {
  resource: Resource;
  operation: RehearsedOperation;
  /** The first that is against it. */
  by: RuleReference;
  reason: string;
  /** How many routing keys of the resource it is about; 1 of a link. */
  count: number;
}

const NONE: ReadonlyMap<ResourceKey, Rehearsal> = new Map();
const NO_WARNINGS: Finding = { type: 'Warnings', status: 'False', reason: 'NoWarnings', message: 'OK' };

/** Plans and those who log ask, and what is observed never changes. */
const known = new WeakMap<Observed, ReadonlyMap<ResourceKey, Rehearsal>>();

/** Those of a namespace, by their resources; none without a site. */
export function rehearsals(observed: Observed): ReadonlyMap<ResourceKey, Rehearsal> {
  const found = known.get(observed) ?? findRehearsals(observed);
  known.set(observed, found);
  return found;
}

function findRehearsals(observed: Observed): ReadonlyMap<ResourceKey, Rehearsal> {
  const site = activeSite(observed);
  const documents = policyDocuments(observed);
  if (site === undefined || !hasDryRun(documents)) return NONE;
  const own = { id: siteIdOf(site), name: site.metadata.name };
  const services = serviceRehearsals(documents, own, governedServices(observed));
  return byResource([...services, ...linkRehearsals(observed, documents)]);
}

/** One for each service that one of them is against. @param site that has them */
export function serviceRehearsals(
  documents: readonly PolicyDocument[],
  site: { readonly id: string; readonly name: string },
  services: readonly GovernedService[],
): Rehearsal[] {
  if (!hasDryRun(documents)) return [];
  const judge = judgeOf(documents);
  return services.flatMap(({ kind, service, resource }): Rehearsal[] => {
    const operation = kind === 'Listener' ? 'Import' : 'Expose';
    const { namespace } = service;
    const client: PolicyClient = { siteId: site.id, siteName: site.name, namespace, verification: 'local' };
    return rehearsed(resource, operation, judge.decide({ operation, client, service }));
  });
}

/** With no host left to dial, as far as is known of the site at the other end. */
function linkRehearsals(observed: Observed, documents: readonly PolicyDocument[]): Rehearsal[] {
  const judge = judgeOf(documents);
  const { namespace } = observed;
  return ofKind(observed, 'Link').flatMap((link): Rehearsal[] => {
    const { siteId, siteName } = remoteOf(observed, link) ?? {};
    const client: PolicyClient = {
      verification: 'link',
      ...(siteId && { siteId }),
      ...(siteName && { siteName }),
    };
    const found = endpointsOf(observed, link).map(({ host }) => {
      const request = { operation: 'Link', client, namespace, direction: 'Outgoing', host } as const;
      return rehearsed(link, 'Link', judge.decideEarly(request))[0];
    });
    const [first] = found;
    return first === undefined || found.includes(undefined) ? [] : [first];
  });
}

/** None where it is refused anyway. */
function rehearsed(resource: Resource, operation: RehearsedOperation, { allowed, dryRun }: Decision): Rehearsal[] {
  if (!allowed || dryRun === undefined || dryRun.allowed || dryRun.by === undefined) return [];
  return [{ resource, operation, by: dryRun.by, reason: dryRun.reason, count: 1 }];
}

function hasDryRun(documents: readonly PolicyDocument[]): boolean {
  return documents.some(({ spec }) => spec.dryRun === true);
}

function byResource(all: readonly Rehearsal[]): ReadonlyMap<ResourceKey, Rehearsal> {
  const found = new Map<ResourceKey, Rehearsal>();
  for (const rehearsal of all) {
    const key = keyOf(rehearsal.resource);
    const before = found.get(key);
    found.set(key, before === undefined ? rehearsal : { ...before, count: before.count + 1 });
  }
  return found;
}

/** As a message that stands alone. */
export function rehearsalText({ reason, count }: Rehearsal): string {
  const more = count === 1 ? '' : `; and ${count - 1} more of its routing keys`;
  return `Would be refused by a policy in dry run: ${reason}${more}`;
}

/** Resources that would be refused say so, and those that once said so say that it is over. They stay configured. */
export function withRehearsals(observed: Observed, outcomes: readonly Outcome[]): Outcome[] {
  const found = rehearsals(observed);
  const told = found === NONE ? outcomes.some(({ resource }) => hasWarned(resource)) : true;
  if (!told) return [...outcomes];
  return outcomes.map((outcome) => {
    const rehearsal = found.get(keyOf(outcome.resource));
    if (rehearsal !== undefined) return { ...outcome, findings: [...outcome.findings, findingOf(rehearsal)] };
    return hasWarned(outcome.resource) ? { ...outcome, findings: [...outcome.findings, NO_WARNINGS] } : outcome;
  });
}

function findingOf(rehearsal: Rehearsal): Finding {
  return { type: 'Warnings', status: 'True', reason: 'WouldBeRefused', message: rehearsalText(rehearsal) };
}

/** Policies have warnings of their own. */
function hasWarned(resource: Resource): boolean {
  if (resource.kind === 'ClusterAccessPolicy' || resource.kind === 'AccessPolicy' || !('status' in resource))
    return false;
  return resource.status?.conditions?.some(({ type }) => type === 'Warnings') === true;
}
