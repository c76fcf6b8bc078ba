/** `link generate`: a Link to this site with a client certificate of its own, for sites that are set up from files. */
import { join } from 'node:path';
import type { ResourceOf } from '../../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../../config/api/schema.ts';
import { readIfExists } from '../../../lib/files.ts';
import { CREDENTIAL } from '../../../site-controller/names.ts';
import { tlsSecret } from '../../../site-controller/pki/secret.ts';
import { type Context, commandLine, print } from '../../context.ts';
import type { GenerateLinkFlags } from '../../definitions/links.ts';
import { FailedError } from '../../errors.ts';
import { type LocalSite, openLocal, requireSite, waitUntilSettled } from '../../local.ts';
import { formatManifest } from '../../output/resources.ts';

/** The certificate is asked for by a Certificate of the link's name, so that generating again gives the same one. */
export async function generateLink(
  context: Context,
  name: string | undefined,
  flags: GenerateLinkFlags,
): Promise<void> {
  const local = openLocal(context);
  const site = await requireSite(context, local);
  const linkName = name ?? `link-${site.metadata.name}`;
  const endpoints = endpointsFor(site, flags.host);
  if (endpoints.length === 0) {
    throw new FailedError(`Site "${site.metadata.name}" does not accept links`, {
      next: `Let it: ${commandLine(context, 'site update --enable-link-access')}`,
    });
  }
  await local.store.apply({
    apiVersion: SKUPPER_API_VERSION,
    kind: 'Certificate',
    metadata: { name: linkName },
    spec: { ca: site.spec.defaultIssuer || CREDENTIAL.siteCa, subject: linkName, client: true },
  });
  await waitUntilSettled(context, local, 'Certificate', linkName, { wait: 'ready', timeout: flags.timeout });
  const link: ResourceOf<'Link'> = {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'Link',
    metadata: { name: linkName },
    spec: { endpoints, tlsCredentials: linkName, cost: flags.cost },
  };
  print(context, formatManifest([await secretOf(local, linkName), link], flags.output));
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

async function secretOf(local: LocalSite, name: string): Promise<ResourceOf<'Secret'>> {
  const read = (file: string) => readIfExists(join(local.paths.runtimeCerts, name, file));
  const [ca, certificate, privateKey] = await Promise.all([read('ca.crt'), read('tls.crt'), read('tls.key')]);
  if (ca === undefined || certificate === undefined || privateKey === undefined) {
    throw new FailedError(`The site has not written certificate "${name}"`, { next: 'Try again in a moment' });
  }
  return tlsSecret(name, { ca, certificate, privateKey });
}
