/**
 * The relays of the chaos run's links, as a process of their own: what the run itself has to do must not make links look silent.
 * Takes `{ target }` for a new relay, answered by its `{ port }`, and `{ at, what }` for what is to happen to one.
 */
import { Relay } from '../support/relay.ts';
import type { RelayOrder } from './relays.ts';

const relays: Relay[] = [];

process.on('message', (order: RelayOrder) => {
  if ('target' in order) void make(order.target);
  else relays[order.at]![order.what]();
});
process.on('disconnect', () => process.exit(0));
// A Ctrl-C is the run's to answer.
process.on('SIGINT', () => {});

async function make(target: number): Promise<void> {
  const relay = await Relay.to(target);
  relays.push(relay);
  process.send!({ port: relay.port });
}
