/**
 * One plain TCP flow, as a program of its own that runs in a place: `plain.ts serve PORT` sends to each client what it takes,
 * `plain.ts fetch HOST PORT MS MS` reads for so long to get going, and then for so long to measure, and says how many octets came in a
 * second.
 */
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendPattern } from '../../support/tcp.ts';

const [verb, ...args] = process.argv.slice(2);

if (verb === 'serve') {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    void sendPattern(socket);
  });
  server.listen(Number(args[0]), '0.0.0.0', () => process.stdout.write('ready\n'));
} else {
  const [host, port, startMs, measuredMs] = args;
  let octets = 0;
  const socket = connect({ host: host!, port: Number(port) });
  socket.on('data', (chunk) => {
    octets += chunk.length;
  });
  await sleep(Number(startMs));
  const [before, beforeMs] = [octets, performance.now()];
  await sleep(Number(measuredMs));
  process.stdout.write(`${Math.round(((octets - before) * 1000) / (performance.now() - beforeMs))}\n`);
  socket.destroy();
}
