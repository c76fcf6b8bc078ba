/** Whatever comes on a control link, the mesh throws nothing, ends, and stays within its limits. */
import { describe, expect, it } from 'vitest';
import { randomInt, SeededRandom } from '../../lib/random.ts';
import { amqp, type Typed } from '../../router/amqp/codec/value.ts';
import { composeMessage } from '../../router/amqp/message/compose.ts';
import { ROUTERS_MAX } from '../../router/mesh/limits.ts';
import { Mesh } from '../../router/mesh/mesh.ts';
import { capturedControls } from '../support/control-vectors.ts';

function listening(): Mesh {
  const mesh = new Mesh({ routerId: 'ME', instance: 1 }, undefined, 0);
  for (const siteLink of [1, 2, 3]) mesh.linkUp(siteLink, { cost: siteLink }, 0);
  return mesh;
}

function drain(mesh: Mesh): void {
  while (mesh.nextEvent() !== undefined);
}

/** Ticks at each deadline up to `now`; fails when a tick leaves its own deadline due. */
function advance(mesh: Mesh, now: number): void {
  for (let at = mesh.deadline(); at <= now; ) {
    mesh.tick(at);
    drain(mesh);
    const next = mesh.deadline();
    expect(next).toBeGreaterThan(at);
    at = next;
  }
}

describe('the mesh under garbage', () => {
  it('survives captured messages with octets changed, cut and joined', () => {
    const random = new SeededRandom(1);
    const samples = [...capturedControls('pair.jsonl'), ...capturedControls('chain.jsonl')].map(
      ({ message }) => message,
    );
    const mesh = listening();
    for (let i = 0; i < 6000; i++) {
      const bytes = Buffer.from(samples[randomInt(random, samples.length)] as Buffer);
      for (let flips = randomInt(random, 4); flips > 0; flips--) {
        bytes[randomInt(random, bytes.length)] = randomInt(random, 256);
      }
      const cut = randomInt(random, 4) === 0 ? randomInt(random, bytes.length) : bytes.length;
      mesh.receive(1 + randomInt(random, 3), bytes.subarray(0, cut), i * 7);
      drain(mesh);
      advance(mesh, i * 7);
    }
    expect(mesh.stats.malformed).toBeGreaterThan(1000);
    expect(mesh.routers().length).toBeLessThanOrEqual(ROUTERS_MAX);
  });

  it('survives well-formed messages of random fields', () => {
    const random = new SeededRandom(2);
    const pick = <T>(items: readonly T[]): T => items[randomInt(random, items.length)] as T;
    const names = ['ME', 'A', 'B', 'C', '', 'x'.repeat(300), 'all'];
    const number = (): Typed =>
      pick([amqp.int(randomInt(random, 5)), amqp.long(2n ** 62n), amqp.int(-1), amqp.double(0.5)]);
    const value = (depth: number): Typed => {
      if (depth > 2 || random.next() < 0.5)
        return pick([amqp.string(pick(names)), number(), amqp.null(), amqp.boolean(true)]);
      const count = randomInt(random, 4);
      if (random.next() < 0.5) return amqp.list(Array.from({ length: count }, () => value(depth + 1)));
      return amqp.map(Array.from({ length: count }, () => [amqp.string(pick(names)), value(depth + 1)]));
    };
    const right: Record<string, () => Typed> = {
      id: () => amqp.string(pick(names)),
      seen: () => amqp.list([amqp.string('ME')]),
      ls: () =>
        amqp.map([
          [amqp.string('id'), amqp.string(pick(names))],
          [amqp.string('ls_seq'), number()],
          [amqp.string('peers'), amqp.map([[amqp.string(pick(names)), number()]])],
        ]),
      exist: () => amqp.list([amqp.list([amqp.string(`M${pick(names)}`), number()])]),
      add: () => amqp.list([amqp.list([amqp.string(`M${pick(names)}`)])]),
      del: () => amqp.list([amqp.list([amqp.string(`M${pick(names)}`)])]),
    };
    const fields = ['id', 'pv', 'instance', 'ls_seq', 'mobile_seq', 'have_seq', 'seen', 'ls', 'exist', 'add', 'del'];
    const addresses = [
      'amqp:/_local/qdhello',
      'amqp:/_topo/0/all/qdrouter',
      '_topo/0/all/qdrouter.ma',
      'amqp:/_topo/0/A/qdrouter',
    ];
    const mesh = listening();
    for (let i = 0; i < 6000; i++) {
      const body = fields
        .filter(() => random.next() < 0.8)
        .map((name) => [amqp.string(name), random.next() < 0.9 ? (right[name] ?? number)() : value(0)] as const);
      const message = composeMessage({
        annotations:
          random.next() < 0.5 ? { flags: 0, ingress: `0/${pick(names)}`, trace: [`0/${pick(names)}`] } : undefined,
        properties: { to: pick(addresses) },
        applicationProperties: new Map([
          ['opcode', amqp.string(pick(['HELLO', 'RA', 'LSR', 'LSU', 'MAR', 'MAU', 'X']))],
        ]),
        body: amqp.map(body),
      });
      mesh.receive(1 + randomInt(random, 3), message, i * 50);
      if (random.next() < 0.01) mesh.linkDown(1, i * 50);
      if (random.next() < 0.02) mesh.linkUp(1, { cost: 1 }, i * 50);
      drain(mesh);
      advance(mesh, i * 50);
    }
    expect(mesh.stats.messagesIn).toBeGreaterThan(4000);
  });
});
