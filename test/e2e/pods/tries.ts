/**
 * Runs in a pod, and is told by lines `HOST PORT COUNT EVERY`: COUNT connections to the echo at HOST:PORT, one begun each EVERY ms, each
 * open until it was answered once. Prints for each line one of JSON: a list, in order, of `{ at, ms, failure }`: when a connection was
 * begun (ms since 1970), how long it took, and why it was not answered. The line `end` ends it.
 */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 10_000;

function tryOnce(host: string, port: number): Promise<{ at: number; ms: number; failure?: string }> {
  const at = Date.now();
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const over = (failure?: string) => {
      socket.destroy();
      resolve({ at, ms: Date.now() - at, ...(failure !== undefined && { failure }) });
    };
    socket.setTimeout(PATIENCE_MS, () => over('hangs'));
    socket
      .on('connect', () => socket.write('ask'))
      .on('data', () => over())
      .on('end', () => over('ended without an answer'))
      .on('error', (error: NodeJS.ErrnoException) => over(error.code ?? error.message));
  });
}

async function tryOften(host = '', port = '', count = '1', every = '0'): Promise<object[]> {
  const tries: Promise<object>[] = [];
  for (let index = 0; index < Number(count); index += 1) {
    tries.push(tryOnce(host, Number(port)));
    await sleep(Number(every));
  }
  return Promise.all(tries);
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'end') break;
  process.stdout.write(`${JSON.stringify(await tryOften(...line.split(' ')))}\n`);
}
process.exit();
