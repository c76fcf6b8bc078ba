/**
 * `npm run test:netns [-- NAME...]`: tests of routers that stand in network namespaces of their own, with wires between them that are
 * cut, silent, slow and lossy. NAME is part of a test file's name.
 *
 * All of it runs in a process namespace, a mount namespace and a network namespace of its own, which go with the first process in them:
 * whatever ends this program, also SIGKILL, nothing is left on the machine, no process, no interface, no file.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { whatIsMissing } from './needs.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** In the new namespaces: /run is ours alone, with what `ip netns` notes there, and all temporary files. */
const ENTER = 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns /run/files && ip link set lo up && exec "$@"';

const missing = whatIsMissing();
if (missing !== undefined) process.stdout.write(`netns: skipped, because ${missing}\n`);
else process.exitCode = await run(process.argv.slice(2));

async function run(names: readonly string[]): Promise<number> {
  const { CI, ...env } = process.env;
  const apart = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const vitest = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--project', 'netns'];
  const args = ['--pdeathsig', 'KILL', ...apart, 'sh', '-c', ENTER, 'sh', ...vitest, '--reporter', 'verbose', ...names];
  const child = spawn('setpriv', args, {
    cwd: ROOT,
    env: { ...env, ...(CI && { CI }), TMPDIR: '/run/files', SKUPRT_NETNS: 'yes' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  // `unshare` itself heeds no other signal, and takes the namespaces with it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGKILL'));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 130;
}
