/** Events: whatever comes to the addresses where a router listens, and whatever happens to its flows. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ATTRIBUTE, RECORD_TYPE } from '../../lib/vanflow.ts';
import { amqp, type Typed } from '../../router/amqp/codec/value.ts';
import { composeMessage } from '../../router/amqp/message/compose.ts';
import { CO_ATTRIBUTES } from '../../router/telemetry/vanflow/flow-record.ts';
import { SOURCE, VanflowWorld } from '../support/vanflow-world.ts';

const options = { seed: 20261121, numRuns: 150 };

const scalar: fc.Arbitrary<Typed> = fc.oneof(
  fc.constant(amqp.null()),
  fc.boolean().map(amqp.boolean),
  fc.nat(70).map(amqp.uint),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(amqp.ulong),
  fc.string({ maxLength: 400 }).map(amqp.string),
  fc.uint8Array({ maxLength: 20 }).map((octets) => amqp.binary(Buffer.from(octets))),
);
const identity = fc.oneof(
  fc.nat(40).map((number) => amqp.string(`${SOURCE}:${number}`)),
  fc.string({ maxLength: 12 }).map(amqp.string),
);
const entry = fc.oneof(
  fc.tuple(fc.constant(amqp.uint(0)), fc.oneof(fc.constant(amqp.uint(16)), scalar)),
  fc.tuple(fc.constant(amqp.uint(1)), identity),
  fc.tuple(fc.nat(70).map(amqp.uint), scalar),
  fc.tuple(scalar, scalar),
);
/** As a router would send it, of a flow that may be there, but of any attributes. */
const coRecord = fc
  .tuple(fc.nat(9), fc.array(fc.tuple(fc.nat(70).map(amqp.uint), scalar), { maxLength: 8 }))
  .map(([number, entries]) =>
    amqp.map([
      [amqp.uint(0), amqp.uint(RECORD_TYPE.transportFlow)],
      [amqp.uint(1), amqp.string(`${SOURCE}:${number}`)],
      ...entries,
    ]),
  );
const body: fc.Arbitrary<Typed> = fc.oneof(
  fc.array(coRecord, { maxLength: 9 }).map(amqp.list),
  scalar,
  fc
    .array(
      fc.oneof(
        scalar,
        fc.array(entry, { maxLength: 8 }).map((entries) => amqp.map(entries)),
      ),
    )
    .map(amqp.list),
);
const message = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((octets) => Buffer.from(octets)),
  fc
    .tuple(fc.constantFrom('RECORD', 'FLUSH', 'BEACON', ''), body)
    .map(([subject, value]) => composeMessage({ properties: { to: 'x', subject }, body: value })),
);

function serving(): VanflowWorld {
  const world = new VanflowWorld();
  world.router.bridge.tcpListeners.add({ name: 'tl', address: 'echo', multiAddressStrategy: 'none' });
  world.router.bridge.addConnector('tc', 'echo');
  world.collect();
  world.pass(2000);
  return world;
}

describe('a router that tells events', () => {
  it('changes by what it is told nothing but what a connector may know, whatever comes', () => {
    const run = (messages: readonly Buffer[]): void => {
      const world = serving();
      world.router.bridge.deleteConnector('tc', false);
      world.listen('echo');
      for (let count = 0; count < 5; count++) world.open('tl');
      world.pass(1000);
      const before = world.known(RECORD_TYPE.transportFlow);
      for (const [index, each] of messages.entries()) {
        world.router.send(`${index % 2 === 0 ? 'vfcr' : 'sfe'}.${SOURCE}:0`, each, world.now);
      }
      world.pass(3000);
      const after = world.known(RECORD_TYPE.transportFlow);
      expect(after.length).toBe(before.length);
      for (const [index, record] of after.entries()) {
        const own = [...record].filter(([code]) => !CO_ATTRIBUTES.has(code));
        expect(own.sort()).toEqual([...before[index]!].sort());
        for (const code of CO_ATTRIBUTES) {
          const type = code === ATTRIBUTE.processLatency ? 'number' : 'string';
          if (record.has(code)) expect(typeof record.get(code)).toBe(type);
        }
      }
    };
    fc.assert(fc.property(fc.array(message, { maxLength: 20 }), run), options);
  });

  it('tells of each flow once to its end, with its octets, in any order of what happens', () => {
    const step = fc.record({
      kind: fc.constantFrom('open', 'connect', 'refuse', 'in', 'out', 'reset', 'finish', 'pass', 'flush'),
      which: fc.nat(9),
      count: fc.integer({ min: 1, max: 3000 }),
    });
    const run = (steps: readonly { kind: string; which: number; count: number }[]): void => {
      const world = serving();
      const { router } = world;
      const flows: { listener: number; connector: number; isConnected: boolean }[] = [];
      for (const { kind, which, count } of steps) {
        const flow = flows[which % Math.max(1, flows.length)];
        if (kind === 'pass') world.pass(count);
        else if (kind === 'flush') world.flush();
        else if (kind === 'open') flows.push({ ...world.open('tl'), isConnected: false });
        else if (flow === undefined) continue;
        else if (kind === 'connect' && !flow.isConnected) {
          flow.isConnected = true;
          router.flowConnected(flow.connector, world.now);
        } else if (kind === 'refuse' && !flow.isConnected) router.flowConnectFailed(flow.connector, 'no', world.now);
        else if (kind === 'in') router.flowReceived(flow.listener, Buffer.alloc(count), world.now);
        else if (kind === 'out') router.flowReceived(flow.connector, Buffer.alloc(count), world.now);
        else if (kind === 'reset') router.flowLost(flow.listener, world.now);
        else if (kind === 'finish') {
          router.flowReceivedEnd(flow.listener, world.now);
          router.flowReceivedEnd(flow.connector, world.now);
        }
        router.effects();
      }
      for (const { listener, connector } of flows) {
        router.flowLost(listener, world.now);
        router.flowLost(connector, world.now);
        router.flowConnectFailed(connector, 'gone', world.now);
      }
      world.pass(8000);
      const told = world.known(RECORD_TYPE.transportFlow);
      expect(told.length).toBe(flows.length);
      expect(told.every((record) => record.has(ATTRIBUTE.endTime))).toBe(true);
      const total = told.reduce((sum, record) => sum + Number(record.get(ATTRIBUTE.octets)), 0);
      const counted = router.bridge.listeners.get('tl')!.counters.bytesIn;
      expect(total).toBe(counted);
      expect(world.vanflow.counts().flows).toBe(0);
    };
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), run), options);
  });
});
