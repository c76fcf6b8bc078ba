/** Sites in certificates, and which of them a router takes another for. */
import { describe, expect, it } from 'vitest';
import { alternativeUris, siteIdOf, siteUri } from '../../lib/site-identity.ts';
import { ownSite } from '../../router/io/own-site.ts';

describe('a site in a certificate', () => {
  it('is read back from the URI, whatever its id', () => {
    for (const id of ['4f0c', 'a b', 'a/b?c#d', 'ä,%']) expect(siteIdOf([siteUri(id)])).toBe(id);
  });

  it('is none when there are two, or none that can be read', () => {
    expect(siteIdOf([siteUri('one'), siteUri('two')])).toBeUndefined();
    expect(siteIdOf([siteUri('one'), siteUri('one')])).toBe('one');
    expect(siteIdOf(['spiffe://skuprt/site/%zz'])).toBeUndefined();
    expect(siteIdOf(['spiffe://skuprt/site/'])).toBeUndefined();
    expect(siteIdOf(['spiffe://other/site/one', 'https://one'])).toBeUndefined();
    expect(siteIdOf([siteUri('x'.repeat(300))])).toBeUndefined();
  });

  it('is found among other names, and not within one of them', () => {
    expect(alternativeUris('DNS:a, URI:spiffe://skuprt/site/one, IP Address:127.0.0.1')).toEqual([
      'spiffe://skuprt/site/one',
    ]);
    expect(alternativeUris('DNS:"a, URI:spiffe://skuprt/site/evil"')).toEqual([]);
    expect(alternativeUris('URI:"https://x/, URI:spiffe://skuprt/site/evil", DNS:b')).toEqual([
      'https://x/, URI:spiffe://skuprt/site/evil',
    ]);
    expect(alternativeUris('DNS:a')).toEqual([]);
  });
});

describe('the own site of a router', () => {
  const metadata = JSON.stringify({ id: 'by-metadata', version: '2' });

  it('is what the environment says, then the metadata; its name is that of the router entity, then of the site', () => {
    const site = { name: 'by-site', namespace: 'shop' };
    expect(ownSite({ env: { SKUPPER_SITE_ID: 'by-env' }, router: { metadata, siteName: 'by-router' }, site })).toEqual({
      siteId: 'by-env',
      siteName: 'by-router',
      siteNamespace: 'shop',
    });
    expect(ownSite({ env: {}, router: { metadata }, site })).toEqual({
      siteId: 'by-metadata',
      siteName: 'by-site',
      siteNamespace: 'shop',
    });
  });

  it('is not known where nobody says it', () => {
    const nobody = { siteId: undefined, siteName: undefined, siteNamespace: undefined };
    for (const text of [undefined, '', 'no JSON', '[]', 'null', '{"id":5}']) {
      expect(ownSite({ env: {}, router: { metadata: text } })).toEqual(nobody);
    }
  });
});
