/** Site identity in certificates: the SPIFFE URI `spiffe://skuprt/site/<site id>` among the subject's alternative names. */
const PREFIX = 'spiffe://skuprt/site/';
/** Longer than any site id. */
const SITE_ID_LENGTH_MAX = 256;

export function siteUri(siteId: string): string {
  return PREFIX + encodeURIComponent(siteId);
}

/** The site that a certificate speaks for, when it names one, and only one. */
export function siteIdOf(uris: readonly string[]): string | undefined {
  const named = new Set(uris.filter((uri) => uri.startsWith(PREFIX)));
  const [uri] = named;
  if (uri === undefined || named.size > 1) return undefined;
  try {
    const siteId = decodeURIComponent(uri.slice(PREFIX.length));
    return siteId !== '' && siteId.length <= SITE_ID_LENGTH_MAX ? siteId : undefined;
  } catch (error) {
    // Not what `siteUri` makes.
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** The URIs of an X.509 certificate's alternative names, as Node writes these: `DNS:a, URI:"b, c"`. */
export function alternativeUris(subjectAltName: string): string[] {
  const uris: string[] = [];
  for (const [, type, quoted, plain = ''] of subjectAltName.matchAll(ALTERNATIVE_NAME)) {
    if (type === 'URI') uris.push(quoted === undefined ? plain : unquoted(quoted));
  }
  return uris;
}

function unquoted(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

const ALTERNATIVE_NAME = /(?:^|, )([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,"]*))(?=, |$)/g;
