/**
 * Runs in a pod: gRPC as its specification has it on the wire (PROTOCOL-HTTP2), with one method that is sent a stream of numbers and
 * answers each with its double. `serve PORT`, or `call HOST:PORT COUNT`, which prints the sum of the answers and the status.
 */
import { connect, createServer } from 'node:http2';

const [role, target = '', count = '0'] = process.argv.slice(1).filter((word) => word !== '--');

/** One byte that says "not compressed", four of length, the message: field 1, a varint. */
function message(value: number): Buffer {
  const body = [0x08];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) body.push((rest % 128) | 0x80);
  body.push(rest);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, Buffer.from(body)]);
}

class Messages {
  private rest = Buffer.alloc(0);

  push(chunk: Buffer): number[] {
    this.rest = Buffer.concat([this.rest, chunk]);
    const values: number[] = [];
    while (this.rest.length >= 5 && this.rest.length >= 5 + this.rest.readUInt32BE(1)) {
      const end = 5 + this.rest.readUInt32BE(1);
      const digits = [...this.rest.subarray(6, end)].reverse();
      values.push(digits.reduce((sum, digit) => sum * 128 + (digit & 0x7f), 0));
      this.rest = this.rest.subarray(end);
    }
    return values;
  }
}

function serve(): void {
  const server = createServer();
  server.on('stream', (stream) => {
    const messages = new Messages();
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.on('data', (chunk: Buffer) => {
      for (const value of messages.push(chunk)) stream.write(message(value * 2));
    });
    stream.on('end', () => stream.end()).on('error', () => stream.destroy());
  });
  server.listen(Number(target));
  process.on('SIGTERM', () => process.exit());
}

function call(): void {
  const session = connect(`http://${target}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/test.Numbers/Double',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const messages = new Messages();
  let sum = 0;
  let status: unknown;
  stream.on('data', (chunk: Buffer) => {
    for (const value of messages.push(chunk)) sum += value;
  });
  stream.on('trailers', (trailers) => {
    status = trailers['grpc-status'];
  });
  stream.on('end', () => {
    process.stdout.write(JSON.stringify({ sum, status }));
    session.close();
  });
  for (let value = 1; value <= Number(count); value += 1) stream.write(message(value));
  stream.end();
}

if (role === 'serve') serve();
else call();
