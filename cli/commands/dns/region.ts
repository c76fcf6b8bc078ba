/**
 * Our lines in a Corefile: between two marks, one server block for each zone. Pure. Taken out, the text is what it was before, to the
 * letter.
 */
import { CorefileError } from './corefile.ts';

export interface Wiring {
  zones: readonly string[];
  /** Of the Service of our server. */
  address: string;
  /** Where CoreDNS listens. */
  port: string;
  /** The addresses that its own block is bound to; all when empty. */
  bind: readonly string[];
}

const BEGIN = '# BEGIN skuprt dns';
/** The text before ended without a line break, which was added. */
const JOINED = ' (joined)';
const NOTE = ': made by "skuprt dns install", taken out by "skuprt dns uninstall"';
const END = '# END skuprt dns';
const REGION = new RegExp(`^${BEGIN}( \\(joined\\))?.*\\n([\\s\\S]*?)^${END}$\\n?`, 'm');

export function blocksOf({ zones, address, port, bind }: Wiring): string {
  return zones
    .map((zone) =>
      [
        `${zone}:${port} {`,
        ...(bind.length > 0 ? [`    bind ${bind.join(' ')}`] : []),
        '    errors',
        // Names that are not there yet are asked for again within a second.
        '    cache 5 {',
        '        denial 9984 1 0',
        '    }',
        '    loadbalance',
        `    forward . ${address}`,
        '}',
        '',
      ].join('\n'),
    )
    .join('');
}

/** Our blocks as they stand there; undefined when there are none. @throws CorefileError when the marks are broken */
export function regionOf(text: string): string | undefined {
  const begins = text.split('\n').filter((line) => line.startsWith(BEGIN)).length;
  const ends = text.split('\n').filter((line) => line.startsWith(END)).length;
  if (begins === 0 && ends === 0) return undefined;
  const found = REGION.exec(text);
  if (begins === 1 && ends === 1 && found !== null) return found[2];
  throw new CorefileError('the marks around the blocks of skuprt in the Corefile are broken', {
    next: `Nothing was changed. Take the lines from "${BEGIN}" to "${END}" out by hand, then try again`,
  });
}

/** @throws CorefileError when the marks are broken */
export function withoutRegion(text: string): string {
  if (regionOf(text) === undefined) return text;
  const { index, 0: whole, 1: joined } = REGION.exec(text)!;
  const rest = text.slice(index + whole.length);
  const before = text.slice(0, index);
  // What somebody wrote behind our lines needs the line break now.
  return joined !== undefined && rest === '' ? before.slice(0, -1) : before + rest;
}

/** In the place of our blocks, or at the end. @throws CorefileError when the marks are broken */
export function withRegion(text: string, blocks: string): string {
  const present = regionOf(text);
  if (present !== undefined) {
    const { index, 0: whole } = REGION.exec(text)!;
    const head = index + whole.indexOf('\n') + 1;
    return text.slice(0, head) + blocks + text.slice(head + present.length);
  }
  const isJoined = text !== '' && !text.endsWith('\n');
  return `${text}${isJoined ? '\n' : ''}${BEGIN}${isJoined ? JOINED : ''}${NOTE}\n${blocks}${END}\n`;
}

/** The lines that differ, as `diff` shows them; our lines are all that ever do. */
export function differenceOf(before: string, after: string): string {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  while (end < Math.min(old.length, now.length) - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  return [
    ...old.slice(Math.max(0, start - 3), start).map((line) => ` ${line}`),
    ...old.slice(start, old.length - end).map((line) => `-${line}`),
    ...now.slice(start, now.length - end).map((line) => `+${line}`),
    ...old.slice(old.length - end, old.length - end + 3).map((line) => ` ${line}`),
  ]
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}
