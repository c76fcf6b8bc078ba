/** `policy apply`, `policy create` and `policy delete`: policies are checked and warned about before they are written. */
import type { Resource } from '../../../config/api/index.ts';
import { parseResources } from '../../../config/api/parse.ts';
import { faultText } from '../../../lib/policy/parse.ts';
import { policyWarnings } from '../../../lib/policy/warnings.ts';
import {
  documentOf,
  faultsOfPolicy,
  type PolicyResource,
} from '../../../site-controller/reconcile/policy/documents.ts';
import { confirmDeletion } from '../../ask.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import type { PolicyApplyFlags, PolicyDeleteFlags } from '../../definitions/policies.ts';
import { NotFoundError, UsageError } from '../../errors.ts';
import { readInput, titleOf } from '../../files.ts';
import { formatManifest } from '../../output/resources.ts';
import { openPlace } from '../../places/choose.ts';
import { requireSite, waitUntilSettled } from '../../resources.ts';
import { lookAround } from './world.ts';

export async function applyPolicyFile(context: Context, file: string, flags: PolicyApplyFlags): Promise<void> {
  const title = titleOf(file);
  const resources = parseResources(await readInput(context, file), title);
  if (resources.length === 0)
    throw new NotFoundError(`There is no policy in ${title}`, { next: 'Nothing was changed' });
  const strangers = resources.filter((resource) => !isPolicy(resource));
  if (strangers.length > 0) {
    throw new UsageError(
      `${title} holds other resources than policies: ${strangers.map(({ kind }) => kind).join(', ')}`,
      {
        next: 'Only ClusterAccessPolicy and AccessPolicy are applied by this command; nothing was changed',
      },
    );
  }
  await applyPolicies(context, resources.filter(isPolicy), flags);
}

/** @throws UsageError when one of them says what has no meaning; nothing is written then */
export async function applyPolicies(
  context: Context,
  policies: readonly PolicyResource[],
  flags: PolicyApplyFlags,
): Promise<void> {
  requireMeaning(context, policies);
  const place = await openPlace(context);
  // In a cluster policies may be there before the site.
  if (context.platform === 'local' && !flags.dryRun) await requireSite(context, place);
  const { world } = await lookAround(context, place);
  const documents = policies.map((policy) => documentOf(policy, context.namespace));
  const isReplaced = (kind: string, name: string) =>
    policies.some((policy) => policy.kind === kind && policy.metadata.name === name);
  const others = world.documents.filter(({ kind, name }) => !isReplaced(kind, name));
  for (const document of documents) {
    for (const { message } of policyWarnings(document, { ...world, documents: [...others, ...documents] })) {
      say(context, `Warning: ${document.kind} "${document.name}": ${message}`);
    }
  }
  if (flags.dryRun) {
    print(context, formatManifest(policies, flags.output));
    return;
  }
  for (const policy of policies) await place.resources.apply(policy);
  for (const { kind, metadata } of policies) {
    await waitUntilSettled(context, place, kind, metadata.name, { wait: flags.wait, timeout: flags.timeout });
    say(context, `${kind} "${metadata.name}" is ${flags.wait === 'none' ? 'written' : 'in force'}.`);
  }
  if (flags.output !== undefined) print(context, formatManifest(policies, flags.output));
}

export async function deletePolicy(context: Context, name: string, flags: PolicyDeleteFlags): Promise<void> {
  const place = await openPlace(context);
  const kind = flags.cluster ? 'ClusterAccessPolicy' : 'AccessPolicy';
  if ((await place.resources.get(kind, name)) === undefined) {
    throw new NotFoundError(`There is no ${kind} "${name}" in namespace "${context.namespace}"`, {
      next: `See ${commandLine(context, 'policy status')}${flags.cluster ? '' : '; those of the cluster are deleted with --cluster'}`,
    });
  }
  await confirmDeletion(context, `${kind} "${name}"`, flags.yes);
  await place.resources.delete(kind, name);
  say(context, `${kind} "${name}" is deleted.`);
}

/** @throws UsageError when one of them says what has no meaning, or is not for this namespace */
export function requireMeaning(context: Context, policies: readonly PolicyResource[]): void {
  for (const policy of policies) {
    const { kind, metadata } = policy;
    const faults = faultsOfPolicy(policy);
    if (faults.length > 0) {
      throw new UsageError(`${kind} "${metadata.name}" has mistakes:\n${faultText(faults, '\n')}`, {
        next: 'Correct them; nothing was changed',
      });
    }
    if (kind === 'AccessPolicy' && metadata.namespace !== undefined && metadata.namespace !== context.namespace) {
      throw new UsageError(`AccessPolicy "${metadata.name}" is for namespace "${metadata.namespace}"`, {
        next: `Apply it with -n ${metadata.namespace}; nothing was changed`,
      });
    }
  }
}

function isPolicy(resource: Resource): resource is PolicyResource {
  return resource.kind === 'ClusterAccessPolicy' || resource.kind === 'AccessPolicy';
}
