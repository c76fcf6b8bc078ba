/**
 * Runs in a pod: reads addresses, one a line, asks each at PORT until it answers; at the line `end` prints when each first did. Addresses
 * and not names, because a name that was asked for before it was there is unknown to cluster DNS for seconds.
 */
import { get } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const port = process.argv.at(-1);
const times: number[] = [];

function ask(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host, port, agent: false, timeout: 200 }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode === 200));
    });
    request.on('timeout', () => request.destroy()).on('error', () => resolve(false));
  });
}

async function untilAnswered(host: string): Promise<void> {
  while (!(await ask(host))) await sleep(10);
  times.push(Date.now());
}

createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'end') process.stdout.write(JSON.stringify(times), () => process.exit());
  else void untilAnswered(line);
});
