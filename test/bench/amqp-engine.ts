/**
 * Run by hand: octets per second through two engines back to back, without sockets. `node test/bench/amqp-engine.ts [frame KiB] [write KiB]`
 *
 * Each payload octet is neither read nor copied, so this is the engine's cost per frame, not a figure to compare with a router.
 */
import type { ReceiverLink } from '../../router/amqp/engine/receiver-link.ts';
import { Pair } from '../support/amqp-pair.ts';

const frameSizeBytes = Number(process.argv[2] ?? 16) * 1024;
const writeSizeBytes = Number(process.argv[3] ?? 64) * 1024;
const linkCount = Number(process.argv[4] ?? 1);
const seconds = 3;

const pair = new Pair({
  initiator: { maxFrameSizeBytes: frameSizeBytes },
  acceptor: { maxFrameSizeBytes: frameSizeBytes },
}).opened();
const session = pair.a.connection.begin();
const senders = Array.from({ length: linkCount }, (_, i) => session.attachSender({ name: `l${i}` }));
pair.run();
for (const event of pair.b.events) if (event.type === 'attach') (event.link as ReceiverLink).accept({ credit: 10 });
pair.run();

const deliveries = senders.map((sender) => sender.deliver());
const payload = Buffer.alloc(writeSizeBytes);
const a = pair.a.connection;
const b = pair.b.connection;
let moved = 0;
let writes = 0;
const startAt = performance.now();
while (performance.now() - startAt < seconds * 1000) {
  for (let i = 0; i < 100; i++) {
    const delivery = deliveries[writes++ % linkCount];
    delivery?.write(payload);
    const into: Buffer[] = [];
    a.transmit(256 * 1024, into, 0);
    for (const piece of into) b.receive(piece, 0);
    for (let event = b.nextEvent(); event !== undefined; event = b.nextEvent()) {
      if (event.type === 'transfer') moved += event.payload.length;
    }
    const back: Buffer[] = [];
    b.transmit(256 * 1024, back, 0);
    for (const piece of back) a.receive(piece, 0);
    while (a.nextEvent() !== undefined);
  }
}
const elapsed = (performance.now() - startAt) / 1000;
const frames = a.stats.transfersOut;
process.stdout.write(
  `${(moved / elapsed / 1e9).toFixed(2)} GB/s, ${((elapsed / frames) * 1e9).toFixed(0)} ns a frame both engines, ` +
    `${(writes / elapsed / 1000).toFixed(0)} k writes/s\n`,
);
