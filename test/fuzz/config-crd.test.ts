import fc from 'fast-check';
import Value from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { faultsOf } from '../../config/api/faults.ts';
import { KINDS } from '../../config/api/index.ts';
import { parseResource, ResourceError } from '../../config/api/parse.ts';
import { CUSTOM_KINDS, looseSchema } from '../../config/crd/definition.ts';
import { arbitraryValue, type SchemaNode } from '../support/schema-values.ts';

const SEED = 11;
const METADATA = { name: 'a', namespace: 'b', uid: 'c', generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' };

describe.each(CUSTOM_KINDS)('any %s', (kind) => {
  const { apiVersion, schema } = KINDS[kind];
  const loose = looseSchema(kind) as SchemaNode;
  const strict = schema.properties as unknown as { spec: SchemaNode; status: SchemaNode };
  const identity = { apiVersion, kind, metadata: METADATA };

  it('that the API server takes is valid, or has faults that name their places, and never throws', () => {
    const members = fc.record({
      spec: arbitraryValue(loose.properties!.spec!),
      status: arbitraryValue(loose.properties!.status!),
    });
    fc.assert(
      fc.property(members, (rest) => {
        const object = { ...identity, ...rest };
        const faults = faultsOf(schema, object);
        expect(faults.length === 0).toBe(Value.Check(schema, object));
        for (const { path, message } of faults) {
          expect(path).toMatch(/^(spec|status)\b/);
          expect(message).not.toBe('');
        }
        try {
          expect(parseResource(object, 'x').kind).toBe(kind);
          expect(faults).toEqual([]);
        } catch (error) {
          expect(error).toBeInstanceOf(ResourceError);
          expect((error as ResourceError).faults).toHaveLength(faults.length);
        }
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it('that the controller takes, the API server takes', () => {
    const members = fc.record({ spec: arbitraryValue(strict.spec), status: arbitraryValue(strict.status) });
    fc.assert(
      fc.property(members, (rest) => {
        const object = { ...identity, ...rest };
        expect(faultsOf(schema, object)).toEqual([]);
        expect(Value.Check(loose, object)).toBe(true);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});
