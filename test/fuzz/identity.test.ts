/**
 * What routers tell each other of who they are: nothing that is no claim or introduction is taken for one, what is made is read back, and
 * whom one believes depends on what was said and not on its order.
 */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { alternativeUris, siteIdOf, siteUri } from '../../lib/site-identity.ts';
import { claimText, readClaim } from '../../router/identity/claim.ts';
import { type Introduction, introductionText, readIntroduction } from '../../router/identity/introduction.ts';
import type { Keyring } from '../../router/identity/keys.ts';
import { isSignedBy } from '../../router/identity/signed-text.ts';
import { beliefKey, findTrust } from '../../router/identity/trust.ts';
import { makeKeyring } from '../../router/io/identity-keys.ts';

const options = { seed: 20261122, numRuns: 500 };
const keys = makeKeyring();
/** Signs at once, for what is about other things. */
const cheap: Keyring = { publicKey: keys.publicKey, sign: () => Buffer.alloc(64), verify: () => true };

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });
const claim = fc.record({
  by: fc.record({ router: name, key: fc.constant(keys.publicKey) }),
  address: name,
  expiry: fc.nat(),
  client: fc.record(
    {
      siteId: name,
      siteName: name,
      namespace: name,
      workload: name,
      pod: name,
      serviceAccount: name,
      listener: name,
      labels: fc.dictionary(name, fc.string({ unit: 'grapheme', maxLength: 20 }), { maxKeys: 5 }),
    },
    { requiredKeys: [] },
  ),
});
const introduction: fc.Arbitrary<Introduction> = fc.record({
  by: name,
  byKey: fc.constant(keys.publicKey),
  sequence: fc.nat(),
  gone: fc.boolean(),
  of: fc.record({
    router: name,
    key: fc.constant(keys.publicKey),
    siteId: name,
    siteName: fc.option(name, { nil: undefined }),
  }),
});

describe('claims and introductions', () => {
  it('are read as they were made', () => {
    fc.assert(
      fc.property(claim, (made) => {
        const text = claimText(cheap, made);
        if (text === undefined) return;
        const { signed, isShortened, ...read } = readClaim(text)!;
        const { labels, ...client } = made.client;
        const kept = isShortened || labels === undefined ? client : { ...client, labels: { ...labels } };
        const expected = { ...made, client: kept };
        if (JSON.stringify(sorted(read)) !== JSON.stringify(sorted(expected))) throw new Error(text);
        if (signed.body.length === 0) throw new Error('no body');
      }),
      options,
    );
    fc.assert(
      fc.property(introduction, (made) => {
        const read = readIntroduction(introductionText(cheap, made));
        if (read === undefined) throw new Error('not read');
        const { by, byKey, sequence, gone, of } = read;
        if (JSON.stringify(sorted({ by, byKey, sequence, gone, of })) !== JSON.stringify(sorted(made)))
          throw new Error(read.text);
      }),
      options,
    );
  });

  it('that were changed anywhere are not signed, or cannot be read', () => {
    const texts = [
      claimText(keys, {
        by: { router: 'A', key: keys.publicKey },
        address: 'svc',
        expiry: 5,
        client: { siteId: 's' },
      })!,
      introductionText(keys, {
        by: 'A',
        byKey: keys.publicKey,
        sequence: 1,
        gone: false,
        of: { router: 'B', key: keys.publicKey, siteId: 's' },
      }),
    ];
    const change = fc.tuple(fc.nat(1), fc.nat(400), fc.integer({ min: 32, max: 126 }));
    fc.assert(
      fc.property(change, ([which, place, code]) => {
        const text = texts[which]!;
        const at = place % text.length;
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
        if (changed === text) return;
        if (which === 0) {
          const read = readClaim(changed);
          if (read && isSignedBy(keys, read.by.key, 'claim', read.signed)) throw new Error(changed);
        } else {
          const read = readIntroduction(changed);
          if (read && isSignedBy(keys, read.byKey, 'introduction', read.signed)) throw new Error(changed);
        }
      }),
      options,
    );
  });

  it('of one kind are none of the other', () => {
    fc.assert(
      fc.property(claim, (made) => {
        const read = readClaim(claimText(keys, made) ?? '');
        if (read && isSignedBy(keys, read.by.key, 'introduction', read.signed)) throw new Error('taken for the other');
      }),
      { ...options, numRuns: 50 },
    );
  });

  it('that are garbage, JSON or not, are refused and nothing worse', () => {
    const signature = 'A'.repeat(86);
    const body = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.json(),
      fc.array(fc.jsonValue()).map((value) => JSON.stringify(value)),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          body,
          body.map((text) => `${signature}.${text}`),
        ),
        (text) => {
          readClaim(text);
          readIntroduction(text);
        },
      ),
      options,
    );
  });
});

describe('sites in certificates', () => {
  it('are read back, and nothing else is one', () => {
    fc.assert(
      fc.property(name, fc.array(fc.webUrl(), { maxLength: 3 }), (id, others) => {
        if (siteIdOf([...others, siteUri(id)]) !== id) throw new Error(id);
      }),
      options,
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        siteIdOf(alternativeUris(text));
      }),
      options,
    );
  });
});

describe('whom a router believes', () => {
  const routers = ['A', 'B', 'C', 'D', 'E', 'F'];
  const sites = ['a', 'b', 'c'];
  const edge = fc.record({
    by: fc.constantFrom(...routers),
    router: fc.constantFrom(...routers),
    siteId: fc.constantFrom(...sites),
  });

  it('does not depend on the order in which it was told, and each is vouched for by one who is believed', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(edge, { maxLength: 20, selector: ({ by, router }) => `${by} ${router}` }),
        fc.nat(),
        (edges, seed) => {
          const first = trustOf(edges);
          const turned = [
            ...edges.slice(seed % (edges.length + 1)),
            ...edges.slice(0, seed % (edges.length + 1)),
          ].reverse();
          const second = trustOf(turned);
          if (JSON.stringify([...first.beliefs].sort()) !== JSON.stringify([...second.beliefs].sort()))
            throw new Error('order');
          for (const { router, rival, via, siteId } of first.beliefs.values()) {
            if (router === 'A') throw new Error('itself');
            const isNamed = edges.some(
              (said) => said.router === router && said.siteId === siteId && (said.by === 'A' || isBelieved(said.by)),
            );
            if (!isNamed) throw new Error(`nobody vouches for ${router}`);
            if (new Set(via).size !== via.length) throw new Error(`twice by one: ${via}`);
            if (rival === siteId) throw new Error('its own rival');
          }
          // One site a router.
          const known = [...first.beliefs.values()].filter(({ rival }) => rival === undefined);
          if (new Set(known.map(({ router }) => router)).size !== known.length) throw new Error('of two sites');
          function isBelieved(router: string): boolean {
            const belief = first.beliefs.get(beliefKey(router, `key of ${router}`));
            return belief !== undefined && belief.rival === undefined;
          }
        },
      ),
      options,
    );
  });

  type Edge = { by: string; router: string; siteId: string };

  function trustOf(edges: readonly Edge[]) {
    const of = ({ router, siteId }: Edge) => ({ router, key: `key of ${router}`, siteId });
    const self = { router: 'A', key: 'key of A', siteId: 'a', siteName: undefined };
    const said = (by: string) =>
      edges
        .filter((each) => each.by === by)
        .map((each) => ({ by, byKey: `key of ${by}`, sequence: 1, gone: false, of: of(each) }));
    return findTrust(self, edges.filter(({ by }) => by === 'A').map(of), (router) => said(router));
  }
});

/** With its keys in order, absent ones left out. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    entries.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, member]) => [key, sorted(member)]),
  );
}
