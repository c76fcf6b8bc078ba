/** `check`: looks at everything that must be right for a site to work, before and after it is there. */
import { SkuprtError } from '../../../lib/errors.ts';
import { type Context, commandLine, print } from '../../context.ts';
import { FailedError } from '../../errors.ts';
import { formatObject } from '../../output/resources.ts';
import { openCluster } from '../../places/kubernetes.ts';
import { openLocal } from '../../places/local.ts';
import type { Place } from '../../places/place.ts';
import { findSite } from '../../resources.ts';
import { checkCluster, checkRouters } from './cluster.ts';
import { type Finding, fail, findingsObject, findingsText, warn } from './finding.ts';
import { checkLocal, probeConnectors } from './local.ts';
import { probeFromPod } from './probe-pod.ts';
import { checkSite } from './site.ts';

/** @throws FailedError when something failed, after everything was told */
export async function check(context: Context, flags: { output?: string }): Promise<void> {
  const findings = context.platform === 'local' ? await onThisMachine(context) : await inCluster(context);
  if (flags.output === 'json' || flags.output === 'yaml')
    print(context, formatObject(findingsObject(findings), flags.output));
  else print(context, findingsText(findings));
  const failedCount = findings.filter(({ result }) => result === 'fail').length;
  if (failedCount > 0) {
    throw new FailedError(`${failedCount} of ${findings.length} checks failed`, { next: 'Each says what to do' });
  }
}

async function onThisMachine(context: Context): Promise<Finding[]> {
  const local = openLocal(context);
  const found = await siteFindings(context, local);
  if ((await findSite(local)) === undefined) return found;
  const connectors = await local.resources.list('Connector');
  return [...(await checkLocal(local)), ...found, ...(await probeConnectors(context, connectors))];
}

async function inCluster(context: Context): Promise<Finding[]> {
  const place = await openCluster(context);
  const { findings, hasKinds } = await checkCluster(context, place.client, Date.now());
  if (!hasKinds) return findings;
  return [
    ...findings,
    ...(await checkRouters(context, place.client)),
    ...(await siteFindings(context, place)),
    ...(await probeFromPod(context, place.client, await place.resources.list('Listener'))),
  ];
}

/** A right that is missing, or a server that went away meanwhile, is a finding too: what was found before it is told. */
async function siteFindings(context: Context, place: Place): Promise<Finding[]> {
  try {
    return await lookAtSite(context, place);
  } catch (error) {
    if (!(error instanceof SkuprtError) || error.fault === 'ours') throw error;
    return [fail('site', error.message, error.next)];
  }
}

async function lookAtSite(context: Context, place: Place): Promise<Finding[]> {
  const site = await findSite(place);
  if (site !== undefined) return await checkSite(context, place, site, Date.now());
  return [
    warn('site', `there is none in namespace "${context.namespace}"`, `Make one: ${commandLine(context, 'init')}`),
  ];
}
