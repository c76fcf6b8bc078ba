/** `npm run bench -- SUITE [options]`. Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted. */
import { runNet } from './net/net.ts';
import { UsageError, usage } from './net/options.ts';

const SUITES: Readonly<Record<string, (args: readonly string[], signal: AbortSignal) => Promise<void>>> = {
  net: runNet,
};

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());

const [name = '', ...args] = process.argv.slice(2);
try {
  const suite = SUITES[name];
  if (suite === undefined) throw new UsageError(`which suite? There is: ${Object.keys(SUITES).join(', ')}`);
  await suite(args, interrupted.signal);
} catch (error) {
  if (interrupted.signal.aborted) {
    process.exitCode = 130;
  } else if (error instanceof UsageError) {
    process.stderr.write(`${error.message}\n\n${usage}`);
    process.exitCode = 2;
  } else {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exitCode = 1;
  }
}
