/** Edge routers that are lost: known by what can be sent to them, long before their heartbeats are missed. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ATTRIBUTE, RECORD_TYPE } from '../../lib/vanflow.ts';
import { NetworkWorld, WALL_MS } from '../support/network-world.ts';

describe('the picture of an edge router', () => {
  const EDGE = 'c:0';
  let world: NetworkWorld;
  const alive = ['w:0', 'e:0', EDGE];
  const goneSince = () => world.model.view(world.now).routers.find(({ name }) => name === 'corner')?.goneSince;
  const look = (takers?: readonly string[]) =>
    world.model.reachable(new Set(['east', 'west']), world.now, takers && new Set(takers));

  beforeEach(() => {
    world = new NetworkWorld();
    world.tellAll();
    world.hear('mc/sfe.all', 'BEACON', { id: EDGE });
    world.tell(EDGE, {
      0: RECORD_TYPE.router,
      1: EDGE,
      [ATTRIBUTE.parent]: 'c-site',
      [ATTRIBUTE.name]: '0/corner',
      [ATTRIBUTE.mode]: 'edge',
    });
    world.pass(6000, alive);
  });

  it('says that it is gone as soon as nothing can be sent to it, long before its heartbeats are missed', () => {
    expect(world.model.hasEdges).toBe(true);
    look(alive);
    world.pass(500, ['w:0', 'e:0']);
    look(['w:0', 'e:0']);
    expect(goneSince()).toBeUndefined();
    world.pass(1000, ['w:0', 'e:0']);
    look(['w:0', 'e:0']);
    expect(goneSince()).toBe(WALL_MS + world.now);
    world.pass(500, alive);
    look(alive);
    expect(goneSince()).toBeUndefined();
  });

  it('says nothing when it goes over to another uplink', () => {
    look(alive);
    world.pass(500, alive);
    look(['w:0', 'e:0']);
    world.pass(500, alive);
    look(alive);
    world.pass(500, alive);
    look(['w:0', 'e:0']);
    expect(goneSince()).toBeUndefined();
  });

  it('says nothing where its address was never seen, nor while addresses are not known', () => {
    for (const takers of [['w:0'], undefined, ['w:0']]) {
      look(takers);
      world.pass(2000, alive);
    }
    expect(goneSince()).toBeUndefined();
    look(alive);
    world.pass(2000, alive);
    look(undefined);
    expect(goneSince()).toBeUndefined();
  });
});
