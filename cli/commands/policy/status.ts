/** `policy status`: the policies that govern here, what the controller says of them, and what about them is probably not meant. */

import { referenceOf } from '../../../lib/policy/decide.ts';
import { faultText } from '../../../lib/policy/parse.ts';
import { listText } from '../../../lib/policy/reason.ts';
import { policyWarnings } from '../../../lib/policy/warnings.ts';
import {
  documentOf,
  faultsOfPolicy,
  type PolicyResource,
} from '../../../site-controller/reconcile/policy/documents.ts';
import { serviceRehearsals } from '../../../site-controller/reconcile/policy/rehearsals.ts';
import { type Context, commandLine, print, say } from '../../context.ts';
import { NotFoundError } from '../../errors.ts';
import { type Column, fittedTable } from '../../output/fit.ts';
import { formatList, formatResource, isResourceFormat } from '../../output/resources.ts';
import { screenWidth } from '../../output/screen.ts';
import { openPlace } from '../../places/choose.ts';
import { noteIdle, statusOf } from '../../resources.ts';
import { lookAround, type PolicySurroundings } from './world.ts';

const COLUMNS: readonly Column[] = [
  { head: 'KIND' },
  { head: 'NAME' },
  { head: 'STATUS' },
  { head: 'DRY-RUN', givesWay: 3 },
  { head: 'LISTENERS', givesWay: 1 },
  { head: 'CONNECTORS', givesWay: 2 },
  { head: 'MESSAGE', least: 24, goesOn: true },
];

export async function showPolicies(
  context: Context,
  name: string | undefined,
  flags: { output?: string },
): Promise<void> {
  const place = await openPlace(context);
  const around = await lookAround(context, place);
  const { policies } = around;
  const shown = name === undefined ? policies : policies.filter(({ metadata }) => metadata.name === name);
  if (name !== undefined && shown.length === 0) {
    throw new NotFoundError(`There is no policy "${name}" in namespace "${context.namespace}"`, {
      next: `See ${commandLine(context, 'policy status')}`,
    });
  }
  if (isResourceFormat(flags.output)) {
    const [only] = shown;
    print(
      context,
      name !== undefined && shown.length === 1 ? formatResource(only!, flags.output) : formatList(shown, flags.output),
    );
    return;
  }
  await noteIdle(context, place);
  if (shown.length === 0) {
    say(context, `There are no policies in namespace "${context.namespace}": everything is allowed`);
    return;
  }
  print(context, fittedTable(COLUMNS, shown.map(rowOf), screenWidth(context)));
  for (const policy of shown) for (const line of remarks(policy, around, context.namespace)) say(context, line);
}

function rowOf(policy: PolicyResource) {
  const { status = 'Pending', message = 'not seen by the site yet' } = statusOf(policy);
  const { listeners = '', connectors = '' } = policy.status?.selected ?? {};
  return [
    policy.kind,
    policy.metadata.name,
    status,
    policy.spec.dryRun === true ? 'yes' : 'no',
    listeners,
    connectors,
    message,
  ];
}

function remarks(policy: PolicyResource, around: PolicySurroundings, namespace: string): string[] {
  const title = `${policy.kind} "${policy.metadata.name}"`;
  const faults = faultsOfPolicy(policy);
  if (faults.length > 0) return [`Error: ${title}: ${faultText(faults)}`];
  const document = documentOf(policy, namespace);
  return [
    ...policyWarnings(document, around.world).map(({ message }) => `Warning: ${title}: ${message}`),
    ...rehearsalNotes(referenceOf(document), around).map((text) => `Note: ${title}: ${text}`),
  ];
}

/** What of the site here it would refuse, were it no dry run. Connections and links are counted by the routers. */
function rehearsalNotes(reference: string, { world, services }: PolicySurroundings): string[] {
  const { site, documents } = world;
  if (site === undefined) return [];
  const own = serviceRehearsals(documents, site, services).filter(({ by }) => by.policy === reference);
  return (['Expose', 'Import'] as const).flatMap((operation) => {
    const refused = own.filter((rehearsal) => rehearsal.operation === operation);
    const names = [...new Set(refused.map(({ resource }) => `${resource.kind} ${resource.metadata.name}`))];
    return names.length === 0 ? [] : [`it would refuse ${operation} of ${names.length}: ${listText(names)}`];
  });
}
