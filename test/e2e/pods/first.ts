/** Runs in a pod: `PORT HOST...`, asks each host until it answers; when something comes by standard input, prints when each first did. */
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const [port = '', ...hosts] = process.argv.slice(1).filter((word) => word !== '--');
const times: number[] = [];

function ask(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host, port, agent: false, timeout: 300 }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode === 200));
    });
    request.on('timeout', () => request.destroy()).on('error', () => resolve(false));
  });
}

for (const host of hosts) {
  void (async () => {
    while (!(await ask(host))) await sleep(50);
    times.push(Date.now());
  })();
}
process.stdin.once('data', () => process.stdout.write(JSON.stringify(times), () => process.exit()));
