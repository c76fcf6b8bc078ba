import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DocumentReader } from '../../config/api/document-reader.ts';
import { parseKinds, ResourceError } from '../../config/api/parse.ts';
import { LOCAL_KINDS } from '../../config/api/service-kinds.ts';

const policy = (name: string, site: string) => `apiVersion: skuprt.io/v1alpha1
kind: AccessPolicy
metadata:
  name: ${name}
spec:
  rules:
    - action: Allow
      from:
        - sites: [${site}]
`;

const names = Array.from({ length: 200 }, (_, at) => `policy-${at}`);
const fileOf = (changed: string) =>
  names.map((name) => policy(name, name === changed ? 'other' : 'west')).join('---\n');

/** Resources, or what is wrong with the text. */
function outcome(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ResourceError)) throw error;
    return { message: error.message, faults: error.faults };
  }
}

/** What texts are made of here: documents good and bad, and what may stand between and in them. */
const PIECES = [
  policy('a', 'west'),
  policy('b', 'east'),
  policy('c', '"---"'),
  `${policy('d', 'west')}    # ---\n`,
  policy('e', '"x\n---\ny"'),
  policy('f', '[x,\n---\ny]'),
  policy('g', 'x\u2028---'),
  policy('h', 'west').replace('rules', 'rulez'),
  `metadata: {name: anchored}\nkind: &kind AccessPolicy\n`,
  'kind: *kind\n',
  `apiVersion: v1\nkind: List\nitems: []\n`,
  '# only a comment\n',
  'text: |\n  ---\n---\n',
  'text: "not closed\n',
  '\n',
];
const BETWEEN = [
  '---\n',
  '--- # comment\n',
  '---\r\n',
  '...\n',
  '...\n---\n',
  '----\n',
  '\n',
  '%YAML 1.2\n---\n',
  '---',
];

describe('a text of many documents that is read again', () => {
  it('has only the documents validated again whose text is another', () => {
    const reader = new DocumentReader(LOCAL_KINDS);
    const before = reader.read(fileOf(''), 'many.yaml');
    const after = reader.read(fileOf('policy-100'), 'many.yaml');
    expect(after.flatMap((resource, at) => (resource === before[at] ? [] : [resource.metadata.name]))).toEqual([
      'policy-100',
    ]);
    expect(after).toEqual(parseKinds(fileOf('policy-100'), 'many.yaml', LOCAL_KINDS));
  });

  it('keeps what it knew of documents that move, and of all while one of them is bad', () => {
    const reader = new DocumentReader(LOCAL_KINDS);
    const [a, b] = reader.read(`---\n${policy('a', 'x')}---\n${policy('b', 'x')}`, 'many.yaml');
    expect(() => reader.read(`---\n${policy('a', 'x')}---\nkind: Nothing\n`, 'many.yaml')).toThrow('document 2');
    const moved = reader.read(`---\n${policy('b', 'x')}---\n${policy('a', 'x')}`, 'many.yaml');
    expect(moved[0]).toBe(b);
    expect(moved[1]).toBe(a);
  });

  it('gives what the whole text gives, faults and their places included, whatever was read before', () => {
    const text = fc
      .array(fc.tuple(fc.constantFrom(...BETWEEN), fc.constantFrom(...PIECES)), { maxLength: 6 })
      .map((parts) => parts.flat().join(''));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (texts) => {
        const reader = new DocumentReader(LOCAL_KINDS);
        for (const one of texts) {
          expect(outcome(() => reader.read(one, 'f.yaml'))).toEqual(
            outcome(() => parseKinds(one, 'f.yaml', LOCAL_KINDS)),
          );
        }
      }),
      { numRuns: 150, seed: 7 },
    );
  });
});
