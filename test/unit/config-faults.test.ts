import { describe, expect, it } from 'vitest';
import { faultsOf } from '../../config/api/faults.ts';
import { KINDS } from '../../config/api/index.ts';
import { parseResource } from '../../config/api/parse.ts';
import { CUSTOM_KINDS } from '../../config/crd/definition.ts';
import { fullResource, invalidResources } from '../support/invalid-resources.ts';

const INVALID = invalidResources();

describe.each(CUSTOM_KINDS)('%s', (kind) => {
  it('is valid with every member set', () => {
    for (const branch of [0, 1] as const) {
      expect(parseResource(fullResource(kind, branch), 'full')).toMatchObject({ kind });
    }
  });

  const variants = INVALID.filter((variant) => variant.kind === kind);

  it('has invalid variants of every member', () => {
    const paths = new Set(variants.map(({ path }) => path));
    const members = Object.keys((KINDS[kind].schema.properties as { spec: { properties: object } }).spec.properties);
    for (const member of members) expect(paths).toContain(`spec.${member}`);
  });

  it.each(variants)('names the place: $title', ({ path, object }) => {
    const faults = faultsOf(KINDS[kind].schema, object);
    expect(faults.map((fault) => fault.path)).toContain(path);
    for (const fault of faults) expect(fault.message).toMatch(/\S/);
  });
});

describe('a kind whose spec needs no member', () => {
  it.each(['Site', 'AccessGrant'])('comes without a spec or with an empty one: %s', (kind) => {
    const { apiVersion } = KINDS[kind as 'Site'];
    for (const rest of [{}, { spec: null }]) {
      expect(parseResource({ apiVersion, kind, metadata: { name: 'a' }, ...rest }, 'x')).toMatchObject({ spec: {} });
    }
  });

  it('is no other', () => {
    const { apiVersion } = KINDS.Listener;
    expect(() => parseResource({ apiVersion, kind: 'Listener', metadata: { name: 'a' } }, 'x')).toThrow(
      /spec is missing/,
    );
  });
});
