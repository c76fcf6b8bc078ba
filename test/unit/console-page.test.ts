/** What the console's page makes of a network before anything is drawn: groups, places, paths, words, and the state that changes build up. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NetworkAnswer } from '../../console/model/api.ts';
import { EventParser } from '../../console/page/live/event-parser.ts';
import { clutter } from '../../console/page/picture/clutter.ts';
import { buildGraph, edgeId } from '../../console/page/picture/graph.ts';
import { groupSites } from '../../console/page/picture/groups.ts';
import { labelSpots } from '../../console/page/picture/label-spots.ts';
import { arrange } from '../../console/page/picture/layout.ts';
import { serviceMarks } from '../../console/page/picture/marks.ts';
import { pathsFrom } from '../../console/page/picture/paths.ts';
import { href, inPicture, outOf, parseRoute, VIEWS } from '../../console/page/route.ts';
import { History } from '../../console/page/state/history.ts';
import { Network } from '../../console/page/state/network.ts';
import { linksDown, linksExpiring, serviceTroubles } from '../../console/page/state/trouble.ts';
import { duration, milliseconds, moment, rate, shortened, size } from '../../console/page/text/format.ts';
import { matches, words } from '../../console/page/text/search.ts';
import { manySites, twoSites } from '../support/console-fixture.ts';

const NOW = 1_800_000_000_000;

describe('groups', () => {
  it('few sites are seen one by one', () => {
    const { sites, links } = manySites(40, NOW);
    expect(groupSites(sites, links, 'auto')).toEqual([]);
  });

  it('many are gathered by what their names begin with', () => {
    const { sites, links } = manySites(200, NOW);
    const groups = groupSites(sites, links, 'auto');
    expect(groups.map(({ name, sites }) => [name, sites.length])).toContainEqual(['eu-west', 20]);
    expect(groups.flatMap(({ sites }) => sites).sort()).toEqual(sites.map(({ id }) => id).sort());
  });

  it('where names say nothing, by the site that they all link to', () => {
    const { sites, links } = manySites(200, NOW);
    const nameless = sites.map((site, index) => ({
      ...site,
      name: `${String.fromCharCode(97 + (index % 26))}${index}x`.repeat(2),
    }));
    const groups = groupSites(nameless, links, 'auto');
    const hubs = new Set(links.map(({ toSite }) => toSite));
    expect(groups.length).toBeLessThanOrEqual(hubs.size);
    expect(groups.length).toBeGreaterThan(1);
  });
});

describe('the graph', () => {
  it('has one line between two sites, with the traffic of all links as the line runs', () => {
    const { links, ...rest } = twoSites(NOW);
    const [one] = links;
    const back = {
      ...one!,
      id: 'back',
      fromSite: one!.toSite,
      toSite: one!.fromSite,
      status: 'down' as const,
      octetsPerSecond: 7,
      octetsBackPerSecond: 3,
    };
    const { edges } = buildGraph({ ...rest, links: [...links, back] }, [], undefined);
    expect(edges).toHaveLength(1);
    // East comes before west.
    expect(edges[0]).toMatchObject({
      from: 'site-east',
      to: 'site-west',
      health: 'partly',
      rate: 184_000 + 7,
      rateBack: 1_240_000 + 3,
      isDialled: true,
      isDialledBack: true,
    });
  });

  it('shows groups, but for the one that is open', () => {
    const network = manySites(200, NOW);
    const groups = groupSites(network.sites, network.links, 'name');
    const graph = buildGraph(network, groups, 'eu-west');
    expect(graph.nodes.filter(({ kind }) => kind === 'group')).toHaveLength(9);
    expect(graph.nodes.filter(({ kind }) => kind === 'site')).toHaveLength(20);
    expect(new Set(graph.edges.flatMap(({ from, to }) => [from, to])).size).toBe(29);
  });
});

describe('places', () => {
  const boxes = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ id: `s${index}`, width: 60, height: 40 }));
  const ring = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ from: `s${index}`, to: `s${(index + 1) % count}` }));
  const options = { aspect: 1.5, gap: 60, before: new Map() };

  it('are the same for the same graph', () => {
    expect(arrange(boxes(12), ring(12), options)).toEqual(arrange(boxes(12), ring(12), options));
  });

  it('stay, for whoever has one', () => {
    const before = arrange(boxes(12), ring(12), options);
    const after = arrange(boxes(14), [...ring(12), { from: 's12', to: 's3' }], { ...options, before });
    for (const [id, place] of before) expect(after.get(id)).toEqual(place);
    expect(after.size).toBe(14);
    const fewer = arrange(boxes(5), ring(5), { ...options, before });
    for (const [id, place] of fewer) expect(place).toEqual(before.get(id));
  });

  it.each([3, 6, 10, 16])('a ring of %i is drawn without lines that cross', (count) => {
    const places = arrange(boxes(count), ring(count), options);
    const discs = [...places].map(([id, place]) => ({ id, ...place, reach: 20 }));
    expect(clutter(discs, ring(count))).toBe(0);
  });

  it('are given anew when a line comes that crosses others, if there are better ones, and for no other line', () => {
    const ids = ['a', 'b', 'c', 'd'].map((id) => ({ id, width: 20, height: 20 }));
    const line = (from: string, to: string) => ({ from, to });
    const some = [line('a', 'b'), line('c', 'd')];
    const at = (x: number, y: number) => ({ x, y });
    const before = new Map([
      ['a', at(0, 0)],
      ['b', at(100, 0)],
      ['c', at(0, 100)],
      ['d', at(100, 100)],
    ]);
    const isNew = ({ from, to }: { from: string; to: string }) =>
      !some.some((each) => each.from === from && each.to === to);
    const place = (edges: typeof some) => arrange(ids, edges, { ...options, before, isNew });
    expect(place([...some, line('a', 'c')])).toEqual(before);
    const crossed = [...some, line('a', 'd'), line('b', 'c')];
    const after = place(crossed);
    expect(
      clutter(
        ids.map(({ id }) => ({ id, ...after.get(id)!, reach: 20 })),
        crossed,
      ),
    ).toBe(0);
    expect(arrange(ids, crossed, { ...options, before })).toEqual(before);
  });

  it('nobody stands on anybody', () => {
    for (const count of [2, 9, 40, 120]) {
      const places = [...arrange(boxes(count), ring(count), options).values()];
      for (const [index, one] of places.entries()) {
        for (const other of places.slice(index + 1))
          expect(Math.hypot(one.x - other.x, one.y - other.y)).toBeGreaterThan(40);
      }
    }
  });

  it('lie along the longer side of the screen', () => {
    const extent = (aspect: number) => {
      const [a, b] = [...arrange(boxes(2), ring(2), { ...options, aspect }).values()];
      return [Math.abs(a!.x - b!.x), Math.abs(a!.y - b!.y)] as const;
    };
    const [width, height] = extent(2);
    expect(width).toBeGreaterThan(10 * height);
    const [narrow, high] = extent(0.5);
    expect(high).toBeGreaterThan(10 * narrow);
  });

  it('nothing is placed nowhere', () => {
    expect(arrange([], [], options).size).toBe(0);
  });
});

describe('paths', () => {
  const { links, sites } = manySites(20, NOW);

  it('lead over the links that are up, by least cost', () => {
    const paths = pathsFrom(sites[0]!.id, links);
    const hops = paths.get('site-us-east-2') ?? [];
    expect(hops[0]!.from).toBe(sites[0]!.id);
    expect(hops.at(-1)!.to).toBe('site-us-east-2');
    for (const [index, hop] of hops.entries()) if (index > 0) expect(hop.from).toBe(hops[index - 1]!.to);
    const down = links.find(({ status }) => status === 'down')!;
    expect(paths.has(down.fromSite)).toBe(false);
  });

  it('a dearer link is not taken where a way around costs less', () => {
    const [one] = twoSites(NOW).links;
    const way = (from: string, to: string, cost: number) => ({
      ...one!,
      id: `${from}${to}`,
      fromSite: from,
      toSite: to,
      cost,
    });
    const hops = pathsFrom('a', [way('a', 'b', 5), way('a', 'c', 2), way('b', 'c', 2)]).get('b');
    expect(hops?.map(({ to }) => to)).toEqual(['c', 'b']);
  });

  it('what a service carries is seen on each line of its way, in its direction', () => {
    const { traffic, links } = twoSites(NOW);
    const marks = serviceMarks(traffic, [], links, (site) => site);
    const [one] = traffic;
    // The line runs from east to west.
    expect(marks.flows?.get(edgeId('site-east', 'site-west'))).toEqual({
      there: one!.octetsBackPerSecond,
      back: one!.octetsPerSecond,
    });
    expect([...marks.sites].sort()).toEqual(['site-east', 'site-west']);
  });
});

describe('the state', () => {
  const answer = (): NetworkAnswer => ({ ...twoSites(NOW), self: 'site-west', user: 'ada', readOnly: false, now: NOW });

  it('is the whole view, and then what changes', () => {
    const network = new Network();
    network.replace(answer());
    network.apply([
      { section: 'services', set: [{ address: 'new', flowsOpen: 1 }], gone: ['backend:8080'] },
      { section: 'sites', set: [], gone: ['site-east'] },
    ]);
    expect([...network.services.keys()]).toEqual(['new']);
    expect([...network.sites.keys()]).toEqual(['site-west']);
    expect(network.session).toEqual({ self: 'site-west', user: 'ada', readOnly: false });
    network.replace(answer());
    expect([...network.services.keys()]).toEqual(['backend:8080']);
  });

  it('of a section that it does not know, nothing is taken', () => {
    const network = new Network();
    network.replace(answer());
    network.apply([{ section: 'constructor' as 'sites', set: [{ id: 'x' }], gone: [] }]);
    expect(network.sites.size).toBe(2);
  });

  it('keeps so many events, and the latest', () => {
    const network = new Network();
    network.replace(answer());
    const [event] = answer().events;
    network.apply([
      { section: 'events', set: Array.from({ length: 3000 }, (_, index) => ({ ...event, id: 100 + index })), gone: [] },
    ]);
    expect(network.events.size).toBe(2000);
    expect(network.events.has(3099)).toBe(true);
  });

  it('rates are sampled every two seconds, and forgotten with what had them', () => {
    const history = new History();
    for (let now = 0; now < 10_000; now += 500) history.sample(now, [['a', now]]);
    expect(history.of('a')).toEqual([0, 2000, 4000, 6000, 8000]);
    history.sample(100_000, []);
    expect(history.of('a')).toEqual([]);
  });

  it('rates of before nobody looked are no part of the curve of now', () => {
    const history = new History();
    history.sample(0, [['a', 1]]);
    history.sample(2000, [['a', 2]]);
    history.sample(3_600_000, [['a', 3]]);
    expect(history.of('a')).toEqual([3]);
  });

  it('who comes next sees nothing of what the one before saw', () => {
    const network = new Network();
    network.replace(answer());
    network.clear();
    expect(network).toEqual(new Network());
  });
});

describe('what somebody should look at', () => {
  const seen = (change: Partial<NetworkAnswer>): Network => {
    const network = new Network();
    const answer = { ...twoSites(NOW), events: [], self: '', user: '', readOnly: false, now: NOW };
    network.replace({ ...answer, ...change });
    return network;
  };
  const [link] = twoSites(NOW).links;
  const [service] = twoSites(NOW).services;
  const refused = (at: number, count: number) => ({
    id: at,
    at,
    severity: 'warning' as const,
    type: 'flow-refused',
    site: '',
    object: 'service/backend:8080',
    message: '',
    count,
  });

  it('of links: those that are down, the latest first, and those whose certificate ends soon', () => {
    const down = { ...link!, status: 'down' as const };
    const links = [
      { ...down, id: 'a', statusSince: 1 },
      { ...down, id: 'b', statusSince: 2 },
      { ...link!, id: 'c', certificateExpiresAt: NOW + 20 * 86_400_000 },
    ];
    const network = seen({ links });
    expect(linksDown(network).map(({ id }) => id)).toEqual(['b', 'a']);
    expect(linksExpiring(network, NOW).map(({ id }) => id)).toEqual(['a', 'b']);
    expect(linksExpiring(network, NOW + 7 * 86_400_000).map(({ id }) => id)).toContain('c');
  });

  it('of services: those that have refused lately, not those that did once', () => {
    const events = [refused(NOW - 1000, 2), refused(NOW - 60_000, 1), refused(NOW - 3_600_000, 50)];
    expect([...serviceTroubles(seen({ events }), NOW).values()]).toEqual([
      { address: 'backend:8080', kind: 'refused', says: '3 refused lately' },
    ]);
    expect(serviceTroubles(seen({ events }), NOW + 600_001).size).toBe(0);
  });

  it('of services: those that somebody uses and nobody serves', () => {
    const kind = (listenerCount: number, connectorCount: number) =>
      serviceTroubles(seen({ services: [{ ...service!, listenerCount, connectorCount }] }), NOW).get('backend:8080')
        ?.kind;
    expect([kind(1, 0), kind(0, 0), kind(0, 1), kind(1, 1)]).toEqual(['unserved', undefined, undefined, undefined]);
  });

  it('a card shows the service that is in trouble, however many there are', () => {
    const { endpoints, ...rest } = twoSites(NOW);
    const many = Array.from({ length: 30 }, (_, index) => ({
      ...endpoints[0]!,
      id: `e${index}`,
      address: `s${index}`,
    }));
    const troubles = new Map([['s29', { says: '3 refused lately' }]]);
    const [east] = buildGraph({ ...rest, endpoints: many, troubles }, [], undefined).nodes;
    expect(east?.kind === 'site' && east.services[0]).toMatchObject({ address: 's29', trouble: '3 refused lately' });
  });
});

describe('server-sent events', () => {
  it('are the same in whatever pieces they come', () => {
    const text =
      'retry: 1000\n\nevent: network\ndata: {"a":1}\n\n: \n\nevent: changes\ndata: [1,\ndata: 2]\n\ndata: x\r\n\r\n';
    const wanted = [
      { name: 'network', data: '{"a":1}' },
      { name: 'changes', data: '[1,\n2]' },
      { name: 'message', data: 'x' },
    ];
    expect(new EventParser().receive(text)).toEqual(wanted);
    const cuts = fc.array(fc.nat(text.length), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, (places) => {
        const parser = new EventParser();
        const at = [0, ...places.sort((a, b) => a - b), text.length];
        const events = at.slice(1).flatMap((end, index) => parser.receive(text.slice(at[index], end)));
        expect(events).toEqual(wanted);
      }),
      { seed: 8, numRuns: 300 },
    );
  });
});

describe('words', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1500, '1.5 kB'],
    [12_345_678, '12.3 MB'],
    [999_900_000, '1 GB'],
  ])('%i octets are %s', (octets, text) => expect(size(octets)).toBe(text));

  it.each([
    [400, '400 ms'],
    [61_000, '1 min'],
    [3_600_000 * 5 + 60_000 * 4, '5 h 4 min'],
    [86_400_000 * 12 + 3_600_000, '12 d'],
  ])('%i ms are %s', (ms, text) => expect(duration(ms)).toBe(text));

  it('a time is as short as it is clear', () => {
    const noon = new Date(2026, 10, 22, 12, 0, 0).getTime();
    const hour = 3_600_000;
    expect(moment(noon - hour, noon)).toBe('11:00:00');
    expect(moment(noon - 13 * hour, noon)).toBe('Nov 21 23:00');
    expect(moment(new Date(2025, 0, 2, 3, 4, 5).getTime(), noon)).toBe('Jan 2 2025 03:04');
  });

  it('what is next to nothing is nothing', () => {
    expect(rate(0.2)).toBe('0');
    expect(milliseconds(undefined)).toBe('');
    expect(milliseconds(0.418)).toBe('0.42 ms');
  });

  it('a name that is too long keeps its beginning and its end, by which it differs from others', () => {
    expect(shortened('west', 4)).toBe('west');
    expect(shortened('skuprt.service/0f4c/shop/orders/8080', 16)).toBe('skuprt.s…rs/8080');
    expect(shortened('shop-of-the-town-01', 11)).not.toBe(shortened('shop-of-the-town-02', 11));
    expect(shortened('🚀🚀🚀🚀🚀', 3)).toBe('🚀…🚀');
  });

  it('a search finds what has all its words, somewhere', () => {
    expect(matches(words('EU  55671'), ['eu-west', 'host:55671'])).toBe(true);
    expect(matches(words('eu 8080'), ['eu-west', undefined, 'host:55671'])).toBe(false);
    expect(matches(words('  '), [])).toBe(true);
  });
});

describe('addresses', () => {
  it('say what is looked at, whatever its name', () => {
    fc.assert(
      fc.property(fc.constantFrom(...VIEWS), fc.string({ minLength: 1 }), fc.string(), (view, id, query) => {
        expect(parseRoute(href(view, id, { q: query }))).toEqual({
          view,
          id,
          params: query === '' ? {} : { q: query },
        });
      }),
      { seed: 8 },
    );
  });

  it('of what is chosen in the picture keep the group that is open, and how it is grouped', () => {
    const route = parseRoute('#/network?by=hub&group=eu-west&site=a');
    expect(parseRoute(inPicture(route, { link: 'l' })).params).toEqual({ by: 'hub', group: 'eu-west', link: 'l' });
    expect(parseRoute(inPicture(route, { group: 'lab' })).params).toEqual({ by: 'hub', group: 'lab' });
    const [once, twice] = [outOf(route), outOf(parseRoute(outOf(route)))];
    expect(parseRoute(once).params).toEqual({ by: 'hub', group: 'eu-west' });
    expect(parseRoute(twice).params).toEqual({ by: 'hub' });
  });

  it('that lead nowhere lead to the network', () => {
    expect(parseRoute('#/nowhere/x').view).toBe('network');
    expect(parseRoute('').view).toBe('network');
    expect(parseRoute('#/links/%E0%A4%A').id).toBe('%E0%A4%A');
  });
});

describe('labels of lines', () => {
  const across = { from: { x: 0, y: 0 }, to: { x: 600, y: 0 } };
  const down = { from: { x: 300, y: -300 }, to: { x: 300, y: 300 } };

  it('stand in the middle, and off it where two would cover each other', () => {
    expect(labelSpots([across])).toEqual([{ x: 300, y: 0 }]);
    const [first, second] = labelSpots([across, down]);
    expect(first).toEqual({ x: 300, y: 0 });
    expect(Math.abs(second!.y)).toBeGreaterThan(40);
  });

  it('stay in the middle where all places are taken', () => {
    expect(labelSpots([across, across, across, across]).at(-1)).toEqual({ x: 300, y: 0 });
  });
});
