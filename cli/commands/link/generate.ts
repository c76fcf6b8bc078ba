/** `link generate`: a Link to this site with a client certificate of its own, for sites that are set up from files. */
import type { ResourceOf } from '../../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import type { Secret } from '../../../config/api/secret.ts';
import { CREDENTIAL } from '../../../config/names.ts';
import { type Context, commandLine, print } from '../../context.ts';
import type { GenerateLinkFlags } from '../../definitions/links.ts';
import { FailedError } from '../../errors.ts';
import { formatManifest } from '../../output/resources.ts';
import { openPlace } from '../../places/choose.ts';
import type { Place } from '../../places/place.ts';
import { requireSite, waitUntilSettled } from '../../resources.ts';

/** The certificate is asked for by a Certificate of the link's name, so that generating again gives the same one. */
export async function generateLink(
  context: Context,
  name: string | undefined,
  flags: GenerateLinkFlags,
): Promise<void> {
  const place = await openPlace(context);
  const site = await requireSite(context, place);
  const linkName = name ?? `link-${site.metadata.name}`;
  const endpoints = endpointsFor(site, flags.host);
  if (endpoints.length === 0) {
    throw new FailedError(`Site "${site.metadata.name}" does not accept links`, {
      next: `Let it: ${commandLine(context, 'site update --enable-link-access')}`,
    });
  }
  const credentials = flags.tlsCredentials ?? linkName;
  const secrets = flags.generateCredential ? [await issued(context, place, site, credentials, flags.timeout)] : [];
  const link: ResourceOf<'Link'> = {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'Link',
    metadata: { name: linkName },
    spec: { endpoints, tlsCredentials: credentials, cost: flags.cost },
  };
  print(context, formatManifest([...secrets, link], flags.output));
}

/** The certificate of that name, made when there is none. It goes with the site. @throws FailedError */
async function issued(
  context: Context,
  place: Place,
  site: ResourceOf<'Site'>,
  name: string,
  timeout: number,
): Promise<Secret> {
  const owner = {
    apiVersion: site.apiVersion,
    kind: site.kind,
    name: site.metadata.name,
    uid: site.metadata.uid ?? '',
  };
  await place.resources.apply({
    apiVersion: SKUPPER_API_VERSION,
    kind: 'Certificate',
    metadata: { name, ownerReferences: [owner] },
    spec: { ca: site.spec.defaultIssuer || CREDENTIAL.siteCa, subject: name, client: true },
  });
  await waitUntilSettled(context, place, 'Certificate', name, { wait: 'ready', timeout });
  const secret = await place.credential(name);
  if (secret !== undefined) return secret;
  throw new FailedError(`The site has not written certificate "${name}"`, { next: 'Try again in a moment' });
}

/** Where the site says that its router accepts links; `host` replaces what it says. */
function endpointsFor(site: ResourceOf<'Site'>, host: string | undefined): ResourceOf<'Link'>['spec']['endpoints'] {
  return (site.status?.endpoints ?? []).flatMap((endpoint) => {
    const { name, port, group } = endpoint;
    const isRole = name === 'inter-router' || name === 'edge';
    const reachedBy = host ?? endpoint.host;
    return isRole && reachedBy && port ? [{ name, host: reachedBy, port, ...(group && { group }) }] : [];
  });
}
