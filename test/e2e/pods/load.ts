/**
 * Runs in a pod: one new connection each INTERVAL ms to http://HOST:PORT/, until something comes by standard input, or for DURATION_MS.
 * Prints JSON: for each when it began (wall clock), how long it took, and why it failed.
 */
import { type ClientRequest, get } from 'node:http';

const [host = '', port = '', interval = '20', patience = '1000'] = process.argv.slice(-4);
const attempts: [startedMs: number, tookMs: number, error: string][] = [];

function attempt(): void {
  const started = Date.now();
  let isDone = false;
  const done = (error: string) => {
    if (isDone) return;
    isDone = true;
    attempts.push([started, Date.now() - started, error]);
    request.destroy();
  };
  const request: ClientRequest = get({ host, port, agent: false, timeout: Number(patience) }, (response) => {
    response.resume().on('end', () => done(response.statusCode === 200 ? '' : `status ${response.statusCode}`));
    response.on('error', (error) => done(error.message));
  });
  request.on('timeout', () => done('timeout')).on('error', (error) => done(error.message));
}

const timer = setInterval(attempt, Number(interval));
const duration = Number(process.env.DURATION_MS ?? 0);

function finish(then: () => void): void {
  clearInterval(timer);
  setTimeout(() => process.stdout.write(`${JSON.stringify(attempts)}\n`, then), Number(patience) + 100);
}

if (duration > 0) setTimeout(() => finish(() => setTimeout(() => process.exit(), 1e8)), duration);
else process.stdin.once('data', () => finish(() => process.exit()));
