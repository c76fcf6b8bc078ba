import { describe, expect, it } from 'vitest';
import type { MobileAddressUpdate, RouterAdvertisement } from '../../router/mesh/messages.ts';
import { MeshPeer } from '../support/sim/mesh-peer.ts';

const advertisement = (id: string, mobileSeq: number, instance = 7): RouterAdvertisement => ({
  opcode: 'RA',
  id,
  version: 1,
  instance,
  lsSeq: 0,
  mobileSeq,
});

function absolute(id: string, mobileSeq: number, ...keys: string[]): MobileAddressUpdate {
  return { opcode: 'MAU', id, version: 2, mobileSeq, exist: keys.map((key) => ({ key, treatment: 3 })) };
}

function differential(id: string, mobileSeq: number, add: string[], del: string[] = []): MobileAddressUpdate {
  return { opcode: 'MAU', id, version: 2, mobileSeq, add: add.map((key) => ({ key, treatment: 3 })), del };
}

function withNeighbour(): MeshPeer {
  const peer = new MeshPeer('ME');
  peer.meet(1, 'B');
  return peer;
}

const toMe = 'amqp:/_topo/0/ME/qdrouter.ma';

describe("this router's addresses", () => {
  it('changed before a drain make one MAU, then the RA that tells its sequence', () => {
    const peer = withNeighbour();
    for (const key of ['Ma', 'Mb', 'Mc']) peer.mesh.setLocalAddress(key, 3);
    peer.mesh.deleteLocalAddress('Mb');
    peer.drain();
    const add = [
      { key: 'Ma', treatment: 3 },
      { key: 'Mc', treatment: 3 },
    ];
    expect(peer.take()).toMatchObject([
      { to: '_topo/0/all/qdrouter.ma', message: { opcode: 'MAU', mobileSeq: 1, add, del: [] } },
      { to: 'amqp:/_topo/0/all/qdrouter', message: { opcode: 'RA', mobileSeq: 1 } },
    ]);
  });

  it('changed back before a drain say nothing', () => {
    const peer = withNeighbour();
    peer.mesh.setLocalAddress('Ma', 3);
    peer.drain();
    peer.take();
    peer.mesh.deleteLocalAddress('Ma');
    peer.mesh.setLocalAddress('Ma', 3);
    peer.mesh.deleteLocalAddress('Mnever');
    peer.drain();
    expect(peer.take()).toEqual([]);
  });

  it('are given whole to a router that is behind, and not to one that is not', () => {
    const peer = withNeighbour();
    peer.mesh.setLocalAddress('Ma', 3);
    peer.mesh.setLocalAddress('Mb', 1);
    peer.drain();
    peer.mesh.deleteLocalAddress('Ma');
    peer.drain();
    peer.take();
    peer.hear(1, { opcode: 'MAR', id: 'B', version: 2, haveSeq: 1 });
    const exist = [{ key: 'Mb', treatment: 1 }];
    expect(peer.take()).toMatchObject([{ to: 'amqp:/_topo/0/B/qdrouter.ma', message: { mobileSeq: 2, exist } }]);
    peer.hear(1, { opcode: 'MAR', id: 'B', version: 2, haveSeq: 2 });
    peer.hear(1, { opcode: 'MAR', id: 'stranger', version: 2, haveSeq: 0 });
    expect(peer.take()).toEqual([]);
  });
});

describe("another router's addresses", () => {
  it('are asked for once when its RA shows that there are more', () => {
    const peer = withNeighbour();
    peer.hear(1, advertisement('B', 4));
    peer.hear(1, advertisement('B', 5));
    expect(peer.take('MAR')).toMatchObject([{ to: 'amqp:/_topo/0/B/qdrouter.ma', message: { haveSeq: 0 } }]);
    peer.hear(1, absolute('B', 5, 'Mx', 'My'), ['B'], toMe);
    expect(peer.takeAddresses()).toEqual(['+Mx B', '+My B']);
    peer.advance(2000);
    expect(peer.take('MAR')).toEqual([]);
  });

  it('change by the next update, and by no other', () => {
    const peer = withNeighbour();
    peer.hear(1, absolute('B', 5, 'Mx', 'My'), ['B'], toMe);
    peer.takeAddresses();
    peer.hear(1, differential('B', 6, ['Mz'], ['Mx']));
    expect(peer.takeAddresses()).toEqual(['-Mx B', '+Mz B']);
    peer.take();
    peer.hear(1, differential('B', 6, ['Mw']));
    expect(peer.take('MAR'), 'seen before').toEqual([]);
    peer.hear(1, differential('B', 8, ['Mv']));
    peer.hear(1, differential('B', 9, ['Mu']));
    expect(peer.take('MAR'), 'one is missing').toMatchObject([{ message: { haveSeq: 6 } }]);
    expect(peer.takeAddresses()).toEqual([]);
  });

  it('are exactly those of an absolute update, whatever its sequence', () => {
    const peer = withNeighbour();
    peer.hear(1, absolute('B', 5, 'Mx', 'My'), ['B'], toMe);
    peer.takeAddresses();
    peer.hear(1, absolute('B', 3, 'My', 'Mz'), ['B'], toMe);
    expect(peer.takeAddresses()).toEqual(['-Mx B', '+Mz B']);
  });

  it('are ignored as long as the router is unknown', () => {
    const peer = withNeighbour();
    peer.hear(1, absolute('stranger', 1, 'Mx'), ['stranger', 'B'], toMe);
    expect(peer.takeAddresses()).toEqual([]);
    expect(peer.mesh.stats.unknownRouter).toBe(1);
  });

  it('go when it restarts, and are asked for anew', () => {
    const peer = withNeighbour();
    peer.hear(1, advertisement('B', 5));
    peer.hear(1, absolute('B', 5, 'Mx'), ['B'], toMe);
    peer.takeAddresses();
    peer.take();
    peer.hear(1, { opcode: 'HELLO', id: 'B', version: 1, instance: 8, seen: ['ME'] });
    expect(peer.takeAddresses()).toEqual(['-Mx B']);
    peer.hear(1, advertisement('B', 2, 8));
    expect(peer.take('MAR')).toMatchObject([{ message: { haveSeq: 0 } }]);
  });

  it('go a second after the last way to it is lost, and stay if another is found within', () => {
    const peer = withNeighbour();
    peer.hear(1, absolute('B', 5, 'Mx'), ['B'], toMe);
    peer.takeAddresses();
    peer.down(1);
    peer.advance(900);
    peer.meet(2, 'B');
    peer.advance(1000);
    expect(peer.takeAddresses()).toEqual([]);
    peer.down(2);
    peer.advance(999);
    expect(peer.takeAddresses()).toEqual([]);
    peer.advance(1);
    expect(peer.takeAddresses()).toEqual(['-Mx B']);
  });

  it('are asked for whole when its RA shows fewer changes than are known', () => {
    const peer = withNeighbour();
    peer.hear(1, absolute('B', 9, 'Mold'), ['B'], toMe);
    peer.take();
    peer.hear(1, advertisement('B', 3));
    expect(peer.take('MAR')).toMatchObject([{ message: { haveSeq: 0 } }]);
    peer.hear(1, absolute('B', 3, 'Mnew'), ['B'], toMe);
    expect(peer.takeAddresses()).toEqual(['+Mold B', '-Mold B', '+Mnew B']);
  });
});
