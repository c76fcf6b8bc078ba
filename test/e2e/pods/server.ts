/** Runs in a pod: answers HTTP at 8080 with the pod's name, and echoes at 7000. */
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';

const answer = process.env.ANSWER ?? process.env.HOSTNAME ?? '';
createHttpServer((_request, response) => response.end(`${answer}\n`)).listen(8080);
createServer((socket) => socket.on('error', () => socket.destroy()).pipe(socket)).listen(7000);
process.on('SIGTERM', () => process.exit());
