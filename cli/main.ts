#!/usr/bin/env node
/**
 * The one binary, `skuprt`. Loads node's own modules and the light command tree only: what a command needs is loaded
 * when it runs, so `--help` and completion answer at once. The only place that touches the process.
 */
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Surroundings } from './context.ts';

const EXIT_INTERRUPTED = 130;
const CACHE_FLUSH_MS = 1000;

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second Ctrl-C is from someone who does not want to wait for an orderly end.
    if (stop.signal.aborted && name === 'SIGINT') process.exit(EXIT_INTERRUPTED);
    stop.abort(name);
  });
}
// A reader such as `head` that has seen enough, or a terminal that went away, is no failure; what runs for longer ends.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    stop.abort(error.code);
  });
}

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
  connect: async (choice, env) => {
    const { connectClient } = await import('./places/cluster-connection.ts');
    return await connectClient(choice, env);
  },
};
keepCompiled();
const { runCommandLine } = await import('./program.ts');
process.exitCode = await runCommandLine(process.argv.slice(2), surroundings);

/** What Node compiled is kept for the next process: halves the start. Older Nodes have no such cache, and go without. */
function keepCompiled(): void {
  const { XDG_CACHE_HOME } = process.env;
  const cacheHome = XDG_CACHE_HOME?.startsWith('/') ? XDG_CACHE_HOME : join(homedir(), '.cache');
  module.enableCompileCache?.(join(cacheHome, 'skuprt', 'compiled'));
  // A site or a router runs for long: others should not wait for its end.
  setTimeout(() => module.flushCompileCache?.(), CACHE_FLUSH_MS).unref();
}
