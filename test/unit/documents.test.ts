/** The documents keep up with the program: what they tell a reader to type exists, and what they point to is there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { understood, wordsOf } from '../support/cli.ts';

const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', ...markdownIn('docs'), ...markdownIn('config/samples')];
const SCRIPTS = Object.keys((JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: object }).scripts);

describe.each(DOCUMENTS)('%s', (document) => {
  const text = readFileSync(document, 'utf8');

  it('tells only commands that the command line takes', async () => {
    for (const command of commandsIn(text)) {
      await expect(understood(command), command.join(' ')).resolves.toBe(true);
    }
  });

  it('names only npm scripts that exist', () => {
    const named = [...text.matchAll(/\bnpm run ([\w:]+)/g)].map((match) => match[1]!);
    expect(named.filter((script) => !SCRIPTS.includes(script))).toEqual([]);
  });

  it('points only to files that exist', () => {
    const targets = [...text.matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map((match) => match[1]!);
    expect(targets.filter((target) => !existsSync(join(dirname(document), target)))).toEqual([]);
  });

  it('names only files of the tree that exist', () => {
    const named = [...text.matchAll(/`((?:router|site-controller|cli|lib|config|test|tools|docs)\/[\w./-]+)`/g)];
    expect(named.map((match) => match[1]!).filter((path) => !existsSync(path))).toEqual([]);
  });
});

it('the README walks through the whole life of a link', () => {
  const verbs = commandsIn(readFileSync('README.md', 'utf8')).map((words) => words.join(' '));
  for (const verb of ['demo', 'init', 'token create', 'link create', 'expose', 'network status', 'delete']) {
    expect(verbs.some((line) => line.includes(verb))).toBe(true);
  }
});

it('a command that does not exist is noticed', async () => {
  await expect(understood(['-n', 'east', 'lnk', 'create', 'x'])).rejects.toThrow(/unknown command/);
  await expect(understood(['init', '--hots', 'x'])).rejects.toThrow(/unknown option/);
});

function markdownIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join(folder, path))
    .sort();
}

/** The words after `./skuprt` of each such line in a code block, up to a redirection or comment. */
function commandsIn(text: string): string[][] {
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
  return blocks
    .flatMap((block) => [...block.matchAll(/^(?:\$ (?:\.\/)?|\.\/)skuprt (.*)$/gm)].map((match) => match[1]!))
    .map(wordsOf);
}
