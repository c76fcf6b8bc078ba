/**
 * The `enable` attribute of a log entity: which levels of a module are written.
 *
 * Levels set off by any of `,;:` and space; one with a `+` means it and what is more severe, with a `-` it and what is less. A level
 * may be cut short. `trace` is debug. `none` is no level, `default` is what module DEFAULT has. Levels of the original's log entity.
 */
export const LEVELS = ['debug', 'info', 'warning', 'error', 'critical'] as const;
export type Level = (typeof LEVELS)[number];

/** Bit i is level i of `LEVELS`. */
export type LevelMask = number;

const ALL: LevelMask = (1 << LEVELS.length) - 1;
const SEPARATORS = /[ ,;:]+/;
/** In the order in which a level that is cut short is looked for. `notice` has no place of its own any more. */
const WORDS: readonly (readonly [string, number])[] = [
  ...LEVELS.map((level, index) => [level, index] as const),
  ['trace', LEVELS.indexOf('debug')],
  ['notice', LEVELS.indexOf('info')],
];

const beginnings = (word: string): string => (word.length === 1 ? word : `${word[0]}(${beginnings(word.slice(1))})?`);
const LEVEL = `((${WORDS.map(([word]) => beginnings(word)).join('|')})[+-]?|${beginnings('none')}|${beginnings('default')})`;

/** The form of the attribute: nothing is no level. */
export const ENABLE_FORM = {
  pattern: new RegExp(`^[ ,;:]*(${LEVEL}([ ,;:]+${LEVEL})*)?[ ,;:]*$`, 'i'),
  words: 'levels of debug, info, warning, error and critical, such as info+ or debug,error; none, or default',
};

/** @returns undefined for `default`: as module DEFAULT has it */
export function levelMask(enable: string): LevelMask | undefined {
  let mask = 0;
  for (const token of enable.toLowerCase().split(SEPARATORS)) {
    const name = token.replace(/[+-]$/, '');
    if (name === '' || 'none'.startsWith(name)) continue;
    if ('default'.startsWith(name)) return undefined;
    const index = WORDS.find(([word]) => word.startsWith(name))?.[1];
    if (index === undefined) continue;
    if (token.endsWith('+')) mask |= ALL & ~((1 << index) - 1);
    else if (token.endsWith('-')) mask |= (1 << (index + 1)) - 1;
    else mask |= 1 << index;
  }
  return mask;
}

export function isEnabled(mask: LevelMask, level: Level): boolean {
  return (mask & (1 << LEVELS.indexOf(level))) !== 0;
}
