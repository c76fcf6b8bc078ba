/** What can be said of a site on any platform: its own state, its links, both ends of its services, its certificates. */
import type { Resource, ResourceOf } from '../../../config/api/index.ts';
import { withPort } from '../../../lib/address.ts';
import { type Context, commandLine } from '../../context.ts';
import type { Place } from '../../places/place.ts';
import { outcomeOf, statusOf } from '../../resources.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { checkLinkCertificates } from './link-certificates.ts';
import { checkPolicies } from './policies.ts';
import { probe } from './probe.ts';

const DAY_MS = 86_400_000;
const EXPIRES_SOON_MS = 7 * DAY_MS;

/** `now` is wall-clock milliseconds. */
export async function checkSite(
  context: Context,
  place: Place,
  site: ResourceOf<'Site'>,
  now: number,
): Promise<Finding[]> {
  const { resources } = place;
  const links = await resources.list('Link');
  return [
    siteFinding(context, site),
    ...(await accessFindings(context, site)),
    ...links.map((link) => linkFinding(context, link)),
    ...(await checkLinkCertificates(context, place, links, now)),
    ...(await resources.list('Listener')).map((listener) => endFinding(context, listener)),
    ...(await resources.list('Connector')).map((connector) => endFinding(context, connector)),
    ...certificateFindings(await resources.list('Certificate'), now),
    ...(await checkPolicies(context, place)),
    await networkFinding(place, site),
  ];
}

export function siteFinding(context: Context, site: ResourceOf<'Site'>): Finding {
  const check = `site ${site.metadata.name}`;
  const { status, message } = outcomeOf(site, 'ready');
  if (status === 'Ready') return ok(check, 'ready');
  const next = `See ${commandLine(context, 'site status -o yaml')}`;
  return status === 'Error' ? fail(check, message, next) : warn(check, message, next);
}

/** The endpoints may be for networks that this machine is not in: that they cannot be reached from here is no proof. */
async function accessFindings(context: Context, site: ResourceOf<'Site'>): Promise<Finding[]> {
  if (['none', '', undefined].includes(site.spec.linkAccess)) return [];
  const endpoints = (site.status?.endpoints ?? []).filter(({ host, port }) => host && port);
  if (endpoints.length === 0) {
    return [
      warn(
        'link access',
        'no address by which other sites could link to this one',
        `A cluster without load balancers needs another type: ${commandLine(context, 'site update --link-access-type nodeport')}`,
      ),
    ];
  }
  return await Promise.all(
    endpoints.map(async ({ name, host, port }) => {
      const check = `link access ${name ?? ''}`.trim();
      const reason = await probe(host!, Number(port), context.signal);
      if (reason === undefined) return ok(check, `${withPort(host!, port!)} answers`);
      const next = 'Try from where the other site is; firewalls must let it through';
      return warn(check, `${withPort(host!, port!)} cannot be reached from here: ${reason}`, next);
    }),
  );
}

export function linkFinding(context: Context, link: ResourceOf<'Link'>): Finding {
  const check = `link ${link.metadata.name}`;
  const { status, message } = outcomeOf(link, 'ready');
  if (status === 'Ready')
    return ok(check, `up, to ${link.status?.remoteSiteName || 'a site that has not said its name'}`);
  return fail(check, message, `See ${commandLine(context, `link status ${link.metadata.name}`)}`);
}

export function endFinding(context: Context, end: ResourceOf<'Listener' | 'Connector'>): Finding {
  const word = end.kind.toLowerCase();
  const check = `${word} ${end.metadata.name}`;
  const { status, message } = outcomeOf(end, 'ready');
  if (status === 'Ready') return ok(check);
  const next = `See ${commandLine(context, `${word} status ${end.metadata.name}`)}`;
  // One that waits for its other end is no fault of this site.
  return status === 'Error' || !isConfigured(end) ? fail(check, message, next) : warn(check, message, next);
}

export function certificateFindings(certificates: readonly ResourceOf<'Certificate'>[], now: number): Finding[] {
  if (certificates.length === 0) return [];
  const findings = certificates.flatMap((certificate): Finding[] => {
    const check = `certificate ${certificate.metadata.name}`;
    const until = certificate.status?.expiration;
    const leftMs = Date.parse(until ?? '') - now;
    if (outcomeOf(certificate, 'ready').status === 'Error') return [fail(check, statusOf(certificate).message ?? '')];
    if (leftMs <= 0)
      return [fail(check, `expired at ${until}`, 'The controller renews it; see its log for why it did not')];
    return leftMs < EXPIRES_SOON_MS ? [warn(check, `expires at ${until}`, 'It should have been renewed by now')] : [];
  });
  return findings.length > 0 ? findings : [ok('certificates', `${certificates.length} in force`)];
}

async function networkFinding(place: Place, site: ResourceOf<'Site'>): Promise<Finding> {
  const view = await place.network(site);
  if (view === undefined) return warn('network', 'the site has not seen the network yet');
  const down = view.sites.flatMap(({ site: { name }, routers }) =>
    routers.flatMap(({ links }) =>
      links
        .filter(({ direction, operational }) => direction === 'outgoing' && !operational)
        .map((link) => `${name} to ${link.remoteSiteName || link.name}`),
    ),
  );
  const count = view.sites.length;
  const seen = `${count} ${count === 1 ? 'site' : 'sites'}`;
  return down.length === 0 ? ok('network', seen) : warn('network', `${seen}; links that are down: ${down.join(', ')}`);
}

function isConfigured(resource: Resource): boolean {
  return statusOf(resource).conditions?.some(({ type, status }) => type === 'Configured' && status === 'True') === true;
}
