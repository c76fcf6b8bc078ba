/** What `check` says of access policies: what the controller found wrong with them, or thinks is not meant. */
import type { ResourceOf } from '../../../config/api/index.ts';
import { SkuprtError } from '../../../lib/errors.ts';
import { type Context, commandLine } from '../../context.ts';
import { plural } from '../../output/text.ts';
import type { Place } from '../../places/place.ts';
import { statusOf } from '../../resources.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

type Policy = ResourceOf<'ClusterAccessPolicy' | 'AccessPolicy'>;

/** A cluster whose kinds are older has none; one that this user may not list is for its administrator to look at. */
export async function checkPolicies(context: Context, { resources }: Pick<Place, 'resources'>): Promise<Finding[]> {
  const lists = await Promise.all(
    (['ClusterAccessPolicy', 'AccessPolicy'] as const).map(async (kind): Promise<readonly Policy[]> => {
      try {
        return await resources.list(kind);
      } catch (error) {
        if (error instanceof SkuprtError && error.fault !== 'ours') return [];
        throw error;
      }
    }),
  );
  return policyFindings(context, lists.flat());
}

function policyFindings(context: Context, policies: readonly Policy[]): Finding[] {
  if (policies.length === 0) return [];
  const findings = policies.flatMap((policy): Finding[] => {
    const { kind, metadata, spec } = policy;
    const word = kind === 'AccessPolicy' ? 'policy' : 'cluster policy';
    const check = `${word} ${metadata.name}`;
    const next = `See ${commandLine(context, `policy status ${metadata.name}`)}`;
    const condition = (wanted: string) => statusOf(policy).conditions?.find(({ type }) => type === wanted);
    const [valid, warnings] = [condition('Valid'), condition('Warnings')];
    if (valid?.status === 'False') return [fail(check, valid.message ?? 'it is not valid', next)];
    if (warnings?.status === 'True') return [warn(check, warnings.message ?? '', next)];
    if (condition('Ready')?.status !== 'True') return [warn(check, 'no controller has taken it up yet', next)];
    return spec.dryRun === true ? [ok(check, 'refuses nothing: dryRun')] : [];
  });
  const quiet = policies.length - findings.length;
  return quiet === 0 ? findings : [ok('policies', `${plural(quiet, 'policy', 'policies')} in force`), ...findings];
}
