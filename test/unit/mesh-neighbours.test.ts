import { describe, expect, it } from 'vitest';
import { amqp } from '../../router/amqp/codec/value.ts';
import { HELLO_ADDRESS } from '../../router/mesh/destinations.ts';
import type { Hello, LinkStateUpdate } from '../../router/mesh/messages.ts';
import { MeshPeer } from '../support/sim/mesh-peer.ts';

const hello = (id: string, ...seen: string[]): Hello => ({ opcode: 'HELLO', id, version: 1, instance: 7, seen });

function linkState(id: string, lsSeq: number, peers: Record<string, number>, instance = 7): LinkStateUpdate {
  return { opcode: 'LSU', id, version: 1, instance, lsSeq, peers: new Map(Object.entries(peers)) };
}

describe('several site links to one router', () => {
  it('at the same cost the one of higher precedence is used', () => {
    const peer = new MeshPeer('ME');
    peer.up(1);
    peer.hear(1, hello('B', 'ME'));
    peer.up(2, 1, 1);
    peer.hear(2, hello('B', 'ME'));
    expect(peer.mesh.path('B')).toMatchObject({ siteLink: 2 });
  });

  it('one that gets dearer gives way to the other, and others are told', () => {
    const peer = new MeshPeer('ME');
    peer.up(1);
    peer.up(2);
    for (const link of [1, 2]) peer.hear(link, hello('B', 'ME'));
    expect(peer.mesh.path('B')).toMatchObject({ siteLink: 1, cost: 1 });
    peer.setCost(1, 5);
    peer.take();
    expect(peer.mesh.path('B')).toMatchObject({ siteLink: 2, cost: 1 });
    peer.setCost(2, 7);
    expect(peer.take().map(({ message }) => message.opcode)).toContain('RA');
    expect(peer.mesh.path('B')).toMatchObject({ siteLink: 1, cost: 5 });
  });
});

describe('HELLO', () => {
  it('is said as soon as a site link is up, then every second', () => {
    const peer = new MeshPeer('ME');
    peer.up(1);
    expect(peer.take()).toMatchObject([{ siteLink: 1, to: HELLO_ADDRESS, trace: ['0/ME'], message: { seen: [] } }]);
    peer.advance(3000);
    expect(peer.take('HELLO')).toHaveLength(3);
  });

  it('answers the first one of a neighbour at once, and the second not', () => {
    const peer = new MeshPeer('ME');
    peer.up(1);
    peer.take();
    peer.hear(1, hello('B'));
    expect(peer.take()).toMatchObject([{ message: { opcode: 'HELLO', seen: ['B'] } }]);
    peer.hear(1, hello('B', 'ME'));
    expect(peer.take('HELLO')).toEqual([]);
  });

  it('makes a neighbour only of who says that it hears us', () => {
    const peer = new MeshPeer('ME');
    peer.up(1);
    peer.hear(1, hello('B', 'C'));
    expect(peer.mesh.path('B')).toBeUndefined();
    peer.take();
    peer.hear(1, hello('B', 'ME'));
    expect(peer.mesh.path('B')).toMatchObject({ siteLink: 1, cost: 1 });
    expect(peer.take().map(({ message }) => message.opcode)).toEqual(['LSU', 'LSR', 'RA']);
  });

  it('is accepted without router annotations', () => {
    const peer = new MeshPeer('ME');
    peer.up(1);
    const seen = amqp.list([amqp.string('ME')]);
    const body = amqp.map([
      [amqp.string('id'), amqp.string('B')],
      [amqp.string('seen'), seen],
    ]);
    peer.hearRaw(1, 'HELLO', HELLO_ADDRESS, body);
    expect(peer.mesh.path('B')?.siteLink).toBe(1);
  });

  it('of a router with our id is ignored and counted', () => {
    const peer = new MeshPeer('ME');
    peer.up(1);
    peer.hear(1, hello('ME', 'ME'));
    expect(peer.mesh.routers()).toHaveLength(1);
    expect(peer.mesh.stats.duplicateId).toBe(1);
  });
});

describe('a neighbour', () => {
  it('is lost at once when its site link goes down', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B');
    peer.down(1);
    expect(peer.mesh.path('B')).toBeUndefined();
    expect(peer.mesh.routers()[0]?.linkState).toEqual([]);
  });

  it('is lost after three seconds of silence', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B');
    peer.advance(2999);
    expect(peer.mesh.path('B')).toBeDefined();
    peer.advance(1);
    expect(peer.mesh.path('B')).toBeUndefined();
  });

  it('with two site links is reached by the cheaper, then by the lower number, and by the other as soon as one is gone', () => {
    const peer = new MeshPeer('ME');
    peer.meet(3, 'B', 2);
    peer.meet(2, 'B', 2);
    expect(peer.mesh.path('B')).toMatchObject({ siteLink: 2, cost: 2 });
    peer.meet(4, 'B', 1);
    expect(peer.mesh.path('B')).toMatchObject({ siteLink: 4, cost: 1 });
    peer.down(4);
    expect(peer.mesh.path('B')).toMatchObject({ siteLink: 2, cost: 2 });
    const [advertisement] = peer.take('RA');
    expect(advertisement).toMatchObject({ siteLink: 2, message: { lsSeq: 3 } });
    peer.down(2);
    expect(peer.mesh.path('B')).toMatchObject({ siteLink: 3, cost: 2 });
    expect(peer.take('RA'), 'same cost: no new link state').toEqual([]);
  });

  it('of another protocol version is ignored', () => {
    const peer = new MeshPeer('ME');
    peer.up(1);
    peer.hear(1, { ...hello('B', 'ME'), version: 2 });
    expect(peer.mesh.path('B')).toBeUndefined();
    expect(peer.mesh.stats.incompatible).toBe(1);
  });
});

describe('link states', () => {
  it('are given to whoever asks, every time', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B', 4);
    for (let i = 0; i < 3; i++) {
      peer.hear(1, { opcode: 'LSR', id: 'B', version: 1 });
      expect(peer.take()).toMatchObject([
        { siteLink: 1, to: 'amqp:/_topo/0/B/qdrouter', message: { opcode: 'LSU', lsSeq: 1, instance: 100 } },
      ]);
    }
  });

  it('are given to a router that asked before there was a way to it, as soon as there is', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B');
    peer.hear(1, { opcode: 'LSR', id: 'C', version: 1 }, ['C', 'B']);
    expect(peer.take('LSU')).toEqual([]);
    peer.hear(1, linkState('B', 1, { ME: 1, C: 1 }));
    expect(peer.take('LSU')).toMatchObject([{ siteLink: 1, to: 'amqp:/_topo/0/C/qdrouter' }]);
  });

  it('are asked for when an RA shows a newer one, and again until they come', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B');
    peer.hear(1, linkState('B', 1, { ME: 1 }));
    peer.take();
    peer.hear(1, { opcode: 'RA', id: 'B', version: 1, instance: 7, lsSeq: 2, mobileSeq: 0 });
    expect(peer.take('LSR')).toHaveLength(1);
    peer.advance(350);
    expect(peer.take('LSR')).toHaveLength(2);
    peer.hear(1, linkState('B', 2, { ME: 1, C: 5 }));
    expect(peer.mesh.path('C')).toMatchObject({ siteLink: 1, cost: 6 });
    peer.advance(2000);
    expect(peer.take('LSR').filter(({ to }) => to.includes('/B/'))).toEqual([]);
  });

  it('are not taken twice, nor an older one', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B');
    peer.hear(1, linkState('B', 5, { ME: 1, C: 1 }));
    peer.hear(1, linkState('B', 4, { ME: 1 }));
    expect(peer.mesh.path('C')).toBeDefined();
  });

  it('of the life before a restart are not taken after it', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B');
    peer.hear(1, linkState('B', 9, { ME: 1, C: 1 }));
    peer.hear(1, { opcode: 'RA', id: 'B', version: 1, instance: 8, lsSeq: 1, mobileSeq: 0 });
    peer.hear(1, linkState('B', 9, { ME: 1, C: 1 }, 7));
    expect(peer.mesh.path('C')).toBeUndefined();
    peer.hear(1, linkState('B', 1, { ME: 1, D: 1 }, 8));
    expect(peer.mesh.path('D')).toBeDefined();
  });

  it('are forgotten when no RA came for a minute, and the router too when nobody names it', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B');
    peer.hear(1, linkState('B', 1, { ME: 1, C: 1 }));
    peer.hear(1, linkState('C', 1, { B: 1, D: 1 }), ['C', 'B']);
    expect(peer.mesh.path('D')).toBeDefined();
    for (let second = 0; second < 66; second++) {
      peer.advance(1000);
      peer.hear(1, hello('B', 'ME'));
      if (second % 10 === 0) {
        peer.hear(1, { opcode: 'RA', id: 'B', version: 1, instance: 7, lsSeq: 1, mobileSeq: 0 });
      }
    }
    expect(peer.mesh.path('C'), 'named by B').toBeDefined();
    expect(peer.mesh.path('D')).toBeUndefined();
    expect(peer.mesh.routers().map(({ id }) => id)).toEqual(['ME', 'B', 'C']);
  });

  it('give one topology event a drain, none when nothing changed', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B');
    peer.told = [];
    peer.hear(1, linkState('B', 1, { ME: 1 }));
    expect(peer.told).toEqual([]);
    peer.hear(1, linkState('B', 2, { ME: 1, C: 1, D: 1 }));
    expect(peer.told).toEqual([{ type: 'topology' }]);
  });

  it('of more than 128 routers are not taken in', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B');
    const many = (prefix: string): Record<string, number> =>
      Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`${prefix}${i}`, 1]));
    peer.hear(1, linkState('B', 1, { ME: 1, C: 1, ...many('x') }));
    peer.hear(1, linkState('C', 1, { B: 1, ...many('y') }), ['C', 'B']);
    expect(peer.mesh.routers()).toHaveLength(128);
    expect(new Set(peer.mesh.routers().map(({ index }) => index)).size).toBe(128);
    expect(peer.mesh.stats.routersRefused).toBe(75);
  });
});

describe('RA', () => {
  it('is repeated every 4 s for 8 s after a change, then every 30 s', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B');
    const times: number[] = [];
    for (let second = 1; second <= 80; second++) {
      peer.advance(1000);
      peer.hear(1, hello('B', 'ME'));
      if (peer.take('RA').length > 0) times.push(second);
    }
    expect(times).toEqual([4, 8, 38, 68]);
  });

  it('of others is passed on to the neighbours that it has not met, once, with us in the trace', () => {
    const peer = new MeshPeer('ME');
    for (const [siteLink, id] of [
      [1, 'B'],
      [2, 'C'],
      [3, 'D'],
    ] as const)
      peer.meet(siteLink, id);
    const advertisement = { opcode: 'RA', id: 'X', version: 1, instance: 1, lsSeq: 1, mobileSeq: 0 } as const;
    peer.hear(1, advertisement, ['X', 'B']);
    const passed = peer.take('RA');
    expect(passed.map(({ siteLink }) => siteLink)).toEqual([2, 3]);
    expect(passed[0]?.trace).toEqual(['0/X', '0/B', '0/ME']);
    peer.hear(2, advertisement, ['X', 'C']);
    expect(peer.take('RA'), 'a copy').toEqual([]);
    expect(peer.mesh.stats.copies).toBe(1);
  });

  it('is passed on beyond the radius known here, and not when it was here', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B');
    peer.meet(2, 'C');
    const advertisement = { opcode: 'RA', id: 'X', version: 1, instance: 1, lsSeq: 1, mobileSeq: 0 } as const;
    peer.hear(1, advertisement, ['X', 'Y', 'B']);
    peer.hear(1, { ...advertisement, lsSeq: 2 }, ['X', 'ME', 'B']);
    expect(peer.take('RA').map(({ siteLink, trace }) => [siteLink, trace])).toEqual([
      [2, ['0/X', '0/Y', '0/B', '0/ME']],
    ]);
    expect(peer.mesh.stats.looped).toBe(1);
  });
});

describe('messages to another router', () => {
  it('go on by the next hop as from here, unchanged behind their annotations', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B');
    peer.meet(2, 'C');
    const request = { opcode: 'LSR', id: 'B', version: 1 } as const;
    peer.hear(1, request, ['B'], 'amqp:/_topo/0/C/qdrouter');
    expect(peer.take()).toEqual([
      { siteLink: 2, to: 'amqp:/_topo/0/C/qdrouter', ingress: '0/ME', trace: ['0/B', '0/ME'], message: request },
    ]);
  });

  it('that cannot be reached are dropped and counted', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'B');
    peer.hear(1, { opcode: 'LSR', id: 'B', version: 1 }, ['B'], 'amqp:/_topo/0/nowhere/qdrouter');
    expect(peer.take()).toEqual([]);
    expect(peer.mesh.stats.undeliverable).toBe(1);
  });
});
