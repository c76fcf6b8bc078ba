/** Names of links and of temporary addresses: none twice, and of an address nobody knows the next. */
import { describe, expect, it } from 'vitest';
import { SeededRandom, systemRandom } from '../../lib/random.ts';
import { Names } from '../../router/core/names.ts';

const COUNT = 5000;

describe('names of a router', () => {
  it('are 15 characters, and none is given twice, whatever the dice say', () => {
    for (const random of [() => 0, () => 1 - 2 ** -48, () => systemRandom.next()]) {
      const names = new Names(random);
      const temporary = Array.from({ length: COUNT }, () => names.temporary());
      const links = Array.from({ length: COUNT }, () => names.link().slice('qdlink.'.length));
      for (const name of [...temporary, ...links]) expect(name).toMatch(/^[a-zA-Z0-9]{15}$/);
      expect([new Set(temporary).size, new Set(links).size]).toEqual([COUNT, COUNT]);
    }
  });

  it('of temporary addresses say nothing of the next: all but the number changes, and it may be anything', () => {
    const random = new SeededRandom(3);
    const names = new Names(() => random.next());
    const secrets = Array.from({ length: COUNT }, () => names.temporary().slice(0, 8));
    expect(new Set(secrets).size).toBe(COUNT);
    for (let at = 0; at < 7; at++) expect(new Set(secrets.map((secret) => secret[at])).size).toBe(62);
  });
});

describe('randomness of the system', () => {
  it('is uniform in [0, 1), and never the same twice', () => {
    const numbers = Array.from({ length: 10 * COUNT }, () => systemRandom.next());
    expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
    expect(new Set(numbers).size).toBe(numbers.length);
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.02);
  });
});
