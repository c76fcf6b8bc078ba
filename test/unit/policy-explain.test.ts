/** `policy explain` where sites cannot be read: which routers are asked about what, and what their answers, or none, mean. */
import { describe, expect, it } from 'vitest';
import { resourceNameOf } from '../../config/router-config.ts';
import { type AnsweredEnd, answeredEnds, type RouterAnswer, routerQuestions } from '../../lib/policy/asked.ts';
import { explain } from '../../lib/policy/explain.ts';
import { explanationLines } from '../../lib/policy/explanation-text.ts';
import { knownSites, knowsSite, type Question, type SeenPlace, type SeenSite } from '../../lib/policy/seen.ts';
import type { Decision } from '../../lib/policy/types.ts';

const site = (name: string, given: Partial<SeenSite> = {}): SeenSite => ({
  id: `${name}-id`,
  name,
  isNeighbour: true,
  routers: [`${name}-1`],
  listenerKeys: [],
  connectorKeys: [],
  ...given,
});
const EAST = site('east', { connectorKeys: ['backend:8080'] });
const place = (others: readonly SeenSite[], given: Partial<SeenPlace> = {}): SeenPlace => ({
  site: { id: 'west-id', name: 'west', namespace: 'shop' },
  documents: [],
  ends: [
    {
      kind: 'Listener',
      service: { name: 'backend', namespace: 'shop', routingKey: 'backend:8080', labels: {} },
    },
  ],
  others,
  ...given,
});
const QUESTION: Question = { site: 'west', client: { namespace: 'web' }, service: 'backend' };

const decision = (allowed: boolean): Decision => ({
  allowed,
  by: { policy: 'AccessPolicy/shop/a', rule: 0 },
  reason: allowed ? 'it allows this' : 'it denies this',
  limits: [],
  enforceExisting: false,
});
function end(allowed: boolean): AnsweredEnd {
  const client = { siteId: 'west-id', siteName: 'west', verification: 'path', via: ['north-id'] } as const;
  const own = { siteId: 'east-id', siteName: 'east', verification: 'local' } as const;
  const checks = [
    { operation: 'Expose', client: own, decision: decision(true) },
    { operation: 'Connect', client, decision: decision(allowed) },
  ] as const;
  return { name: 'backend', namespace: 'shop', checks };
}
/** What each of the questions is answered. */
const explained = (places: readonly SeenPlace[], answer: (router: string) => Omit<RouterAnswer, 'question'>) => {
  const answers = routerQuestions(QUESTION, places).map((question) => ({ question, ...answer(question.router) }));
  return explain(QUESTION, places, answers)!;
};

describe('routers are asked', () => {
  it('of sites with a connector, about the client as it is known here', () => {
    expect(routerQuestions(QUESTION, [place([EAST, site('north')])])).toEqual([
      {
        site: EAST,
        router: 'east-1',
        kind: 'Connector',
        routingKey: 'backend:8080',
        client: { namespace: 'web', siteId: 'west-id', siteName: 'west' },
        places: [0],
      },
    ]);
  });

  it('of the client’s site about its listener too, whether its name or its id is given', () => {
    const other = site('far', { listenerKeys: ['backend:8080'], connectorKeys: ['other'] });
    for (const from of ['far', 'far-id']) {
      const questions = routerQuestions({ ...QUESTION, site: from }, [place([EAST, other])]);
      expect(questions.map(({ kind, router, client }) => [kind, router, client.siteId])).toEqual([
        ['Connector', 'east-1', 'far-id'],
        ['Listener', 'far-1', 'far-id'],
      ]);
    }
  });

  it('not of sites whose resources are read, and of one site once, by any place that knows it', () => {
    const north = place([EAST, site('west')], { site: { id: 'north-id', name: 'north', namespace: 'shop' }, ends: [] });
    const questions = routerQuestions(QUESTION, [place([EAST]), north]);
    expect(questions.map(({ router, places }) => [router, places])).toEqual([['east-1', [0, 1]]]);
    const east = place([], { site: { id: 'east-id', name: 'east', namespace: 'shop' } });
    expect(routerQuestions(QUESTION, [place([EAST]), east])).toEqual([]);
  });

  it('about a routing key however it is written, and so many and no more', () => {
    const odd = site('odd', { connectorKeys: ['amqp:/backend:8080', '/backend:8080.'] });
    expect(routerQuestions(QUESTION, [place([odd])])).toHaveLength(2);
    const many = Array.from({ length: 100 }, (_, at) => site(`s${at}`, { connectorKeys: ['backend:8080'] }));
    expect(routerQuestions(QUESTION, [place(many)])).toHaveLength(64);
  });
});

describe('an answer', () => {
  it('is a check like those that were read, with who has answered', () => {
    const { allowed, complete, checks, unseen } = explained([place([EAST])], () => ({ ends: [end(true)] }));
    expect({ allowed, complete, unseen }).toEqual({ allowed: true, complete: true, unseen: [] });
    expect(checks.map(({ site: at, operation, answeredBy }) => [at, operation, answeredBy])).toEqual([
      ['west', 'Import', undefined],
      ['west', 'Connect', undefined],
      ['east', 'Expose', ['east-1']],
      ['east', 'Connect', ['east-1']],
    ]);
  });

  it('refuses when none of the connectors may be used', () => {
    const north = site('north', { connectorKeys: ['backend:8080'] });
    const refusing = explained([place([EAST, north])], () => ({ ends: [end(false)] }));
    expect(refusing).toMatchObject({ allowed: false, complete: true });
    const one = explained([place([EAST, north])], (router) => ({ ends: [end(router === 'north-1')] }));
    expect(one).toMatchObject({ allowed: true, complete: true });
  });

  it('is told once for routers that say the same, and for each that says another thing', () => {
    const ha = site('east', { ...EAST, routers: ['east-1', 'east-2'] });
    const same = explained([place([ha])], () => ({ ends: [end(true)] }));
    expect(same.checks.map(({ answeredBy }) => answeredBy).slice(2)).toEqual([
      ['east-1', 'east-2'],
      ['east-1', 'east-2'],
    ]);
    expect(explanationLines(QUESTION, same).join('\n')).toContain(
      '(routing key backend:8080), answered by routers east-1, east-2 of site east\n',
    );
    const apart = explained([place([ha])], (router) => ({ ends: [end(router === 'east-1')] }));
    expect(apart).toMatchObject({ allowed: true, checks: { length: 6 } });
  });

  it('that does not come leaves the site unseen, with the reason', () => {
    const none = explained([place([EAST])], () => ({ problem: 'the router does not answer' }));
    expect(none).toMatchObject({
      allowed: true,
      complete: false,
      unseen: [
        'site east, which has a connector: its policies cannot be seen from here: the router does not answer (router east-1)',
      ],
    });
    expect(explained([place([EAST])], () => ({ unasked: 'the site does not run' })).unseen).toEqual([
      'site east, which has a connector: its policies cannot be seen from here: the site does not run',
    ]);
    expect(explained([place([EAST])], () => ({ ends: [] })).unseen).toEqual([
      'site east, which has a connector: its policies cannot be seen from here: none of its routers has a Connector for it now',
    ]);
  });

  it('of one router counts for its site, and the other that is silent is told', () => {
    const ha = site('east', { ...EAST, routers: ['east-1', 'east-2'] });
    const half = explained([place([ha])], (router) =>
      router === 'east-1' ? { ends: [end(false)] } : { problem: 'the router does not answer' },
    );
    expect(half).toMatchObject({
      allowed: false,
      complete: false,
      unseen: ['site east, of which another router has answered: the router does not answer (router east-2)'],
    });
  });

  it('tells the shares and limits of its site as those that are read here are told', () => {
    const traffic = { share: 10, shareSum: 100, maxConnections: 200, maxQueuedConnections: 50 };
    const lines = explanationLines(
      QUESTION,
      explained([place([EAST])], () => ({ ends: [{ ...end(true), traffic }] })),
    );
    expect(lines).toContain('  share 10 of 100 of the connections that the site gets');
    expect(lines).toContain('  at most 200 connections at a time to each server, for each router; 50 more wait');
  });

  it('without them, of an older router, says where to ask', () => {
    const { checks } = explained([place([EAST])], () => ({ ends: [end(true)] }));
    const [told] = checks.filter(({ answeredBy }) => answeredBy !== undefined);
    expect(told!.traffic).toEqual([
      'its shares and limits are not told by this router, which is older: ask at site east',
    ]);
  });

  it('tells how a listener of several routing keys comes to this one', () => {
    const addresses = [
      { address: 'other', value: 1, weight: 1 },
      { address: 'backend:8080', value: 0, weight: 3 },
      { address: 'third', value: 0, weight: 1 },
    ];
    const far = site('far', { listenerKeys: ['backend:8080'] });
    const traffic = { maxConnections: 5, choice: 'priority', addresses } as const;
    const from = { ...QUESTION, site: 'far' };
    const answers = routerQuestions(from, [place([far])]).map((question) => ({
      question,
      ends: [{ ...end(true), traffic }],
    }));
    const { checks } = explain(from, [place([far])], answers)!;
    expect(checks[0]!.traffic).toEqual([
      'chosen by tier 2 of 2, weight 3 of 4',
      'at most 5 connections at a time, for each router',
    ]);
  });

  it('of one service with several listeners is told once', () => {
    const { ends } = place([]);
    const { checks } = explain(QUESTION, [place([EAST], { ends: [...ends, ...ends] })])!;
    expect(checks.map(({ site: at, operation }) => [at, operation])).toEqual([
      ['west', 'Import'],
      ['west', 'Connect'],
    ]);
  });

  it('says how the client is known there', () => {
    const lines = explanationLines(
      QUESTION,
      explained([place([EAST])], () => ({ ends: [end(true)] })),
    );
    expect(lines).toContain('    the client is known by the routers in between (by the word of site north-id)');
    expect(lines[0]).toBe('Allowed: site west, namespace web -> backend');
  });
});

describe('the client’s site, when it is another', () => {
  const from = { ...QUESTION, site: 'far' };

  it('without a listener is told so, since its clients do not get there', () => {
    const places = [place([site('far'), EAST])];
    expect(explain(from, places)!.unseen[0]).toBe('site far has no Listener for it, so its clients do not get there');
  });

  it('has pods of which nothing is known, unless it is said', () => {
    const places = [place([site('far', { listenerKeys: ['backend:8080'] }), EAST])];
    const answers = routerQuestions(from, places).map((question) => ({ question, ends: [end(true)] }));
    const pod = { ...from, client: { namespace: 'web', pod: 'cart-1' } };
    expect(explain(from, places, answers)).toMatchObject({ complete: true, unseen: [] });
    expect(explain(pod, places, answers)).toMatchObject({
      complete: false,
      unseen: ['site far, where the client is: what pod cart-1 is cannot be seen from here'],
    });
    const said = { ...pod, client: { ...pod.client, workload: 'cart' } };
    expect(explain(said, places, answers)).toMatchObject({ complete: true });
  });

  it('is known by name and by id', () => {
    const places = [place([EAST])];
    expect(knownSites(places)).toEqual(['east', 'west']);
    expect(['east', 'east-id', 'west', 'north'].map((name) => knowsSite(places, name))).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});

describe('a router’s entity', () => {
  it.each([
    ['listener/backend', 'backend'],
    ['multiAddress/backend', 'backend'],
    ['connector/backend@10.1.0.7', 'backend'],
    ['listener/backend@web-0', 'backend'],
    ['echo', 'echo'],
    ['other/echo@1', 'other/echo@1'],
  ])('%s is of %s', (entity, resource) => {
    expect(resourceNameOf(entity)).toBe(resource);
  });
});

describe('the text of an answer', () => {
  const wire = () => JSON.parse(JSON.stringify({ siteId: 'east-id', ends: [end(true)] }));

  it('is read as it was said, and null is nothing', () => {
    const body = wire();
    body.ends[0].checks[0].decision.by = null;
    expect(answeredEnds(wire(), 1000)).toEqual([end(true)]);
    expect(answeredEnds(body, 1000)![0]!.checks[0]!.decision.by).toBeUndefined();
  });

  it.each([
    ['of our controllers, in their units', { weight: 10_000, weightSum: 100_000 }, { share: 10, shareSum: 100 }],
    ['of many pods, whose weights are rounded', { weight: 29_997, weightSum: 99_997 }, { share: 30, shareSum: 100 }],
    ['of others, in theirs', { weight: 1, weightSum: 4 }, { share: 1, shareSum: 4 }],
    ['where nobody has one', { maxConnections: 7 }, { maxConnections: 7 }],
  ])('has shares %s', (_whose, traffic, told) => {
    const body = wire();
    body.ends[0].traffic = traffic;
    expect(answeredEnds(body, 1000)![0]!.traffic).toEqual(told);
  });

  it('steers no terminal and adds no line', () => {
    const body = wire();
    body.ends[0].checks[1].decision.reason = 'fine\n\u001b[2JAllowed';
    expect(answeredEnds(body, 1000)![0]!.checks[1]!.decision.reason).toBe('fine  [2JAllowed');
  });

  const decided = (members: object) => {
    const body = wire();
    Object.assign(body.ends[0].checks[0].decision, members);
    return body;
  };

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a decision', decision(true)],
    ['ends that are none', { ends: [1] }],
    ['too many ends', { ends: Array.from({ length: 65 }, () => end(true)) }],
    ['a long text', decided({ reason: 'x'.repeat(5000) })],
    ['an answer that is none', decided({ allowed: 'yes' })],
    ['a share that is none', { ends: [{ ...end(true), traffic: { weight: -1, weightSum: 'all' } }] }],
    ['limits that are none', decided({ limits: { a: 1 } })],
  ])('that is %s is none', (_what, body) => {
    expect(answeredEnds(body, 1000)).toBeUndefined();
  });
});
