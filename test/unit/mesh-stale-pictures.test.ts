/** How a mesh gets routers out of what they hold wrongly of the network: originals among them, which cannot by themselves. */
import { describe, expect, it } from 'vitest';
import { firstSequence } from '../../router/mesh/mesh.ts';
import { MeshPeer } from '../support/sim/mesh-peer.ts';

describe('a new link state', () => {
  it('is flooded before the RA that tells of it', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'A');
    peer.up(2);
    peer.hear(2, { opcode: 'HELLO', id: 'B', version: 1, instance: 7, seen: ['ME'] });
    const toA = peer.take().filter(({ siteLink, to }) => siteLink === 1 && to === 'amqp:/_topo/0/all/qdrouter');
    expect(toA.map(({ message }) => message)).toMatchObject([
      {
        opcode: 'LSU',
        id: 'ME',
        lsSeq: 2,
        peers: new Map([
          ['A', 1],
          ['B', 1],
        ]),
      },
      { opcode: 'RA', id: 'ME', lsSeq: 2 },
    ]);
  });

  it('that is flooded is heeded and passed on once', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'A');
    peer.meet(2, 'B');
    const flood = { opcode: 'LSU', id: 'C', version: 1, instance: 3, lsSeq: 5, peers: new Map([['A', 2]]) } as const;
    peer.hear(
      1,
      {
        ...flood,
        id: 'A',
        instance: 7,
        lsSeq: 9,
        peers: new Map([
          ['ME', 1],
          ['C', 2],
        ]),
      },
      ['A'],
      'amqp:/_topo/0/ME/qdrouter',
    );
    peer.take();
    peer.hear(1, flood, ['C', 'A'], 'amqp:/_topo/0/all/qdrouter');
    peer.hear(2, flood, ['C', 'A', 'B'], 'amqp:/_topo/0/all/qdrouter');
    expect(peer.mesh.path('C')?.cost).toBe(3);
    expect(peer.take('LSU').map(({ siteLink, message }) => [siteLink, message.id])).toEqual([[2, 'C']]);
  });
});

describe('a message for another router', () => {
  it('goes on as from here, since originals drop what by their pictures would not pass them', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'A');
    peer.meet(2, 'B');
    peer.hear(1, { opcode: 'LSR', id: 'A', version: 1 }, ['A'], 'amqp:/_topo/0/B/qdrouter');
    expect(peer.take('LSR')).toMatchObject([
      { siteLink: 2, ingress: '0/ME', trace: ['0/A', '0/ME'], message: { id: 'A' } },
    ]);
  });

  it('is heeded though it comes as from the router before', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'A');
    const annotated = { opcode: 'LSR', id: 'C', version: 1 } as const;
    peer.hear(1, annotated, ['C', 'A'], 'amqp:/_topo/0/ME/qdrouter');
    expect(peer.mesh.stats.malformed).toBe(0);
    expect(peer.mesh.routers().map(({ id }) => id)).toContain('C');
  });
});

describe('a router that may have restarted', () => {
  it('is asked for all its addresses once its path was lost, though its instance and sequences are the same', () => {
    const peer = new MeshPeer('ME');
    peer.meet(1, 'A');
    const told = { opcode: 'RA', id: 'A', version: 1, instance: 7, lsSeq: 1, mobileSeq: 1 } as const;
    const addresses = (key: string) =>
      ({ opcode: 'MAU', id: 'A', version: 2, mobileSeq: 1, exist: [{ key, treatment: 3 }] }) as const;
    const peers = new Map([['ME', 1]]);
    peer.hear(
      1,
      { opcode: 'LSU', id: 'A', version: 1, instance: 7, lsSeq: 1, peers },
      ['A'],
      'amqp:/_topo/0/ME/qdrouter',
    );
    peer.hear(1, told);
    peer.hear(1, addresses('Mold'), ['A'], 'amqp:/_topo/0/ME/qdrouter.ma');
    expect(peer.takeAddresses()).toEqual(['+Mold A']);
    peer.down(1);
    peer.meet(2, 'A');
    peer.advance(200);
    expect(peer.take('MAR').at(-1)?.message).toMatchObject({ haveSeq: 0 });
    peer.hear(2, addresses('Mnew'), ['A'], 'amqp:/_topo/0/ME/qdrouter.ma');
    expect(peer.takeAddresses()).toEqual(['-Mold A', '+Mnew A']);
    peer.advance(500);
    expect(peer.take('MAR')).toEqual([]);
  });

  it('counts on from its former life, also within one second', () => {
    const [first, second] = [firstSequence(1_800_000_000_123), firstSequence(1_800_000_000_567)];
    expect(second).toBeGreaterThan(first);
    expect(second + 1000).toBeLessThan(2 ** 31);
  });
});
