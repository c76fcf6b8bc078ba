import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { formatList } from '../../cli/output/resources.ts';
import { isKind, KINDS, type Resource } from '../../config/api/index.ts';
import { parseResources, ResourceError } from '../../config/api/parse.ts';
import { serializeResources } from '../../config/api/serialize.ts';

const SEED = 3;
const API = 'skupper.io/v2alpha1';

const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/);
const port = fc.integer({ min: 1, max: 65535 });
const words = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' });
const settings = fc.dictionary(
  words.filter((key) => key !== '__proto__'),
  fc.string({ maxLength: 40 }),
  { maxKeys: 4 },
);

const spec: fc.Arbitrary<{ kind: string; spec: object }> = fc.oneof(
  fc.record({ kind: fc.constant('Listener'), spec: fc.record({ routingKey: words, host: words, port, settings }) }),
  fc.record({
    kind: fc.constant('Connector'),
    spec: fc.record({ routingKey: words, host: words, port, useClientCert: fc.boolean() }),
  }),
  fc.record({ kind: fc.constant('Site'), spec: fc.record({ linkAccess: fc.string(), ha: fc.boolean(), settings }) }),
  fc.record({
    kind: fc.constant('Link'),
    spec: fc.record({
      endpoints: fc.array(
        fc.record({ name: fc.constantFrom('edge', 'inter-router'), host: words, port: port.map(String) }),
      ),
      cost: fc.integer(),
    }),
  }),
  fc.record({ kind: fc.constant('AccessToken'), spec: fc.record({ url: words, code: words, ca: words }) }),
);

const resource = fc
  .record({ spec, name, labels: settings })
  .map(({ spec, name, labels }) => ({ apiVersion: API, ...spec, metadata: { name, labels } }) as Resource);

/** Resources or a ResourceError that names at least one fault; nothing else ever. */
function parse(text: string): Resource[] | undefined {
  try {
    return parseResources(text, 'fuzz');
  } catch (error) {
    if (!(error instanceof ResourceError)) throw error;
    expect(error.faults.length).toBeGreaterThan(0);
    return undefined;
  }
}

/** Strings that some reader of YAML takes for something else. */
const AMBIGUOUS =
  'yes no on off y n Yes NO On ~ null Null true 0123 08 0o17 0x1f 0b11 1_000 1e10 e533 123e45 .5 .inf -.Inf .NaN +1 - -- ? = << 12:30:45 2001-01-01'
    .split(' ')
    .concat('2024-01-01T00:00:00Z', '', ' a', 'a ', '# a', 'a: b', '- a', 'a\n', '\ta', '\u2028', '\u0085');

describe('what is written', () => {
  const hex = fc.stringMatching(/^[0-9a-f_:.+-]{1,12}$/);
  const text = fc.oneof(fc.constantFrom(...AMBIGUOUS), hex, hex);

  it.each(['1.1', '1.2'] as const)('is text for a reader of YAML %s, whatever it looks like', (version) => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        const labels = { [one]: other, [`${other}-`]: one };
        const resource = {
          apiVersion: API,
          kind: 'Site',
          metadata: { name: one, labels },
          spec: { list: [one, other] },
        };
        expect(parseYaml(serializeResources([resource]), { version })).toEqual(resource);
        const list = formatList([resource as unknown as Resource], 'yaml');
        expect(parseYaml(list, { version }).items).toEqual([resource]);
      }),
      { seed: SEED, numRuns: 300, examples: AMBIGUOUS.map((each) => [each, each]) },
    );
  });
});

describe('parseResources', () => {
  it('reads back what was written, whatever the strings hold', () => {
    fc.assert(
      fc.property(fc.array(resource, { maxLength: 4 }), (resources) => {
        expect(parseResources(serializeResources(resources), 'fuzz')).toEqual(resources);
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  it('answers any text, any JSON and any damage with resources or a list of faults', () => {
    const damaged = fc
      .record({ resource, at: fc.nat(400), cut: fc.nat(20), insert: fc.string({ maxLength: 5 }) })
      .map(({ resource, at, cut, insert }) => {
        const text = serializeResources([resource]);
        return text.slice(0, at) + insert + text.slice(at + cut);
      });
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), damaged), (text) => {
        for (const parsed of parse(text) ?? []) expect(isKind(parsed.kind)).toBe(true);
      }),
      { seed: SEED, numRuns: 600 },
    );
  });

  it('names every unknown key, of any kind', () => {
    const unknownKey = fc.string({ minLength: 1, maxLength: 12 }).map((key) => `x${key}`);
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(KINDS)),
        unknownKey,
        fc.jsonValue({ maxDepth: 2 }),
        (kind, key, value) => {
          const text = JSON.stringify({ kind, metadata: { name: 'a', [key]: value }, [key]: value });
          try {
            parseResources(text, 'fuzz');
          } catch (error) {
            const paths = (error as ResourceError).faults.map(({ path }) => path);
            expect(paths).toContain(key);
            expect(paths).toContain(`metadata.${key}`);
            return;
          }
          expect.unreachable('an unknown key was accepted');
        },
      ),
      { seed: SEED, numRuns: 100 },
    );
  });

  it.each([
    ['deep lists', '['.repeat(20_000)],
    ['deep maps', 'a:\n'.repeat(1) + Array.from({ length: 3000 }, (_, index) => `${' '.repeat(index)}a:\n`).join('')],
    [
      'an alias bomb',
      `a: &a [1,1,1,1,1,1,1,1,1]\n${'bcdefghij'
        .split('')
        .map((key, index) => `${key}: &${key} [${`*${'abcdefghi'[index]},`.repeat(9)}]`)
        .join('\n')}\nkind: *j`,
    ],
    ['a tag', 'kind: !!js/function "x"'],
    ['zero bytes', '\0\0\0'],
    ['only separators', '---\n'.repeat(1000)],
  ])('survives %s', (_, text) => {
    parse(text);
  });
});
