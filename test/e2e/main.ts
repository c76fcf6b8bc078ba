/**
 * `npm run test:e2e -- --contexts a,b [--kubeconfig FILE] [--lab] [--only NAME] [--figures] [--prometheus IMAGE]`: this tier on clusters
 * in which kind/install put skuprt. Reads the arguments, hands them on as variables, and runs the tests, or measures the figures.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { HOW_TO_HAVE_CONTEXTS } from './setup.ts';

const ROOT = join(import.meta.dirname, '../..');
const { values } = parseArgs({
  options: {
    contexts: { type: 'string' },
    kubeconfig: { type: 'string' },
    image: { type: 'string' },
    prometheus: { type: 'string' },
    only: { type: 'string' },
    lab: { type: 'boolean', default: false },
    figures: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});

if ((values.contexts ?? '').split(',').filter(Boolean).length < 2) {
  process.stdout.write(`e2e: skipped, because there are not two contexts; to run it, ${HOW_TO_HAVE_CONTEXTS}\n`);
} else {
  const databases = values.lab ? 'localhost/databases:lab' : undefined;
  const env = {
    ...process.env,
    SKUPRT_E2E_CONTEXTS: values.contexts,
    ...(values.kubeconfig && { KUBECONFIG: values.kubeconfig }),
    ...(values.image && { SKUPRT_E2E_IMAGE: values.image }),
    ...(values.prometheus && { SKUPRT_E2E_PROMETHEUS_IMAGE: values.prometheus }),
    ...(databases && {
      SKUPRT_E2E_POSTGRES_IMAGE: databases,
      SKUPRT_E2E_REDIS_IMAGE: databases,
      SKUPRT_E2E_LAB: 'yes',
    }),
    ...(values.keep && { SKUPRT_E2E_KEEP: 'yes' }),
  };
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'e2e', '--reporter', 'verbose'];
  const tests = [...vitest, ...(values.only ? [`test/e2e/${values.only}`] : [])];
  const ofSet = values.only === 'cluster-set';
  const figures = ofSet
    ? ['test/e2e/figures-cluster-set.ts']
    : ['test/e2e/figures.ts', ...(values.only ? [values.only] : [])];
  const args = values.figures ? figures : tests;
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}
