/** `generate`, `create` and `apply` of one thing agree: what one refuses the others refuse, and what is printed can be applied. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newSite } from '../../cli/commands/site/resource.ts';
import { parseResources } from '../../config/api/parse.ts';
import { sitePaths } from '../../site-controller/platform/local/paths.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { type Outcome, runHere } from '../support/cli.ts';

let dataHome: string;
const NUM_RUNS = 100;

beforeAll(async () => {
  dataHome = mkdtempSync(join(tmpdir(), 'skuprt-generate-'));
  await new LocalStore(sitePaths(dataHome, 'default')).apply(newSite('default', { linkAccess: true }));
});

afterAll(() => rmSync(dataHome, { recursive: true, force: true }));

const run = (args: readonly string[]): Promise<Outcome> =>
  runHere(args, { env: { XDG_DATA_HOME: dataHome, SKUPRT_PLATFORM: 'local' } });

/** Any of the flags, each with one of its values, in any order. */
function flagsOf(choices: Readonly<Record<string, readonly string[]>>): fc.Arbitrary<string[]> {
  return fc
    .subarray(Object.keys(choices), { maxLength: 6 })
    .chain((flags) =>
      fc.tuple(
        ...flags.map((flag) =>
          fc.constantFrom(...choices[flag]!).map((value) => (value === '' ? [flag] : [flag, value])),
        ),
      ),
    )
    .map((parts) => parts.flat());
}

const POLICY = flagsOf({
  '--cluster': [''],
  '--service': ['backend', '*', 'a*b'],
  '--service-namespace': ['shop'],
  '--routing-key': ['shop/web'],
  '--action': ['Allow', 'Deny', 'Limit'],
  '--operation': ['Connect', 'Expose', 'Import', 'Link'],
  '--from-site': ['west', 'w*'],
  '--from-namespace': ['web'],
  '--from-workload': ['front'],
  '--from-service-account': ['web'],
  '--direction': ['Incoming', 'Outgoing'],
  '--host': ['east.example', '*.example'],
  '--verification': ['local', 'link', 'path', 'none'],
  '--connections-per-second': ['1', '50', '999999999'],
  '--concurrent-connections': ['1', '999999999'],
  '--bytes-per-second': ['1', '999999999'],
  '--per': ['Rule', 'Site', 'Workload'],
  '--queue-length': ['1', '999999999'],
  '--queue-seconds': ['1', '999999999'],
  '--only-tell': [''],
  '--enforce-existing': [''],
});

const SITE = flagsOf({
  '--enable-link-access': [''],
  '--no-link-access': [''],
  '--link-access-type': ['none', 'local', 'nodeport'],
  '--enable-ha': [''],
  '--no-ha': [''],
  '--edge': [''],
  '--host': ['west.example', 'fd00::1'],
  '--link-port': ['1024', '70000'],
  '--import': [''],
  '--no-import': [''],
  '--flow-pause': ['0', '5s', '1h'],
  '--flow-memory': ['64MiB', '1'],
});

const END = {
  '--routing-key': ['web', 'shop/web'],
  '--tls-credentials': ['tls'],
  '--expose-pods-by-name': [''],
  '--type': ['tcp'],
  '--host': ['127.0.0.1', 'fd00::1', 'db.example'],
  '--max-connections': ['0', '100'],
};

const ENDS: Readonly<Record<string, fc.Arbitrary<string[]>>> = {
  listener: flagsOf({ ...END, '--proxy-protocol': ['required', 'none'] }),
  connector: flagsOf({
    ...END,
    '--proxy-protocol': ['v1', 'v2', 'none'],
    '--selector': ['app=web'],
    '--workload': ['deployment/web'],
    '--share': ['0', '100'],
    '--health-check': ['tcp', 'http:/healthz', 'none'],
    '--connect-timeout': ['1s', '1h'],
    '--max-queued-connections': ['10'],
  }),
};

describe('what generate prints', () => {
  it('of a policy is what create would write and apply takes; what one refuses the others refuse', async () => {
    const file = join(dataHome, 'policy.yaml');
    await fc.assert(
      fc.asyncProperty(POLICY, async (flags) => {
        const generated = await run(['policy', 'generate', 'a', ...flags]);
        const created = await run(['policy', 'create', 'a', '--dry-run', ...flags]);
        expect([created.code, created.out]).toEqual([generated.code, generated.out]);
        if (generated.code !== 0) {
          expect([generated.code, generated.out, created.err]).toEqual([
            2,
            '',
            generated.err.replace('generate', 'create'),
          ]);
          return;
        }
        writeFileSync(file, generated.out);
        expect(await run(['policy', 'apply', file, '--dry-run'])).toMatchObject({ code: 0, out: generated.out });
      }),
      { numRuns: NUM_RUNS, seed: 1 },
    );
  });

  it.each([
    ['site', SITE, ['a']],
    ...Object.entries(ENDS).map(([noun, flags]) => [noun, flags, ['a', '8080']] as const),
  ] as const)(
    'of a %s is what create would write, and a resource; what one refuses the other refuses',
    async (noun, flags, names) => {
      await fc.assert(
        fc.asyncProperty(flags, async (given) => {
          const generated = await run([noun, 'generate', ...names, ...given]);
          const created = await run([noun, 'create', ...names, '--dry-run', ...given]);
          expect(created).toEqual({ ...generated, err: generated.err.replace('generate', 'create') });
          if (generated.code === 0) expect(parseResources(generated.out, 'printed')).toHaveLength(1);
          else expect(generated).toMatchObject({ code: 2, out: '' });
        }),
        { numRuns: NUM_RUNS, seed: 1 },
      );
    },
  );
});
