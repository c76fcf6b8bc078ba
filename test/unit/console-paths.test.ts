/** Ways through the network as the page of a service shows them. */
import { describe, expect, it } from 'vitest';
import type { EndpointView, LinkView, RouterView } from '../../console/model/view.ts';
import { pathsOf } from '../../console/server/paths.ts';

const link = (from: string, to: string, cost = 1, status: 'up' | 'down' = 'up') =>
  ({ id: `${from}-${to}`, fromRouter: from, toRouter: to, cost, status }) as LinkView;
const end = (router: string) => ({ router, site: router.slice(0, 1) }) as EndpointView;
const router = (id: string, mode: 'interior' | 'edge' = 'interior') => ({ id, mode }) as RouterView;

const ROUTERS = ['a1', 'b1', 'c1', 'd1'].map((id) => router(id));

describe('the way from a listener to a connector', () => {
  it('is that of least cost, whoever has dialled its links', () => {
    const links = [link('a1', 'b1'), link('c1', 'b1'), link('a1', 'c1', 5)];
    expect(pathsOf({ links, routers: ROUTERS }, [end('a1')], [end('c1')])).toEqual([
      { fromSite: 'a', toSite: 'c', cost: 2, routers: ['a1', 'b1', 'c1'], links: ['a1-b1', 'c1-b1'] },
    ]);
  });

  it('leads around links that are down, and is none where there is no other', () => {
    const links = [link('a1', 'b1', 1, 'down'), link('a1', 'c1', 5), link('c1', 'b1', 5)];
    const [way] = pathsOf({ links, routers: ROUTERS }, [end('a1')], [end('b1')]);
    expect(way).toMatchObject({ cost: 10, routers: ['a1', 'c1', 'b1'] });
    expect(pathsOf({ links: [links[0]!], routers: ROUTERS }, [end('a1')], [end('b1')])).toEqual([]);
  });

  it('does not go through an edge router, but begins and ends there', () => {
    const routers = [router('a1', 'edge'), router('b1'), router('c1', 'edge')];
    const links = [link('a1', 'b1'), link('c1', 'b1')];
    expect(pathsOf({ links, routers }, [end('a1')], [end('c1')])).toHaveLength(1);
    const through = [link('b1', 'a1'), link('a1', 'c1')];
    expect(pathsOf({ links: through, routers }, [end('b1')], [end('c1')])).toEqual([]);
  });

  it('is nothing within one site, and one for each pair of sites', () => {
    const links = [link('a1', 'b1'), link('b1', 'c1')];
    const ways = pathsOf({ links, routers: ROUTERS }, [end('a1'), end('b1')], [end('a1'), end('c1')]);
    expect(ways.map(({ fromSite, toSite, cost }) => [fromSite, toSite, cost])).toEqual([
      ['a', 'a', 0],
      ['a', 'c', 2],
      ['b', 'a', 1],
      ['b', 'c', 1],
    ]);
  });

  it('is found soon in a network of 200 sites, each linked to each of four', () => {
    const ids = Array.from({ length: 200 }, (_, index) => `s${index}`);
    const links = ids.flatMap((id, index) => [1, 7, 31, 77].map((step) => link(id, ids[(index + step) % 200]!)));
    const ends = ids.map((id) => ({ router: id, site: id }) as EndpointView);
    const ways = pathsOf({ links, routers: ids.map((id) => router(id)) }, ends, [ends[0]!, ends[100]!]);
    expect(ways).toHaveLength(400);
    expect(ways.find(({ fromSite, toSite }) => fromSite === 's1' && toSite === 's0')).toMatchObject({ cost: 1 });
  });
});
