/** What `check` says of the certificates by which this site is known at the other end of its links. */
import type { ResourceOf } from '../../../config/api/index.ts';
import { SkuprtError } from '../../../lib/errors.ts';
import { inspectCertificate } from '../../../site-controller/pki/inspect.ts';
import { type Context, commandLine } from '../../context.ts';
import type { Place } from '../../places/place.ts';
import { type Finding, fail, warn } from './finding.ts';

const EXPIRES_SOON_MS = 7 * 86_400_000;

/** `now` is wall-clock milliseconds. Only what is wrong is told. */
export async function checkLinkCertificates(
  context: Context,
  place: Pick<Place, 'credential'>,
  links: readonly ResourceOf<'Link'>[],
  now: number,
): Promise<Finding[]> {
  const findings = await Promise.all(
    links.map(async ({ metadata, spec }): Promise<Finding[]> => {
      if (!spec.tlsCredentials) return [];
      const text = await certificateOf(place, spec.tlsCredentials);
      return text === undefined ? [] : linkCertificateFindings(context, metadata.name, text, now);
    }),
  );
  return findings.flat();
}

function linkCertificateFindings(context: Context, link: string, pem: string, now: number): Finding[] {
  const check = `certificate of link ${link}`;
  const renewed = `It is renewed by the site that issued it; if that is gone, make the link anew: ${commandLine(context, 'link create')}`;
  let notAfter: number;
  try {
    ({ notAfter } = inspectCertificate(pem));
  } catch (error) {
    if (!(error instanceof SkuprtError)) throw error;
    return [fail(check, error.message, renewed)];
  }
  const until = new Date(notAfter).toISOString();
  if (notAfter <= now) return [fail(check, `expired at ${until}`, renewed)];
  return notAfter - now < EXPIRES_SOON_MS ? [warn(check, `expires at ${until}`, renewed)] : [];
}

/** Undefined when this user may not read it, or the link's own finding says that it is missing. */
async function certificateOf(place: Pick<Place, 'credential'>, name: string): Promise<string | undefined> {
  try {
    const text = (await place.credential(name))?.data?.['tls.crt'];
    return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
  } catch (error) {
    if (error instanceof SkuprtError && error.fault !== 'ours') return undefined;
    throw error;
  }
}
