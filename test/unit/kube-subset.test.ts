import { describe, expect, it } from 'vitest';
import { isSubset, mergePatch } from '../../lib/kube/subset.ts';

describe('what is wanted of an object', () => {
  it.each<[string, unknown, unknown]>([
    ['beside defaults of the server', { spec: { a: 1 } }, { spec: { a: 1, b: 2 }, status: {} }],
    ['with empty values dropped', { a: '', b: [], c: {}, d: false, e: 0, f: null, g: { h: '' } }, {}],
    [
      'with other spellings of quantities',
      { cpu: '1000m', memory: '1024Mi', n: '0.5' },
      { cpu: '1', memory: '1Gi', n: '500m' },
    ],
    [
      'beside containers that others added',
      { containers: [{ name: 'a' }] },
      { containers: [{ name: 'x' }, { name: 'a', image: 'i' }] },
    ],
    [
      'with several mounts of a volume',
      { volumeMounts: [{ name: 'v', mountPath: '/a' }] },
      {
        volumeMounts: [
          { name: 'v', mountPath: '/b' },
          { name: 'v', mountPath: '/a' },
        ],
      },
    ],
    [
      'with ports of both protocols',
      { ports: [{ port: 1 }, { port: 1, protocol: 'UDP' }] },
      {
        ports: [
          { port: 1, protocol: 'UDP' },
          { port: 1, protocol: 'TCP', nodePort: 5 },
        ],
      },
    ],
    ['with finalizers of others', { finalizers: ['a'] }, { finalizers: ['b', 'a'] }],
  ])('is there %s', (_what, wanted, live) => {
    expect(isSubset(wanted, live)).toBe(true);
  });

  it.each<[string, unknown, unknown]>([
    ['a value differs', { a: 'x' }, { a: 'y' }],
    ['a member is missing', { a: { b: 1 } }, { a: {} }],
    ['nothing is wanted where something is', { a: '' }, { a: 'x' }],
    ['a subject was added', { subjects: [{ name: 'a' }] }, { subjects: [{ name: 'a' }, { name: 'b' }] }],
    ['a rule is missing', { rules: [{ verbs: ['get'] }, { verbs: ['list'] }] }, { rules: [{ verbs: ['get'] }] }],
    ['arguments have another order', { args: ['a', 'b'] }, { args: ['b', 'a'] }],
    ['a container differs', { containers: [{ name: 'a', image: 'i' }] }, { containers: [{ name: 'a', image: 'j' }] }],
    ['a text only looks like a quantity of another size', { a: '1Gi' }, { a: '1G' }],
  ])('is not there when %s', (_what, wanted, live) => {
    expect(isSubset(wanted, live)).toBe(false);
  });
});

describe('a merge patch', () => {
  it.each<[string, unknown, object, object | undefined]>([
    ['nothing', { a: [1], b: { c: 1 } }, { b: { c: 1 }, a: [1] }, undefined],
    ['what is new', undefined, { a: 1 }, { a: 1 }],
    ['only what differs', { a: { b: 1, c: 2 }, d: 1 }, { a: { b: 1, c: 3 }, d: 1 }, { a: { c: 3 } }],
    ['null for what is gone', { a: 1, b: 2 }, { a: 1, b: undefined }, { b: null }],
    ['a whole list', { a: [1, 2] }, { a: [2] }, { a: [2] }],
  ])('has %s', (_what, before, after, patch) => {
    expect(mergePatch(before, after)).toEqual(patch);
  });
});
