import { describe, expect, it } from 'vitest';
import { computeDetours, computePaths, type LinkStates } from '../../router/mesh/paths.ts';

/** `A-B:2` is a link of cost 2 both ways; `A>B:2` an entry of A alone. */
function linkStates(...links: string[]): LinkStates {
  const states = new Map<string, Map<string, number>>();
  const enter = (from: string, to: string, cost: number): void => {
    const peers = states.get(from) ?? new Map<string, number>();
    states.set(from, peers.set(to, cost));
  };
  for (const link of links) {
    const [, from, direction, to, cost] = /^(\w+)([->])(\w+)(?::(\d+))?$/.exec(link) ?? [];
    if (from === undefined || to === undefined) throw new Error(link);
    enter(from, to, Number(cost ?? 1));
    if (direction === '-') enter(to, from, Number(cost ?? 1));
  }
  return states;
}

function origins(self: string, states: LinkStates, destination: string): string[] {
  return [...(computePaths(self, states).byRouter.get(destination)?.validOrigins ?? [])].sort();
}

describe('shortest paths', () => {
  it('go by cost and not by hops', () => {
    const { byRouter, radius } = computePaths('A', linkStates('A-D:10', 'A-B:2', 'B-C:2', 'C-D:2'));
    expect(byRouter.get('D')).toMatchObject({ nextHop: 'B', cost: 6, hops: 3 });
    expect(radius).toBe(3);
  });

  it('take the predecessor with the lower id of two at the same cost', () => {
    expect(computePaths('A', linkStates('A-C', 'A-B', 'C-D', 'B-D')).byRouter.get('D')?.nextHop).toBe('B');
  });

  it('take the predecessor that is nearer, whatever its id', () => {
    const states = linkStates('A-Z:1', 'A-B:2', 'Z-D:2', 'B-D:1');
    expect(computePaths('A', states).byRouter.get('D')).toMatchObject({ nextHop: 'Z', cost: 3 });
  });

  it('use the cost that each router itself gives', () => {
    const states = linkStates('A>B:5', 'B>A:1', 'A-C:1', 'C-B:1');
    expect(computePaths('A', states).byRouter.get('B')).toMatchObject({ nextHop: 'C', cost: 2 });
    expect(computePaths('B', states).byRouter.get('A')).toMatchObject({ nextHop: 'A', cost: 1 });
  });

  it('lead to a peer whose own link state is not known', () => {
    expect(computePaths('A', linkStates('A-B', 'B>C:7')).byRouter.get('C')).toMatchObject({ nextHop: 'B', cost: 8 });
  });

  it('do not exist to a router that nobody reaches, though it names others', () => {
    const { byRouter } = computePaths('A', linkStates('A-B', 'C>B'));
    expect([...byRouter.keys()]).toEqual(['B']);
  });
});

describe('valid origins', () => {
  it('are all routers on the near side of a chain, and this one', () => {
    const states = linkStates('A-B', 'B-C', 'C-D');
    expect(origins('C', states, 'D')).toEqual(['A', 'B', 'C']);
    expect(origins('B', states, 'A')).toEqual(['B', 'C', 'D']);
    expect(origins('A', states, 'D')).toEqual(['A']);
  });

  it('give each origin one way to each destination in a square of equal costs', () => {
    const states = linkStates('A-B', 'B-D', 'A-C', 'C-D');
    expect(origins('B', states, 'D')).toEqual(['A', 'B']);
    expect(origins('C', states, 'D')).toEqual(['C']);
    expect(origins('B', states, 'A')).toEqual(['B', 'D']);
    expect(origins('C', states, 'A')).toEqual(['C']);
  });

  it('leave out who goes by a cheaper way', () => {
    const states = linkStates('A-B:1', 'B-C:1', 'A-C:1', 'C-D:1');
    expect(origins('B', states, 'D')).toEqual(['B']);
    expect(origins('C', states, 'D')).toEqual(['A', 'B', 'C']);
  });
});

describe('detours', () => {
  const ring = new Map([
    [
      'A',
      new Map([
        ['B', 1],
        ['D', 2],
      ]),
    ],
    [
      'B',
      new Map([
        ['A', 1],
        ['C', 1],
      ]),
    ],
    [
      'C',
      new Map([
        ['B', 1],
        ['D', 2],
      ]),
    ],
    [
      'D',
      new Map([
        ['A', 2],
        ['C', 2],
      ]),
    ],
  ]);

  it('are the neighbours that do not lead back, the cheapest first', () => {
    const detours = computeDetours('A', ring, ring.get('A')!, 'C');
    expect(detours).toEqual([
      { neighbour: 'B', cost: 2 },
      { neighbour: 'D', cost: 4 },
    ]);
  });

  it('leave out a neighbour whose own way leads back here', () => {
    const far = new Map(ring)
      .set(
        'D',
        new Map([
          ['A', 2],
          ['C', 5],
        ]),
      )
      .set(
        'C',
        new Map([
          ['B', 1],
          ['D', 5],
        ]),
      );
    expect(computeDetours('A', far, ring.get('A')!, 'C')).toEqual([{ neighbour: 'B', cost: 2 }]);
    expect(computeDetours('A', far, ring.get('A')!, 'nowhere')).toEqual([]);
  });
});
