#!/usr/bin/env node
/**
 * The one binary, `skuprt`. Imports node's own modules and the light command tree only: what a command needs is loaded
 * when it runs, so `--help` and completion answer at once. The only place that touches the process.
 */
import { fileURLToPath } from 'node:url';
import type { Surroundings } from './context.ts';
import { EXIT } from './errors.ts';
import { runCommandLine } from './program.ts';

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second Ctrl-C is from someone who does not want to wait for an orderly end.
    if (stop.signal.aborted && name === 'SIGINT') process.exit(EXIT.interrupted);
    stop.abort(name);
  });
}
// A reader such as `head` that has seen enough is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
});

const entry = fileURLToPath(import.meta.url);
const surroundings: Surroundings = {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  interactive: process.stderr.isTTY === true && process.env.TERM !== 'dumb',
  canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
  color: process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb',
  signal: stop.signal,
  // A checkout has the script at its root; the package puts the command on the path.
  program: entry.endsWith('.ts') ? './skuprt' : 'skuprt',
  self: [process.execPath, ...process.execArgv, entry],
};
process.exitCode = await runCommandLine(process.argv.slice(2), surroundings);
