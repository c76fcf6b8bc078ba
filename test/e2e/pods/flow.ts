/**
 * Runs in a pod: COUNT connections to the echo at HOST:PORT, each with a line every 50 ms. For each line that comes by standard input it
 * prints one of JSON: lines that came back, the longest wait for one, and the connections that ended by themselves. The line `end` ends it.
 */
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [host = '', port = '', count = '1'] = process.argv.slice(-3);
const told = { lines: 0, longestMs: 0, lost: [] as string[] };
let isEnding = false;

function flow(): void {
  const socket = connect(Number(port), host);
  const waiting: number[] = [];
  let rest = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      told.lines += 1;
      if (Number(line) !== waiting.shift()) told.lost.push(`another line than sent: ${line}`);
      told.longestMs = Math.max(told.longestMs, Date.now() - Number(line));
    }
  });
  const timer = setInterval(() => {
    const now = Date.now();
    waiting.push(now);
    socket.write(`${now}\n`);
  }, 50);
  const ended = (why: string) => {
    clearInterval(timer);
    if (!isEnding) told.lost.push(why);
  };
  socket.on('error', (error) => ended(error.message)).on('end', () => ended('end'));
}

for (let index = 0; index < Number(count); index += 1) flow();
for await (const line of createInterface({ input: process.stdin })) {
  isEnding = line === 'end';
  process.stdout.write(`${JSON.stringify(told)}\n`);
  if (isEnding) break;
}
process.stdout.write('', () => process.exit());
