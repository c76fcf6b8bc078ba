/**
 * The Corefile of CoreDNS, as far as our blocks need it: server blocks with their zones, what they import, and the zones that their
 * `kubernetes` plugin already answers for as a cluster set. Pure. What is not understood is refused, so that nothing of it can be
 * broken; everything but our own lines stays as it is, to the letter.
 */
import { SkuprtError } from '../../../lib/errors.ts';

/** Nothing is changed in a Corefile that cannot be read, or that already does something else with our zones. */
export class CorefileError extends SkuprtError {
  readonly code = 'SKUPRT_DNS_COREFILE';
  readonly fault = 'caller';
}

export interface ServerBlock {
  /** As they stand there: `.:53`, `dns://example.org`. */
  keys: string[];
  directives: Directive[];
  line: number;
}

export interface Directive {
  name: string;
  args: string[];
  /** Of its block. */
  options: { name: string; args: string[] }[];
}

export interface Corefile {
  blocks: ServerBlock[];
  /** Names of snippets, without parentheses. */
  snippets: ReadonlyMap<string, Directive[]>;
  /** Files that are imported, anywhere. */
  imports: string[];
}

interface Token {
  text: string;
  line: number;
  /** A quoted brace is no brace. */
  isQuoted: boolean;
}

/** @throws CorefileError */
export function parseCorefile(text: string): Corefile {
  const tokens = tokensOf(text);
  const blocks: ServerBlock[] = [];
  const snippets = new Map<string, Directive[]>();
  const imports: string[] = [];
  let at = 0;
  while (at < tokens.length) {
    const first = tokens[at]!;
    if (first.text === 'import' && !first.isQuoted) {
      const args = restOfLine(tokens, at);
      imports.push(...args.slice(0, 1));
      at += 1 + args.length;
      continue;
    }
    const open = tokens.findIndex((token, index) => index >= at && isBrace(token, '{'));
    const keys = tokens.slice(at, open < 0 ? undefined : open);
    const stray = keys.find((token) => isBrace(token, '}'));
    if (stray !== undefined) throw unbalanced(stray.line);
    if (open < 0) throw notUnderstood(first.line, `"${first.text}" begins no server block in braces`);
    if (keys.length === 0) throw notUnderstood(first.line, 'a block has no zone before its "{"');
    const close = endOfBlock(tokens, open);
    const directives = directivesOf(tokens.slice(open + 1, close));
    const names = keys.flatMap(({ text: key }) => key.split(',')).filter((key) => key !== '');
    const snippet = /^\((.+)\)$/.exec(names[0]!)?.[1];
    if (snippet !== undefined) snippets.set(snippet, directives);
    else blocks.push({ keys: names, directives, line: first.line });
    at = close + 1;
  }
  for (const { directives } of [...blocks, ...[...snippets.values()].map((all) => ({ directives: all }))]) {
    imports.push(...directives.filter(({ name }) => name === 'import').flatMap(({ args }) => args.slice(0, 1)));
  }
  return { blocks, snippets, imports: imports.filter((name) => !snippets.has(name)) };
}

/** What keeps `zones` from being ours, each a sentence. */
export function objectionsTo(corefile: Corefile, zones: readonly string[]): string[] {
  return zones.flatMap((zone) => {
    const block = corefile.blocks.find(({ keys }) => keys.some((key) => zoneOf(key).zone === zone));
    if (block !== undefined) return [`line ${block.line} already has a server block for ${zone}`];
    return corefile.blocks.some((one) => clusterSetZones(corefile, one).includes(zone))
      ? [`the kubernetes plugin already answers for ${zone}, by "multicluster"`]
      : [];
  });
}

/** Zone and port of a key of a server block. */
export function zoneOf(key: string): { zone: string; port: string } {
  const [, zone = '', port = '53'] = /^(?:[a-z]+:\/\/)?(.*?)(?::(\d+))?$/i.exec(key) ?? [];
  return { zone: zone === '.' ? '.' : zone.toLowerCase().replace(/\.$/, ''), port };
}

/** The block that answers for the cluster itself; ours stands beside it. */
export function clusterBlock({ blocks }: Corefile): { port: string; bind: string[] } {
  const found = blocks.find(({ directives }) => directives.some(({ name }) => name === 'kubernetes')) ?? blocks[0];
  return {
    port: zoneOf(found?.keys[0] ?? '.').port,
    bind: found?.directives.find(({ name }) => name === 'bind')?.args ?? [],
  };
}

function clusterSetZones(corefile: Corefile, { directives }: ServerBlock): string[] {
  const imported = directives.filter(({ name }) => name === 'import');
  const all = [...directives, ...imported.flatMap(({ args }) => corefile.snippets.get(args[0] ?? '') ?? [])];
  return all
    .filter(({ name }) => name === 'kubernetes')
    .flatMap(({ args, options }) =>
      options
        .filter(({ name }) => name === 'multicluster')
        .flatMap((option) => (option.args.length === 0 ? args : option.args)),
    )
    .map((zone) => zoneOf(zone).zone);
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  // As CoreDNS reads it: a comment only where a word could begin.
  for (const [found, quoted] of text.matchAll(/\n|#[^\n]*|"((?:\\.|[^"\\])*)"?|[^\s"#][^\s]*/g)) {
    if (found === '\n') line += 1;
    else if (found.startsWith('"')) {
      if (!/^"(?:\\.|[^"\\])*"$/.test(found)) throw notUnderstood(line, 'a quotation mark is not closed');
      tokens.push({ text: quoted!, line, isQuoted: true });
      line += found.split('\n').length - 1;
    } else if (!found.startsWith('#')) tokens.push({ text: found, line, isQuoted: false });
  }
  return tokens;
}

function isBrace({ text, isQuoted }: Token, brace: '{' | '}'): boolean {
  return text === brace && !isQuoted;
}

/** Of the token at `at`, without the braces. */
function restOfLine(tokens: readonly Token[], at: number): string[] {
  const rest: string[] = [];
  for (let next = at + 1; next < tokens.length && tokens[next]!.line === tokens[at]!.line; next += 1) {
    if (isBrace(tokens[next]!, '{') || isBrace(tokens[next]!, '}')) break;
    rest.push(tokens[next]!.text);
  }
  return rest;
}

function endOfBlock(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (isBrace(tokens[at]!, '{')) depth += 1;
    if (isBrace(tokens[at]!, '}')) depth -= 1;
    if (depth === 0) return at;
  }
  throw unbalanced(tokens[open]!.line);
}

function directivesOf(tokens: readonly Token[]): Directive[] {
  const directives: Directive[] = [];
  for (let at = 0; at < tokens.length; ) {
    const { text: name, line } = tokens[at]!;
    if (isBrace(tokens[at]!, '{')) throw notUnderstood(line, 'a "{" follows no plugin');
    const args = restOfLine(tokens, at);
    at += 1 + args.length;
    const directive: Directive = { name, args, options: [] };
    directives.push(directive);
    if (tokens[at] === undefined || !isBrace(tokens[at]!, '{')) continue;
    const close = endOfBlock(tokens, at);
    directive.options = directivesOf(tokens.slice(at + 1, close));
    at = close + 1;
  }
  return directives;
}

function unbalanced(line: number): CorefileError {
  return notUnderstood(line, 'its braces do not match');
}

function notUnderstood(line: number, what: string): CorefileError {
  return new CorefileError(`the Corefile is not understood at line ${line}: ${what}`, {
    next: 'Nothing was changed. Correct it, or add the blocks by hand: see docs/guide/dns.md',
  });
}
