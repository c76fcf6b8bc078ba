/** Site identity in certificates: `spiffe://skuprt/site/<site id>`. */
const PREFIX = 'spiffe://skuprt/site/';

export function siteUri(siteId: string): string {
  return PREFIX + encodeURIComponent(siteId);
}

/** The site that a certificate speaks for, when it names one. */
export function siteIdOf(uris: readonly string[]): string | undefined {
  const uri = uris.find((candidate) => candidate.startsWith(PREFIX));
  return uri === undefined ? undefined : decodeURIComponent(uri.slice(PREFIX.length));
}
