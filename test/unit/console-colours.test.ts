/** Whoever sees little sees the page: its colours stand out from what they are on, in light and in dark (WCAG 2.2, 1.4.3 and 1.4.11). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync('console/page/style.css', 'utf8');
const colours = new Map(
  [...css.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(([, name, light, dark]) => [
    name!,
    { light: light!, dark: dark! },
  ]),
);

const TEXT = 4.5;
const SHAPE = 3;
const PAIRS: readonly (readonly [string, readonly string[], number])[] = [
  ['text', ['ground', 'surface', 'raised', 'accent-soft', 'line'], TEXT],
  ['dim', ['ground', 'surface', 'raised'], TEXT],
  ['accent', ['ground', 'surface', 'raised'], TEXT],
  ['on-accent', ['accent'], TEXT],
  ['good', ['good-soft', 'ground', 'surface'], TEXT],
  ['warn', ['warn-soft', 'ground', 'surface'], TEXT],
  ['bad', ['bad-soft', 'ground', 'surface'], TEXT],
  ['stroke', ['ground', 'surface'], SHAPE],
];

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(one: string, other: string): number {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter! + 0.05) / (darker! + 0.05);
}

describe.each(['light', 'dark'] as const)('in %s', (theme) => {
  it.each(PAIRS)('%s stands out from %j by %d', (name, grounds, least) => {
    for (const ground of grounds) {
      const is = contrast(colours.get(name)![theme], colours.get(ground)![theme]);
      expect([ground, is >= least ? 'enough' : is]).toEqual([ground, 'enough']);
    }
  });
});
