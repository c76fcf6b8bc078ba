/** What a lying router can do to the mesh: as little as can be. */
import { describe, expect, it } from 'vitest';
import { encodeRouterAnnotations } from '../../router/amqp/message/router-annotations.ts';
import { HELLO_ADDRESS, MAU_ADDRESS, RA_ADDRESS, routerAddress } from '../../router/mesh/destinations.ts';
import { ADDRESSES_PER_NEIGHBOUR_MAX, ADDRESSES_PER_ROUTER_MAX } from '../../router/mesh/limits.ts';
import { Mesh } from '../../router/mesh/mesh.ts';
import { type ControlMessage, encodeControl, type RouterAdvertisement } from '../../router/mesh/messages.ts';

class Victim {
  readonly mesh = new Mesh({ routerId: 'ME', instance: 1 }, undefined, 0);
  now = 0;
  readonly faults: string[] = [];
  readonly addresses = new Set<string>();
  sent: { siteLink: number; message: Buffer }[] = [];

  join(siteLink: number, id: string, instance = 7): void {
    this.mesh.linkUp(siteLink, { cost: 1, router: id }, this.now);
    this.hello(siteLink, id, instance);
  }

  hello(siteLink: number, id: string, instance = 7): void {
    this.hear(siteLink, { opcode: 'HELLO', id, version: 1, instance, seen: ['ME'] }, HELLO_ADDRESS, [id]);
  }

  /** @param way the routers it has passed, its origin first */
  hear(siteLink: number, message: ControlMessage, to: string, way: readonly string[]): void {
    const trace = way.map((id) => `0/${id}`);
    const section = encodeRouterAnnotations({ flags: 0, ingress: trace[0], trace });
    this.mesh.receive(siteLink, Buffer.concat([section, encodeControl(message, to)]), this.now);
    this.drain();
  }

  run(ms: number, neighbours: readonly [number, string][]): void {
    for (const end = this.now + ms; this.now < end; this.now += 500) {
      for (const [siteLink, id] of neighbours) this.hello(siteLink, id);
      this.mesh.tick(this.now);
      this.drain();
    }
  }

  private drain(): void {
    for (let event = this.mesh.nextEvent(); event; event = this.mesh.nextEvent()) {
      if (event.type === 'fault') this.faults.push(event.fault);
      else if (event.type === 'send') this.sent.push(event);
      else if (event.type === 'address' && event.present) this.addresses.add(event.key);
      else if (event.type === 'address') this.addresses.delete(event.key);
    }
  }
}

const advertisement = (id: string, instance = 7, lsSeq = 1): RouterAdvertisement => ({
  opcode: 'RA',
  id,
  version: 1,
  instance,
  lsSeq,
  mobileSeq: 1,
});

describe('a router that is connected', () => {
  it('cannot say HELLO for another', () => {
    const victim = new Victim();
    victim.join(1, 'A');
    victim.hear(1, { opcode: 'HELLO', id: 'B', version: 1, instance: 7, seen: ['ME'] }, HELLO_ADDRESS, ['B']);
    expect(victim.faults).toEqual(['impersonation']);
    expect(victim.mesh.path('A')?.siteLink).toBe(1);
    expect(victim.mesh.path('B')).toBeUndefined();
  });

  it('cannot speak to all for a router that did not say it', () => {
    const victim = new Victim();
    victim.join(1, 'A');
    victim.join(2, 'B');
    victim.sent = [];
    victim.hear(1, advertisement('B', 7, 99), RA_ADDRESS, ['A']);
    expect(victim.faults).toEqual(['impersonation']);
    expect(victim.sent).toEqual([]);
  });

  it('cannot say that a neighbour has restarted whose link stands', () => {
    const victim = new Victim();
    victim.join(1, 'A');
    victim.join(2, 'B');
    victim.hear(2, { opcode: 'MAU', id: 'B', version: 2, mobileSeq: 1, add: [{ key: 'Mx' }], del: [] }, MAU_ADDRESS, [
      'B',
    ]);
    victim.hear(1, advertisement('B', 8), RA_ADDRESS, ['B', 'A']);
    expect(victim.faults).toEqual(['impersonation']);
    expect([...victim.addresses]).toEqual(['Mx']);
    expect(victim.mesh.routers().find(({ id }) => id === 'B')?.instance).toBe(7);
  });

  it('cannot send a message round that has gone in a circle', () => {
    const victim = new Victim();
    victim.join(1, 'A');
    victim.hear(1, advertisement('C'), RA_ADDRESS, ['C', 'D', 'C', 'A']);
    expect(victim.faults).toEqual(['loop']);
  });

  it('may have been sent to and fro what is for one router, while the way there changes', () => {
    const victim = new Victim();
    victim.join(1, 'A');
    victim.join(2, 'B');
    victim.sent = [];
    victim.hear(1, { opcode: 'LSR', id: 'A', version: 1 }, routerAddress('ME', 'qdrouter'), ['A', 'C', 'A']);
    expect(victim.faults).toEqual([]);
    expect(victim.sent.map(({ siteLink }) => siteLink)).toEqual([1]);
  });
});

describe('too much', () => {
  it('of routers that are nowhere leaves place for neighbours', () => {
    const victim = new Victim();
    victim.join(1, 'A');
    for (let count = 0; count < 200; count++)
      victim.hear(1, advertisement(`g${count}`), RA_ADDRESS, [`g${count}`, 'A']);
    expect(victim.faults.every((fault) => fault === 'routers')).toBe(true);
    expect(victim.mesh.routers()).toHaveLength(128);
    victim.join(2, 'B');
    expect(victim.mesh.path('B')).toMatchObject({ siteLink: 2 });
  });

  it('of routers that a link state names leaves a neighbour outside until there is room, and no longer', () => {
    const victim = new Victim();
    victim.join(1, 'A');
    const ghosts = Array.from({ length: 126 }, (_, at): [string, number] => [`g${at}`, 1]);
    const peers = new Map([...ghosts, ['ME', 1]]);
    const common = { opcode: 'LSU', id: 'A', version: 1, instance: 7 } as const;
    victim.hear(1, { ...common, lsSeq: 1, peers }, 'amqp:/_topo/0/ME/qdrouter', ['A']);
    victim.join(2, 'B');
    expect(victim.mesh.path('B')).toBeUndefined();
    victim.hear(1, { ...common, lsSeq: 2, peers: new Map([['ME', 1]]) }, 'amqp:/_topo/0/ME/qdrouter', ['A']);
    victim.run(6000, [
      [1, 'A'],
      [2, 'B'],
    ]);
    expect(victim.mesh.path('B')).toMatchObject({ siteLink: 2 });
  });

  it('of addresses is refused, for each router and for all behind a neighbour', () => {
    const victim = new Victim();
    victim.join(1, 'A');
    victim.join(2, 'B');
    const ghosts = ['g1', 'g2', 'g3'];
    const common = { opcode: 'LSU', version: 1, instance: 7, lsSeq: 1 } as const;
    const here = 'amqp:/_topo/0/ME/qdrouter';
    const peers = new Map([...ghosts, 'ME'].map((id) => [id, 1]));
    victim.hear(1, { ...common, id: 'A', peers }, here, ['A']);
    for (const id of ghosts) victim.hear(1, { ...common, id, peers: new Map([['A', 1]]) }, here, [id, 'A']);
    for (const id of ghosts) {
      const exist = Array.from({ length: 70_000 }, (_, at) => ({ key: `M${id}-${at}`, treatment: 3 }));
      victim.hear(1, { opcode: 'MAU', id, version: 2, mobileSeq: 1, exist }, 'amqp:/_topo/0/ME/qdrouter.ma', [id, 'A']);
    }
    expect(victim.addresses.size).toBe(ADDRESSES_PER_NEIGHBOUR_MAX);
    expect([...victim.addresses].filter((key) => key.startsWith('Mg1'))).toHaveLength(ADDRESSES_PER_ROUTER_MAX);
    victim.hear(2, { opcode: 'MAU', id: 'B', version: 2, mobileSeq: 1, add: [{ key: 'Mx' }], del: [] }, MAU_ADDRESS, [
      'B',
    ]);
    expect(victim.addresses.has('Mx')).toBe(true);
  });
});
