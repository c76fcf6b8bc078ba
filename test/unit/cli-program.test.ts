/** The command line in this process: what is refused, with which exit code, and that nothing was written then. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import type { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withoutSecrets } from '../../cli/commands/debug/entry.ts';
import { newSite } from '../../cli/commands/site/resource.ts';
import type { Surroundings } from '../../cli/context.ts';
import { describeError } from '../../cli/errors.ts';
import { buildProgram, runCommandLine } from '../../cli/program.ts';
import type { ResourceOf } from '../../config/api/index.ts';
import { parseResources } from '../../config/api/parse.ts';
import { type Fault, SkuprtError } from '../../lib/errors.ts';
import { readVersion } from '../../lib/version.ts';
import { sitePaths } from '../../site-controller/platform/local/paths.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { CLI_ENTRY, runHere, surroundings, understood, wordsOf } from '../support/cli.ts';

let dataHome: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  dataHome = mkdtempSync(join(tmpdir(), 'skuprt cli ä-'));
  env = { XDG_DATA_HOME: dataHome };
});

afterEach(() => rmSync(dataHome, { recursive: true, force: true }));

const run = (line: string, given: Partial<Surroundings> = {}) => runHere(line.split(' '), { env, ...given });

/** A namespace whose site was made and is stopped. */
async function withSite(namespace = 'default'): Promise<LocalStore> {
  const store = new LocalStore(sitePaths(dataHome, namespace));
  await store.apply(newSite('west', { linkAccess: true, enableLinkAccess: true }));
  return store;
}

describe('misuse', () => {
  it.each([
    ['frobnicate', 'unknown command'],
    ['lnk status', 'Did you mean link'],
    ['site statsu', 'Did you mean status'],
    ['site status --frob', 'unknown option'],
    ['expose host/127.0.0.1 --port 99999', 'from 1 to 65535'],
    ['expose host/127.0.0.1', '--port'],
    ['listener create backend 99999', 'from 1 to 65535'],
    ['listener create Backend 80', 'lower-case'],
    ['-n ../etc status', 'lower-case'],
    ['init --wait soon', 'none, configured, ready'],
    ['init --timeout 5', '1h30m'],
    ['site create a --enable-link-access --no-link-access', 'cannot be used with'],
    ['expose deployment/backend --port 80', 'host/ADDRESS'],
    ['expose host/127.0.0.1 --port 80', '--address'],
    ['connector create a 80 --selector app=a', '--host'],
    ['unexpose', '--address'],
    ['-p podman status', '--platform local'],
    ['-p kubernetes status', '--kubeconfig'],
    ['--context kind status', 'KUBECONFIG'],
    ['-p kubernetes site start', 'its controller runs it'],
    ['-p moon status', 'Unknown platform'],
    ['token issue', "missing required argument 'file'"],
    ['console --read-only=no', 'true or false'],
  ])('"%s" ends with exit 2, says why, and writes nothing', async (line, reason) => {
    const { code, out, err } = await run(line);
    expect(err).toContain(reason);
    expect(err).toMatch(/^Error: /);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(existsSync(join(dataHome, 'skuprt'))).toBe(false);
  });

  it.each([
    ['frobnicate', 'skuprt --help'],
    ['-n west lnk status', 'skuprt --help'],
    ['link --frob', 'skuprt link --help'],
    ['-n policy link status --frob', 'skuprt link status --help'],
    ['policy list --frob', 'skuprt policy status --help'],
  ])('"%s" says which help to read', async (line, help) => {
    expect((await run(line)).err).toContain(`\n  See ${help}\n`);
  });

  it.each(['version', '--version', '-V', 'site --version', '-n west status -V'])(
    '"%s" prints the version',
    async (line) => {
      expect(await run(line)).toEqual({ code: 0, out: `${readVersion()}\n`, err: '' });
    },
  );

  it('takes the platform from the environment, ours before that of Skupper', async () => {
    expect((await run('status', { env: { ...env, SKUPPER_PLATFORM: 'podman' } })).code).toBe(2);
    const both = { ...env, SKUPPER_PLATFORM: 'podman', SKUPRT_PLATFORM: 'local' };
    expect((await run('status', { env: both })).code).toBe(0);
  });

  it('asks before it deletes, and refuses to where nobody can answer', async () => {
    const store = await withSite();
    const { code, err } = await run('delete');
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining('--yes') });
    expect(await store.list('Site')).toHaveLength(1);
  });
});

describe('what is not there', () => {
  it.each([
    'site start',
    'site stop',
    'site update --no-import',
    'delete --yes',
    'link status nowhere',
    'link delete nowhere --yes',
    'listener status nowhere',
    'listener create backend 8080',
    'connector update backend --port 1',
    'policy create backend',
    'network status',
    'service status',
    'token status nowhere',
    'token redeem /no/such/file',
    'token create /no/such/dir/file',
    'debug dump',
  ])('"%s" in an empty namespace ends with exit 3 and says what to do', async (line) => {
    const { code, err } = await run(line);
    expect(err).toMatch(/^Error: .+\n {2}\S/);
    expect(code).toBe(3);
  });

  it.each(['policy apply -', 'policy convert -'])('"%s" of a text without policies ends with exit 3', async (line) => {
    const { code, err } = await run(line);
    expect(err).toMatch(/^Error: There is no .*olicy in standard input\n {2}\S/);
    expect(code).toBe(3);
  });

  it('is no error for a list', async () => {
    const { code, out } = await run('link status -o json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual({ apiVersion: 'v1', kind: 'List', items: [] });
  });
});

describe('a stopped site', () => {
  it('takes resources, and says that nothing acts on them when it was to wait', async () => {
    const store = await withSite();
    const created = await run('connector create db 5432 --host db.example --wait none -o name');
    expect(created).toEqual({ code: 0, out: 'connector/db\n', err: 'Connector "db" is made.\n' });
    const policy = await run('policy create a --service db --wait none -o name');
    expect(policy).toMatchObject({ code: 0, out: 'accesspolicy/a\n' });
    expect((await store.get('Connector', 'db'))?.spec).toEqual({ routingKey: 'db', host: 'db.example', port: 5432 });
    const waiting = await run('listener create db 5432');
    expect(waiting).toMatchObject({ code: 1, err: expect.stringContaining('site start') });
  });

  it.each(['link status', 'token status', 'connector status', 'listener status'])(
    'is named by %s: what is shown is of before',
    async (command) => {
      await withSite();
      const shown = await run(command);
      expect(shown).toMatchObject({ code: 0, err: expect.stringContaining('does not run') });
    },
  );

  it.each(['json', 'yaml'])('is no longer ready as %s, which can be read again', async (format) => {
    const store = await withSite();
    const condition = {
      status: 'True' as const,
      reason: 'Ready',
      message: 'OK',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const conditions = ['Configured', 'Running', 'Ready'].map((type) => ({ ...condition, type }));
    await store.patchStatus('Site', 'west', { status: 'Ready', message: 'OK', conditions });
    const shown = await run(`site status west -o ${format}`);
    expect(shown).toMatchObject({ code: 0, err: expect.stringContaining('does not run') });
    const [site] = parseResources(shown.out, 'shown') as [ResourceOf<'Site'>];
    expect(site.status?.status).toBe('Stopped');
    expect(site.status?.conditions?.map(({ type, status }) => `${type} ${status}`)).toEqual([
      'Configured True',
      'Running False',
      'Ready False',
    ]);
  });

  it('accepts global flags before and after the command', async () => {
    const store = await withSite('west');
    await run('-n west listener create a 1001 --wait none');
    await run('listener create b 1002 --wait none -n west');
    expect((await store.list('Listener')).map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  });

  it('refuses a second resource of one name and leaves the first as it is', async () => {
    const store = await withSite();
    await run('listener create a 1001 --wait none');
    expect(await run('listener create a 1002 --wait none')).toMatchObject({ code: 1 });
    expect((await store.get('Listener', 'a'))?.spec.port).toBe(1001);
  });

  it('changes only what is given', async () => {
    const store = await withSite();
    await run('listener create a 1001 --routing-key key --wait none');
    await run('listener update a --port 1002 --wait none');
    expect((await store.get('Listener', 'a'))?.spec).toEqual({ routingKey: 'key', host: '0.0.0.0', port: 1002 });
  });

  it('prints with --dry-run what it would write', async () => {
    const store = await withSite();
    const { out } = await run('expose host/10.0.0.7 --port 80 --target-port 8080 --address shop/web --dry-run');
    expect(out).toMatchInlineSnapshot(`
      "apiVersion: skupper.io/v2alpha1
      kind: Connector
      metadata:
        name: shop-web
      spec:
        routingKey: shop/web
        host: 10.0.0.7
        port: 8080
        settings:
          skuprt.io/advertise: "true"
          skuprt.io/service-port: "80"
      "
    `);
    expect(await store.list('Connector')).toEqual([]);
  });

  it('refuses a token file that is none, without keeping anything of it', async () => {
    const store = await withSite();
    const file = join(dataHome, 'a token_file');
    writeFileSync(
      file,
      'apiVersion: skupper.io/v2alpha1\nkind: AccessToken\nmetadata: {name: east}\nspec: {url: "https://',
    );
    const { code, err } = await runHere(['token', 'redeem', file], { env });
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(file) });
    expect(await store.list('AccessToken')).toEqual([]);
  });
});

describe('an error', () => {
  class Strange extends SkuprtError {
    readonly code = 'SKUPRT_STRANGE';
    readonly fault: Fault;

    constructor(fault: Fault) {
      super('it broke');
      this.fault = fault;
    }
  }
  const system = Object.assign(new Error('EIO: i/o error, write'), { syscall: 'write' });
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { syscall: 'write', code: 'ENOSPC' });

  it.each([
    [new Strange('peer'), 'look at the other side'],
    [new Strange('caller'), 'Correct what was given'],
    [new Strange('environment'), 'skuprt check'],
    [system, 'skuprt check'],
    [full, 'Make room'],
    [new Strange('ours'), 'report it'],
    [new TypeError('x is not a function'), 'report it'],
  ])('of a part that knows no commands says what to do too: %s', (error, next) => {
    expect(describeError(error, false)).toMatch(/^Error: .+\n {2}\S.+\n$/);
    expect(describeError(error, false)).toContain(next);
  });
});

describe('help', () => {
  const program = buildProgram({} as Surroundings);
  const below = (command: Command): Command[] => [command, ...command.commands.flatMap(below)];
  const paths = below(program)
    .slice(1)
    .filter((command) => command.name() !== 'help' && command.description() !== 'The HTTP server of the demo')
    .map((command) => {
      const names: string[] = [];
      for (let at: Command | null = command; at !== null && at !== program; at = at.parent) names.unshift(at.name());
      return names.join(' ');
    });

  it.each(paths)('of "%s" starts with examples that begin with the command itself', async (path) => {
    const { code, out } = await run(`${path} --help`);
    expect(code).toBe(0);
    expect(out).toMatch(/^Examples:\n {2}/);
    const examples = out.split('\nUsage:')[0]!;
    expect(examples).toMatch(new RegExp(`skuprt (-n \\S+ )?${path}`));
    for (const [, line = ''] of examples.matchAll(/(?:^ +|\| )skuprt (.*)$/gm)) {
      await expect(understood(wordsOf(line)), line).resolves.toBe(true);
    }
  });

  it('of the whole starts with examples too', async () => {
    expect((await run('--help')).out).toMatch(/^Examples:\n {2}skuprt demo/);
  });

  it('loads nothing but commander and modules of its own, and few of them', () => {
    const loaded = staticImports(join(dirname(CLI_ENTRY), 'program.ts'), staticImports(CLI_ENTRY));
    const packages = [...loaded].filter((name) => !name.startsWith('/') && !name.startsWith('node:'));
    expect(packages).toEqual(['commander']);
    const folders = new Set(
      [...loaded].filter((name) => name.startsWith('/')).map((name) => relative(dirname(CLI_ENTRY), dirname(name))),
    );
    expect([...folders].sort()).toEqual(['', '../config', '../lib', 'definitions']);
    // Constants only.
    expect([...loaded].filter((name) => name.includes('/config/')).map((name) => basename(name))).toEqual([
      'service-bounds.ts',
    ]);
  });

  it.each(['bash', 'zsh', 'fish'])('completion for %s knows every command', async (shell) => {
    const { code, out } = await run(`completion ${shell}`);
    expect(code).toBe(0);
    for (const path of paths) for (const word of path.split(' ')) expect(out).toContain(word);
  });
});

describe('debug dump', () => {
  it('goes to standard output as it is', async () => {
    await withSite();
    const stdout = new PassThrough();
    const archive = buffer(stdout);
    expect(await runCommandLine(['debug', 'dump', '-'], surroundings({ env, stdout }))).toBe(0);
    stdout.end();
    expect(gunzipSync(await archive).toString()).toContain('skuprt-dump-default/versions.yaml');
  });

  it('leaves out keys, codes and passwords', () => {
    const secret = withoutSecrets({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's' },
      data: { 'tls.key': 'c2VjcmV0' },
      stringData: { password: 'secret' },
    });
    const token = withoutSecrets({
      apiVersion: 'skupper.io/v2alpha1',
      kind: 'AccessToken',
      metadata: { name: 't' },
      spec: { url: 'https://x/1', code: 'abcDEF123', ca: 'pem' },
    });
    expect(JSON.stringify([secret, token])).not.toMatch(/c2VjcmV0|"secret"|abcDEF123/);
    expect(secret).toMatchObject({ stringData: { 'tls.key': '[redacted]', password: '[redacted]' } });
  });
});

/** Everything that a module imports before it runs, itself included; what it imports only for types is not loaded. */
function staticImports(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const source = readFileSync(file, 'utf8');
  for (const [, clause, name] of source.matchAll(/^import (?!type\b)(?:([^'"]*?) from )?'([^']+)';/gm)) {
    if (clause !== undefined && /^\{(\s*type \w+,?)+\s*\}$/.test(clause)) continue;
    if (name!.startsWith('.')) staticImports(resolve(dirname(file), name!), seen);
    else seen.add(name!);
  }
  return seen;
}
