/** How a router would know a client of a site that has not come. */
import { describe, expect, it } from 'vitest';
import { asKnown } from '../../router/identity/as-known.ts';
import { Identity } from '../../router/identity/identity.ts';
import { introductionText } from '../../router/identity/introduction.ts';
import { makeKeyring } from '../../router/io/identity-keys.ts';

const OWN = { siteId: 'x', siteName: 'here' };
const near = makeKeyring();
const far = makeKeyring();

/** Site n is a neighbour, which introduces site f; site o is one too, whose router says nothing of itself. */
function router(): Identity {
  const identity = new Identity({ routerId: 'X', keys: makeKeyring(), site: () => OWN }, 0);
  const certified = { router: 'N', certified: 'n', siteId: 'n', siteName: 'near', key: near.publicKey };
  identity.opened(1, certified, 0);
  identity.opened(2, { router: 'O', certified: 'o' }, 0);
  const of = { router: 'F', key: far.publicKey, siteId: 'f', siteName: 'near' };
  identity.receive(1, introductionText(near, { by: 'N', byKey: near.publicKey, sequence: 1, gone: false, of }), 0);
  return identity;
}

describe('a client', () => {
  it.each([
    ['of the own site', { siteName: 'here', workload: 'w' }, { siteId: 'x', workload: 'w', verification: 'local' }],
    ['of a neighbour', { siteName: 'near', workload: 'w' }, { siteId: 'n', workload: 'w', verification: 'link' }],
    ['of a site further away', { siteId: 'f' }, { siteId: 'f', verification: 'path', via: ['n'] }],
    ['of a site that nobody vouches for', { siteId: 'z' }, { siteId: 'z', verification: 'none' }],
    ['of a site that is not told', { workload: 'w' }, { workload: 'w', verification: 'none' }],
  ])('%s', (_what, client, expected) => {
    expect(asKnown(client, OWN, router())).toMatchObject(expected);
  });

  it('is what this router knows, whatever is said of that', () => {
    const said = { siteId: 'z', verification: 'local', via: ['n'], doubt: 'none at all' } as const;
    const known = asKnown(said, OWN, router());
    expect(known).toEqual({ siteId: 'z', verification: 'none', doubt: expect.stringContaining('site z') });
  });

  it('of a router of another make is known by its certificate, and by nothing that is said', () => {
    expect(asKnown({ siteId: 'o', workload: 'w' }, OWN, router())).toEqual({
      siteId: 'o',
      verification: 'link',
      doubt: 'its router says nothing of the client itself',
    });
  });

  it('has its name only where that means its site', () => {
    const known = asKnown({ siteId: 'f', siteName: 'near' }, OWN, router());
    expect(known).toMatchObject({ siteId: 'f', doubt: 'another site is known by the name near' });
    expect(known.siteName).toBeUndefined();
  });

  it('of another site is not known where no router is', () => {
    expect(asKnown({ siteId: 'n' }, OWN, undefined)).toMatchObject({ verification: 'none' });
    expect(asKnown({ siteName: 'here' }, OWN, undefined)).toMatchObject({ verification: 'local' });
  });
});
