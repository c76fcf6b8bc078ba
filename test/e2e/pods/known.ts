/**
 * Runs in a pod: reads names, one a line, asks the DNS server at SERVER for each until it has an address, and that at PORT until it answers
 * HTTP; at the line `end` prints as JSON when each of the two first happened (wall clock). Asks the server of the set itself: a cluster's own
 * DNS remembers for a second that a name was not there.
 */
import { Resolver } from 'node:dns/promises';
import { get } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const [server = '', port = ''] = process.argv.slice(-2);
const resolver = new Resolver({ timeout: 500, tries: 1 });
resolver.setServers([server]);
const times: Record<string, { resolvedMs: number; answeredMs: number }> = {};

function ask(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host, port, agent: false, timeout: 300 }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode === 200));
    });
    request.on('timeout', () => request.destroy()).on('error', () => resolve(false));
  });
}

async function look(name: string): Promise<void> {
  let address: string | undefined;
  for (;;) {
    address = (await resolver.resolve4(name).catch(() => []))[0];
    if (address !== undefined) break;
    await sleep(5);
  }
  const resolvedMs = Date.now();
  while (!(await ask(address))) await sleep(5);
  times[name] = { resolvedMs, answeredMs: Date.now() };
}

createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'end') process.stdout.write(JSON.stringify(times), () => process.exit());
  else void look(line);
});
