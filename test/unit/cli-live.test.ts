/** The live network as commands show it: tables, and pictures in three notations. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame } from '../../cli/commands/live/top.ts';
import { EventTeller } from '../../cli/output/event-teller.ts';
import { fittedTable } from '../../cli/output/fit.ts';
import { dotText } from '../../cli/output/graph/dot.ts';
import { type Graph, graphOf } from '../../cli/output/graph/graph.ts';
import { mermaidText } from '../../cli/output/graph/mermaid.ts';
import { svgText } from '../../cli/output/graph/svg.ts';
import { EventLines, FlowLines, flowTable, topText } from '../../cli/output/live.ts';
import { table } from '../../cli/output/table.ts';
import type { EventView, FlowView } from '../../console/model/view.ts';
import { ATTRIBUTE } from '../../lib/vanflow.ts';
import { NetworkWorld, WALL_MS } from '../support/network-world.ts';

function picture(more: (world: NetworkWorld) => void = () => undefined) {
  const world = new NetworkWorld();
  world.tellAll();
  more(world);
  return world.model.view(world.now);
}

const REFUSAL: EventView = {
  id: 1,
  at: WALL_MS,
  severity: 'warning',
  type: 'flow-refused',
  site: '',
  object: '',
  message: 'no',
  count: 3,
};
const FLOW: FlowView = {
  id: 'w:7',
  address: 'web',
  fromSite: 'w-site',
  toSite: 'e-site',
  client: '10.1.1.1:4000',
  server: '10.0.0.9:80',
  listener: 'web',
  connector: 'web',
  startedAt: WALL_MS,
  octets: 500,
  octetsBack: 2048,
  state: 'open',
};
const names = (site: string) => site.replace('w-site', 'west').replace('e-site', 'east');

describe('top', () => {
  it('links and services in columns', () => {
    expect(topText(picture(), WALL_MS + 65_005)).toBe(
      [
        '2 sites   2 routers   1 link   1 service',
        '',
        'LINK      FROM   TO     STATUS   COST   ROUND-TRIP   SENT    RECEIVED   SINCE   ENDPOINT             MESSAGE',
        'to-east   west   east   up       1      2.5 ms       0 B/s   0 B/s      1m5s    east.example:55671',
        '',
        'SERVICE   LISTENERS   CONNECTORS   OPEN   OPENED   REFUSED   NEW   TRAFFIC',
        'web       1           1            0      0        0         0/s   0 B/s',
        '',
      ].join('\n'),
    );
  });

  it('links that are down are counted and say why', () => {
    const text = topText(
      picture((world) => world.link({ [ATTRIBUTE.status]: 'down', [ATTRIBUTE.reason]: 'cut' })),
      WALL_MS,
    );
    expect(text).toMatch(/1 link, 1 down/);
    expect(text).toMatch(/to-east .* down .* cut\n/);
  });

  it('routers that cannot be reached are told, and since when', () => {
    const text = topText(
      picture((world) => world.model.reachable(new Set(['east']), world.now)),
      WALL_MS + 4000,
    );
    expect(text).toMatch(/^2 sites {3}2 routers, 1 gone {3}1 link, 1 down {3}1 service$/m);
    expect(text).toMatch(/^! Router west of site west cannot be reached since 4s: what it has does not count$/m);
    expect(text).toMatch(/^web +0 +1 /m);
  });

  it('a frame is no larger than the screen, and wipes what was there', () => {
    const lines = frame('aaaa\nbbbb\ncccc\ndddd\n', { columns: 3, rows: 3 }).split('\r\n');
    expect(lines).toEqual(['\x1b[Haaa\x1b[K', 'bbb\x1b[K', '...\x1b[K\x1b[J']);
  });
});

describe('flows and events', () => {
  it('lines whose columns stay where they are', () => {
    const refused = {
      ...FLOW,
      state: 'refused',
      endedAt: WALL_MS + 5,
      octets: 0,
      octetsBack: 0,
      reason: 'policy x',
    } as const;
    const [head, open, ended] = flowTable([FLOW, refused], names).split('\n');
    for (const column of ['STATE', 'CLIENT', 'SERVER', 'SENT']) {
      const at = head!.indexOf(column);
      expect([open![at - 1], ended![at - 1]]).toEqual([' ', ' ']);
      expect(open![at]).not.toBe(' ');
    }
    expect(open).toContain('2 KiB');
    expect(ended).toMatch(/refused .* west .* 5 ms {3}policy x$/);
  });

  it('a connection of which little is known yet', () => {
    expect(new FlowLines().line({ ...FLOW, toSite: '', server: '' }, names)).toMatch(
      /west +10\.1\.1\.1:4000 +- +- +500 B/,
    );
  });

  it('an event says how often', () => {
    expect(new EventLines().line(REFUSAL)).toMatch(/warning +flow-refused +no \(3 times\)$/);
  });

  it('that are followed are printed once both ends have told, and again now and then', () => {
    const teller = new EventTeller();
    const event = (id: number, count = 1) =>
      ({ id, at: id, severity: 'info', type: 't', site: '', object: 'o', message: 'm', count }) as const;
    const printed = (now: number) => teller.due(now).map(({ id, count }) => `${id} ${count}x`);
    teller.heard(event(2), 0);
    teller.heard(event(1), 500);
    expect(printed(900)).toEqual([]);
    teller.heard(event(2, 3), 950);
    expect(printed(1000)).toEqual(['2 3x']);
    teller.heard(event(2, 4), 1100);
    expect(printed(1500)).toEqual(['1 1x']);
    expect(printed(10_900)).toEqual([]);
    teller.heard(event(2, 9), 10_950);
    expect(printed(11_000)).toEqual(['2 9x']);
    expect(printed(60_000)).toEqual([]);
  });
});

describe('on a screen', () => {
  const refused: FlowView = {
    ...FLOW,
    address: 'a-service-with-a-long-name.of-a-namespace:8080',
    client: '[2001:db8:1234:5678:9abc:def0:1234:5678]:40000',
    state: 'refused',
    endedAt: WALL_MS + 5,
    reason: 'AccessPolicy/shop/only-north, rule 0, denies this: site west, namespace web, workload frontend may not',
  };
  const event = {
    ...REFUSAL,
    message: `Connection to web refused: ${refused.reason}; seen at the listener of west`,
  };
  const view = picture((world) => world.link({ [ATTRIBUTE.status]: 'down', [ATTRIBUTE.reason]: 'cut '.repeat(30) }));
  const shown = (width?: number): Record<string, string> => {
    const events = new EventLines(width);
    return {
      top: topText(view, WALL_MS + 4000, width),
      flows: flowTable([FLOW, refused], names, width),
      events: [events.heads, events.line(event)].join('\n'),
    };
  };

  it.each([80, 100, 120, 200])('of %i columns no line wraps', (width) => {
    for (const text of Object.values(shown(width))) {
      for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(width);
    }
  });

  it('what matters least gives way, and the reason of a refusal stands below', () => {
    expect(shown(80).flows!.split('\n')).toEqual([
      'TIME      STATE    SERVICE               FROM        CLIENT             TO',
      expect.stringMatching(/^\S+ +open +web +west +10\.1\.1\.1:4000 +east$/),
      expect.stringMatching(/^\S+ +refused +a-service-with-a-lo… +west +\[2001:db8:1234:5… +east$/),
      '    AccessPolicy/shop/only-north, rule 0, denies this: site west, namespace web,',
      '    workload frontend may not',
      '',
    ]);
    expect(shown(120).flows).toMatch(/^TIME +STATE +SERVICE +FROM +CLIENT +TO +SENT +RECEIVED +LASTED$/m);
    expect(shown(200).flows).toMatch(/ SERVER +SENT +RECEIVED +LASTED$/m);
  });

  it('an event goes on below', () => {
    const lines = shown(80).events!.split('\n');
    expect(lines[0]).toMatch(/^TIME +SEVERITY +MESSAGE$/);
    const words = lines.slice(1).map((line) => line.slice(lines[0]!.indexOf('MESSAGE')));
    expect(words.join(' ')).toBe(`${event.message} (3 times)`);
  });

  it('that is none, as for a script, everything is there, one line each', () => {
    const { top, flows, events } = shown();
    expect(
      flows!.split('\n').filter((line) => line.includes(refused.client) && line.endsWith(refused.reason!)),
    ).toHaveLength(1);
    expect(top).toContain('cut '.repeat(30).trim());
    expect(events!.split('\n')).toHaveLength(2);
  });

  it('however wide, a table fits as long as what may not be cut does', () => {
    const column = fc.record({
      head: fc.constantFrom('A', 'NAME', 'ENDPOINT'),
      least: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
      givesWay: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    });
    const cell = fc.stringMatching(/^[a-z]{0,20}( [a-z]{1,9}){0,3}$/);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(column, cell), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 1, max: 150 }),
        (given, width) => {
          const columns = given.map(([one], at) => ({ ...one, goesOn: at === given.length - 1 }));
          const text = fittedTable(columns, [given.map(([, text]) => text)], width);
          const firm = given
            .filter(([{ givesWay }]) => givesWay === undefined)
            .map(([{ head, least }, text]) =>
              Math.min(Math.max(head.length, text.length), Math.max(head.length, least ?? 99)),
            );
          const need = firm.reduce((sum, one) => sum + one + 3, -3);
          for (const line of text.trimEnd().split('\n')) expect(line.length).toBeLessThanOrEqual(Math.max(width, need));
          const whole = fittedTable(columns, [given.map(([, text]) => text)], Number.POSITIVE_INFINITY);
          expect(whole).toBe(
            table(
              columns.map(({ head }) => head),
              [given.map(([, text]) => text)],
            ),
          );
        },
      ),
      { numRuns: 500, seed: 1 },
    );
  });
});

describe('graph', () => {
  it('sites with their services, and links', () => {
    expect(graphOf(picture())).toEqual({
      sites: [
        { key: 's0', name: 'east', self: true, lines: ['east', 'offers web'] },
        { key: 's1', name: 'west', self: false, lines: ['west', 'uses web'] },
      ],
      links: [{ from: 's1', to: 's0', label: 'cost 1, 2.5 ms', isUp: true }],
    });
  });

  it('several links the same way are one arrow', () => {
    const graph = graphOf(
      picture((world) =>
        world.tell('w:0', {
          0: 2,
          1: 'w:9',
          [ATTRIBUTE.parent]: 'w:0',
          [ATTRIBUTE.name]: 'second',
          [ATTRIBUTE.status]: 'up',
          [ATTRIBUTE.peer]: 'e:1',
        }),
      ),
    );
    expect(graph.links).toEqual([expect.objectContaining({ from: 's1', to: 's0', label: '2 x cost 1, 2.5 ms' })]);
  });

  const odd: Graph = {
    sites: [
      { key: 's0', name: 'a"b\\c]<&>', self: false, lines: ['offers "x"\n|end'] },
      { key: 's1', name: 'z', self: true, lines: [] },
    ],
    links: [{ from: 's1', to: 's0', label: 'do"wn', isUp: false }],
  };

  it('dot', () => {
    expect(dotText(graphOf(picture()))).toBe(
      [
        'digraph network {',
        '  node [shape=box, style=rounded];',
        '  s0 [label="east\\neast\\noffers web", style="rounded,bold"];',
        '  s1 [label="west\\nwest\\nuses web"];',
        '  s1 -> s0 [label="cost 1, 2.5 ms"];',
        '}',
        '',
      ].join('\n'),
    );
    expect(dotText(odd)).toContain('label="a\\"b\\\\c]<&>\\noffers \\"x\\" |end"');
    expect(dotText(odd)).toContain('style=dashed, color=red');
  });

  it('mermaid', () => {
    expect(mermaidText(graphOf(picture()))).toBe(
      [
        'flowchart LR',
        '  s0["<b>east</b><br>east<br>offers web"]',
        '  s1["west<br>west<br>uses web"]',
        '  s1 -->|"cost 1, 2.5 ms"| s0',
        '',
      ].join('\n'),
    );
    const text = mermaidText(odd);
    expect(text).toContain('s0["a#34;b#92;c#93;#60;#38;#62;<br>offers #34;x#34;#10;#124;end"]');
    expect(text).toContain('linkStyle 0 stroke:red');
  });

  it('svg: the same each time, escaped, and no two boxes over each other', () => {
    const many: Graph = {
      sites: Array.from({ length: 25 }, (_, index) => ({
        key: `s${index}`,
        name: `site-${index}`,
        self: index === 0,
        lines: ['namespace, kubernetes', ...Array.from({ length: index % 9 }, (_, line) => `offers service-${line}`)],
      })),
      links: Array.from({ length: 24 }, (_, index) => ({
        from: `s${index + 1}`,
        to: `s${Math.floor(index / 3)}`,
        label: 'cost 1, 2.5 ms',
        isUp: index % 5 > 0,
      })),
    };
    const text = svgText(many);
    expect(svgText(many)).toBe(text);
    const boxes = [...text.matchAll(/<rect[^>]* x="([^"]+)" y="([^"]+)" width="([^"]+)" height="([^"]+)"/g)].map(
      ([, ...numbers]) => numbers.map(Number) as [number, number, number, number],
    );
    expect(boxes).toHaveLength(25);
    const view = /viewBox="([^"]+)"/.exec(text)![1]!.split(' ').map(Number) as [number, number, number, number];
    for (const [index, [x, y, width, height]] of boxes.entries()) {
      expect(x >= view[0] && y >= view[1] && x + width <= view[0] + view[2] && y + height <= view[1] + view[3]).toBe(
        true,
      );
      for (const [ox, oy, ow, oh] of boxes.slice(index + 1)) {
        expect(x + width < ox || ox + ow < x || y + height < oy || oy + oh < y).toBe(true);
      }
    }
    expect(svgText(odd)).toContain('a&quot;b\\c]&lt;&amp;&gt;');
    expect(svgText(odd)).not.toContain('<script');
  });

  it('a network of nobody is a picture too', () => {
    const nothing = { sites: [], links: [] };
    expect(svgText(nothing)).toMatch(/^<svg .*<\/svg>\n$/s);
    expect(dotText(nothing)).toContain('digraph');
    expect(mermaidText(nothing)).toBe('flowchart LR\n');
  });
});
