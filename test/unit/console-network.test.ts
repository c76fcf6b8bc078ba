/** What the console makes of what routers tell: sites, links, services, connections, and what has happened. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyChanges, changesBetween, NOTHING } from '../../console/model/changes.ts';
import { NetworkModel } from '../../console/model/network.ts';
import { readRecords } from '../../console/model/records.ts';
import { ATTRIBUTE, OWN_ATTRIBUTE, RECORD_TYPE } from '../../lib/vanflow.ts';
import { micros, NetworkWorld, WALL_MS } from '../support/network-world.ts';

let world: NetworkWorld;
const view = () => world.model.view(world.now);
const types = () => view().events.map(({ type }) => type);

beforeEach(() => {
  world = new NetworkWorld();
  world.tellAll();
});

describe('what there is', () => {
  it('sites, with the one at which is listened', () => {
    expect(view().sites.map(({ id, name, self }) => ({ id, name, self }))).toEqual([
      { id: 'w-site', name: 'west', self: false },
      { id: 'e-site', name: 'east', self: true },
    ]);
  });

  it('a link leads from who dials to the site of the access that it reached', () => {
    expect(view().links).toEqual([
      {
        id: 'w:1',
        name: 'to-east',
        role: 'inter-router',
        fromSite: 'w-site',
        fromRouter: 'w:0',
        toSite: 'e-site',
        toRouter: 'e:0',
        cost: 1,
        status: 'up',
        statusSince: WALL_MS + 5,
        message: '',
        downCount: 0,
        endpoint: 'east.example:55671',
        roundTripMs: 2.5,
        octets: 0,
        octetsBack: 0,
        octetsPerSecond: 0,
        octetsBackPerSecond: 0,
      },
    ]);
  });

  it('a link that is down says why, and still where it led', () => {
    world.link({ [ATTRIBUTE.status]: 'down', [ATTRIBUTE.downTime]: micros(9), [ATTRIBUTE.result]: 'amqp:gone' });
    expect(view().links).toEqual([
      expect.objectContaining({ status: 'down', statusSince: WALL_MS + 9, message: 'amqp:gone', toSite: 'e-site' }),
    ]);
  });

  it('the endpoint that is used of several is shown', () => {
    world.link({ [OWN_ATTRIBUTE.endpoint]: 'other.example:443' });
    expect(view().links[0]?.endpoint).toBe('other.example:443');
  });

  it('names of entities are shown without what the original puts around them', () => {
    expect(view().endpoints.map(({ name }) => name)).toEqual(['web', 'web']);
  });

  it('a router that names no site is of the one that it tells of', () => {
    world.hear('mc/sfe.all', 'BEACON', { id: 'f:0' });
    world.tell('f:0', { 0: RECORD_TYPE.site, 1: 'f:1', [ATTRIBUTE.name]: 'far' });
    world.tell('f:0', { 0: RECORD_TYPE.router, 1: 'f:0', [ATTRIBUTE.name]: '0/far-router' });
    expect(view().routers).toContainEqual(expect.objectContaining({ name: 'far-router', site: 'f:1' }));
    expect(view().sites).toHaveLength(3);
  });

  it('a router without a site is one by itself', () => {
    world.tell('e:0', { 0: RECORD_TYPE.router, 1: 'x:9', [ATTRIBUTE.name]: '0/alone' });
    expect(view().sites).toContainEqual(expect.objectContaining({ id: 'x:9', name: 'alone' }));
  });

  it('what has ended is gone', () => {
    world.tell('w:0', { 0: RECORD_TYPE.listener, 1: 'w:2', [ATTRIBUTE.endTime]: micros(1) });
    expect(view().services).toEqual([expect.objectContaining({ address: 'web', listenerCount: 0, connectorCount: 1 })]);
  });

  it('no source changes what another has told', () => {
    world.tell('e:0', { 0: RECORD_TYPE.link, 1: 'w:1', [ATTRIBUTE.parent]: 'e:0', [ATTRIBUTE.name]: 'forged' });
    expect(view().links.map(({ name }) => name)).toEqual(['to-east']);
  });

  it('rates follow counters, from the second time that they are told', () => {
    world.link({ [ATTRIBUTE.octets]: 1e9 });
    expect(view().links[0]?.octetsPerSecond).toBe(0);
    for (let second = 1; second <= 5; second++) {
      world.pass(1000);
      world.link({ [ATTRIBUTE.octets]: 1e9 + second * 1000 });
    }
    expect(view().links[0]?.octetsPerSecond).toBeGreaterThan(800);
    expect(view().links[0]?.octetsPerSecond).toBeLessThanOrEqual(1300);
    world.pass(6000);
    expect(view().links[0]).toMatchObject({ octets: 1e9 + 5000, octetsPerSecond: 0 });
  });

  it('the certificate of a link of this site is known from the platform', () => {
    const told = { name: 'link-secret', link: 'to-east', expiresAt: WALL_MS + 1e10 };
    world.model.platformTold([], [told], world.now);
    // It is of the other site.
    expect(view().links[0]).not.toHaveProperty('certificateExpiresAt');
    world.model.connected('west', world.now);
    expect(view().links[0]).toMatchObject({ certificateExpiresAt: WALL_MS + 1e10 });
  });
});

describe('sources', () => {
  it('are asked when they are found, and once more when they are heard', () => {
    const fresh = new NetworkWorld();
    expect(fresh.asked).toEqual(['sfe.w:0', 'sfe.e:0']);
    fresh.heartbeat('w:0');
    fresh.heartbeat('w:0');
    expect(fresh.asked.slice(2)).toEqual(['sfe.w:0']);
    // The other has not been heard of: the request may have come before it knew who listens.
    fresh.pass(2000, ['w:0']);
    expect(fresh.asked.slice(3)).toEqual(['sfe.e:0']);
  });

  it('that fall silent are forgotten with all that they said', () => {
    world.pass(13_000, ['e:0']);
    expect(view()).toMatchObject({ sites: [{ name: 'east' }], links: [] });
  });

  it('after a lost connection only what is told again is kept', () => {
    world.pass(6000);
    world.sources.disconnected();
    world.sources.connected(world.now);
    world.pass(1000);
    world.tell('w:0', { 0: RECORD_TYPE.router, 1: 'w:0', [ATTRIBUTE.name]: '0/west', [ATTRIBUTE.parent]: 'w-site' });
    expect(view().links).toHaveLength(1);
    world.pass(6000);
    expect(view().links).toEqual([]);
    expect(view().routers.map(({ name }) => name)).toEqual(['west']);
  });

  it('that were started again replace what they told before, at once', () => {
    world.sources.wantFlows(true, world.now);
    world.model.hearFlows(true);
    world.flow(7, { [ATTRIBUTE.connector]: 'e:2' });
    world.flow(8, { [ATTRIBUTE.endTime]: micros(1) });
    const flows = () => world.model.flows({}, world.now).map(({ id }) => id);
    world.pass(2000);
    world.pass(1000, ['e:0']);
    const again = { 0: RECORD_TYPE.router, 1: 'n:0', [ATTRIBUTE.name]: '0/west', [ATTRIBUTE.parent]: 'w-site' };
    world.hear('mc/sfe.all', 'BEACON', { id: 'n:0' });
    world.tell('n:0', again, { 0: RECORD_TYPE.site, 1: 'w-site', [ATTRIBUTE.name]: 'west' });
    expect(view().routers.map(({ id }) => id)).toEqual(['e:0', 'n:0']);
    expect(
      view()
        .sites.map(({ name }) => name)
        .sort(),
    ).toEqual(['east', 'west']);
    expect(view()).toMatchObject({ links: [], services: [{ address: 'web', listenerCount: 0, connectorCount: 1 }] });
    expect(flows()).toEqual(['w:8']);
    // Two that are there both, and are called the same.
    world.pass(500, ['w:0', 'n:0', 'e:0']);
    expect(view().routers.map(({ id }) => id)).toEqual(['w:0', 'e:0', 'n:0']);
    expect(flows()).toEqual(['w:7', 'w:8']);
  });

  it('that cannot be reached are not counted any more, and it is told since when', () => {
    world.sources.wantFlows(true, world.now);
    world.model.hearFlows(true);
    world.flow(7, { [ATTRIBUTE.connector]: 'e:2' });
    world.pass(6000);
    world.model.reachable(new Set(['east']), world.now);
    const since = WALL_MS + world.now;
    world.pass(1000, ['e:0']);
    const [router] = view().routers;
    expect(router).toMatchObject({ name: 'west', goneSince: since });
    expect(view().endpoints.map(({ kind, goneSince }) => [kind, goneSince])).toEqual([
      ['listener', since],
      ['connector', undefined],
    ]);
    expect(view()).toMatchObject({ services: [{ listenerCount: 0, connectorCount: 1, flowsOpen: 0 }], traffic: [] });
    expect(world.model.flows({}, world.now)).toEqual([]);
    expect(view().events.at(-2)).toMatchObject({
      type: 'router-lost',
      at: since,
      message: 'Router west of site west cannot be reached from here',
    });
    // It is reached again; whether it is the same is known when it tells.
    world.model.reachable(new Set(['east', 'west']), world.now);
    expect(view().routers[0]).toMatchObject({ goneSince: since });
    world.pass(500);
    world.model.reachable(new Set(['east', 'west']), world.now);
    expect(view().routers[0]).not.toHaveProperty('goneSince');
    expect(view().services).toMatchObject([{ listenerCount: 1, flowsOpen: 1 }]);
  });

  it('are listened to for connections only while somebody wants them', () => {
    const flows = () => [...world.sources.addresses()].filter((address) => address.endsWith('.flows'));
    expect(flows()).toEqual([]);
    world.sources.wantFlows(true, world.now);
    expect(flows()).toEqual(['mc/sfe.w:0.flows', 'mc/sfe.e:0.flows']);
    world.sources.wantFlows(false, world.now);
    expect(flows()).toEqual([]);
  });
});

describe('connections', () => {
  const client = { [ATTRIBUTE.sourceHost]: '10.1.1.1', [ATTRIBUTE.sourcePort]: '4000' };

  beforeEach(() => {
    world.sources.wantFlows(true, world.now);
    world.model.hearFlows(true);
    world.pass(6000);
  });

  it('from their beginning to their end, with what both ends know', () => {
    world.flow(7, { [ATTRIBUTE.startTime]: micros(1), ...client });
    expect(world.model.flows({}, world.now)).toEqual([
      expect.objectContaining({ id: 'w:7', state: 'open', address: 'web', fromSite: 'w-site', toSite: '' }),
    ]);
    world.flow(7, { [ATTRIBUTE.connector]: 'e:2', [ATTRIBUTE.proxyHost]: '10.0.0.1', [ATTRIBUTE.octets]: 500 });
    expect(view().traffic).toEqual([
      expect.objectContaining({ id: 'web w-site e-site', flowsOpen: 1, octetsPerSecond: expect.any(Number) }),
    ]);
    world.flow(7, { [ATTRIBUTE.endTime]: micros(30), [ATTRIBUTE.octetsReverse]: 900 });
    expect(world.model.flows({}, world.now)).toEqual([
      {
        id: 'w:7',
        address: 'web',
        fromSite: 'w-site',
        toSite: 'e-site',
        client: '10.1.1.1:4000',
        server: '10.0.0.9:80',
        listener: 'web',
        connector: 'web',
        startedAt: WALL_MS + 1,
        endedAt: WALL_MS + 30,
        octets: 500,
        octetsBack: 900,
        state: 'closed',
      },
    ]);
    expect(view().traffic[0]?.flowsOpen ?? 0).toBe(0);
  });

  it('that are refused say why, and are an event with a count', () => {
    for (const number of [7, 8]) {
      world.flow(number, { ...client, [ATTRIBUTE.errorListenerSide]: 'delivery-failed (x)' });
      world.flow(number, { [ATTRIBUTE.endTime]: micros(3), [ATTRIBUTE.errorConnectorSide]: 'policy says no' });
    }
    expect(world.model.flows({ state: 'refused' }, world.now).map(({ reason }) => reason)).toEqual([
      'policy says no',
      'policy says no',
    ]);
    expect(view().events.filter(({ type }) => type === 'flow-refused')).toEqual([
      expect.objectContaining({
        count: 2,
        at: WALL_MS + 3,
        site: 'w-site',
        object: 'service/web',
        severity: 'warning',
        message: 'Connection to web from 10.1.1.1 refused: policy says no; seen at the listener of west',
      }),
    ]);
    expect(view().services[0]).toMatchObject({ flowsRefused: 2 });
  });

  it('that broke off are reset, and those that went well although one server refused are closed', () => {
    world.flow(7, { [ATTRIBUTE.octets]: 1, [ATTRIBUTE.errorListenerSide]: 'gone', [ATTRIBUTE.endTime]: micros(3) });
    world.flow(8, { [ATTRIBUTE.octets]: 1, [ATTRIBUTE.errorConnectorSide]: 'refused', [ATTRIBUTE.endTime]: micros(3) });
    const states = world.model.flows({}, world.now).map(({ id, state }) => [id, state]);
    expect(Object.fromEntries(states)).toEqual({ 'w:7': 'reset', 'w:8': 'closed' });
  });

  it('by filter, of sites by name or id', () => {
    world.flow(7, { ...client, [ATTRIBUTE.connector]: 'e:2' });
    const count = (filter: object) => world.model.flows(filter, world.now).length;
    expect([{ from: 'west' }, { to: 'e-site' }, { site: 'east' }, { address: 'web' }].map(count)).toEqual([1, 1, 1, 1]);
    expect([{ from: 'east' }, { to: 'west' }, { address: 'x' }, { state: 'closed' }].map(count)).toEqual([0, 0, 0, 0]);
  });

  it('of a source that is gone are not open any more', () => {
    world.flow(7, { ...client, [ATTRIBUTE.connector]: 'e:2' });
    world.pass(13_000, ['e:0']);
    expect(world.model.flows({ state: 'open' }, world.now)).toEqual([]);
  });

  it('what is told again counts as before, not as new traffic', () => {
    world.sources.wantFlows(false, world.now);
    world.sources.wantFlows(true, world.now);
    world.flow(7, { [ATTRIBUTE.connector]: 'e:2', [ATTRIBUTE.octets]: 1e9 });
    expect(view().traffic).toEqual([expect.objectContaining({ flowsOpen: 1, flowsPerSecond: 0, octetsPerSecond: 0 })]);
  });
});

describe('the time line', () => {
  it('begins with how things have become what they are', () => {
    world.now = 10;
    world.model.settle(world.now);
    expect(view().events).toEqual([
      expect.objectContaining({ type: 'link-up', at: WALL_MS + 5, message: 'Link to-east from west to east is up' }),
    ]);
  });

  it('tells of links and sites that come and go, and of services', () => {
    world.pass(6000);
    world.link({ [ATTRIBUTE.status]: 'down', [ATTRIBUTE.reason]: 'cut' });
    world.pass(500);
    world.link({ [ATTRIBUTE.status]: 'up' });
    world.pass(500);
    world.tell('e:0', { 0: RECORD_TYPE.connector, 1: 'e:2', [ATTRIBUTE.endTime]: micros(1) });
    world.pass(13_000, ['e:0']);
    expect(types()).toEqual(['link-up', 'link-down', 'link-up', 'service-lost', 'site-left']);
    expect(view().events[1]).toMatchObject({ severity: 'error', message: expect.stringMatching(/is down: cut$/) });
  });

  it('a router that cannot be reached cannot say that its links are down: it is said for it', () => {
    world.pass(6000);
    world.model.reachable(new Set(['east']), world.now);
    expect(view().links).toEqual([expect.objectContaining({ status: 'down', message: expect.stringMatching(/west/) })]);
    world.pass(500);
    world.model.reachable(new Set(['east', 'west']), world.now);
    expect(view().links[0]?.status).toBe('up');
    // At the edge nothing is known of others.
    world.model.reachable(undefined, world.now);
    expect(view().links[0]?.status).toBe('up');
  });

  it('takes warnings of routers, and each event of the platform once', () => {
    world.pass(6000);
    const log = (severity: number, text: string) =>
      world.hear('mc/sfe.w:0.logs', 'RECORD', {}, [
        {
          0: RECORD_TYPE.log,
          1: `w:${text}`,
          [ATTRIBUTE.parent]: 'w:0',
          [ATTRIBUTE.logSeverity]: severity,
          [ATTRIBUTE.logText]: text,
        },
      ]);
    log(1, 'chatter');
    log(2, 'trouble');
    const event = {
      at: WALL_MS,
      severity: 'info',
      type: 'token-issued',
      site: '',
      object: 'token/a',
      message: 'a',
    } as const;
    for (let time = 0; time < 2; time++) world.model.platformTold([{ ...event, key: 'a' }], [], world.now);
    const told = view().events.filter(({ type }) => type !== 'link-up');
    expect(told.map(({ type, message, count }) => [type, message, count])).toEqual([
      ['token-issued', 'a', 1],
      ['router-log', 'trouble', 1],
    ]);
  });

  it('warns of certificates once', () => {
    const certificates = [{ name: 'server', expiresAt: WALL_MS + 86_400_000 }];
    for (let time = 0; time < 2; time++) world.model.platformTold([], certificates, world.now);
    expect(view().events).toEqual([
      expect.objectContaining({ type: 'certificate-expiring', object: 'certificate/server' }),
    ]);
  });

  it('refusals are told by counters while connections are not listened to', () => {
    world.pass(6000);
    for (const count of [3, 5]) {
      const values = { [ATTRIBUTE.parent]: 'w:0', [OWN_ATTRIBUTE.flowsRefused]: count };
      world.tell('w:0', { 0: RECORD_TYPE.listener, 1: 'w:2', ...values });
    }
    const refused = view().events.filter(({ type }) => type === 'flow-refused');
    expect(refused.at(-1)).toMatchObject({
      count: 5,
      message: 'Connection to web refused; seen at the listener of west',
    });
  });

  it('is bounded', () => {
    for (let count = 0; count < 2000; count++) {
      const event = { at: count, severity: 'info', type: 't', site: '', object: `o/${count}`, message: '' } as const;
      world.model.platformTold([{ ...event, key: String(count) }], [], world.now);
    }
    expect(view().events).toHaveLength(500);
    expect(view().events.at(-1)?.object).toBe('o/1999');
  });
});

describe('changes', () => {
  it('made to the picture before give the picture after', () => {
    const before = view();
    world.link({ [ATTRIBUTE.status]: 'down' });
    world.tell('w:0', { 0: RECORD_TYPE.listener, 1: 'w:2', [ATTRIBUTE.endTime]: micros(1) });
    const after = view();
    const changes = changesBetween(before, after);
    expect(changes.map(({ section }) => section).sort()).toEqual(['endpoints', 'links', 'services']);
    expect(applyChanges(before, changes)).toEqual(after);
    expect(changesBetween(after, view())).toEqual([]);
    expect(applyChanges(NOTHING, changesBetween(NOTHING, after))).toEqual(after);
  });
});

describe('whatever is told', () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.double(), fc.constant(null), fc.boolean());
  const type = fc.constantFrom(...Object.values(RECORD_TYPE));
  const id = fc.constantFrom('w:0', 'w:1', 'w:2', 'w:7', 'e:1', 'e:2', 'w-site', '');
  const code = fc.constantFrom(...Object.values(ATTRIBUTE), ...Object.values(OWN_ATTRIBUTE)).map(String);
  const record = fc
    .tuple(type, id, fc.dictionary(code, fc.oneof(value, id, fc.constantFrom('up', 'down'))))
    .map(([kind, name, rest]) => ({ ...rest, 0: kind, 1: name }));

  it('there is a picture, whose references lead somewhere and whose changes add up', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom('w:0', 'e:0', 'x:0'), record), { maxLength: 40 }), (messages) => {
        const model = new NetworkModel((now) => now);
        model.connected('west', 0);
        model.hearFlows(true);
        let before = model.view(0);
        for (const [index, [source, told]] of messages.entries()) {
          model.told(source, readRecords([told]), index % 2 === 0, index * 100);
          const after = model.view(index * 100);
          const sites = new Set(after.sites.map(({ id: site }) => site));
          for (const { site } of after.routers) expect(sites.has(site)).toBe(true);
          for (const { fromSite, toSite } of after.links)
            expect(sites.has(fromSite) && (toSite === '' || sites.has(toSite))).toBe(true);
          for (const { flowsOpen } of after.traffic) expect(flowsOpen).toBeGreaterThanOrEqual(0);
          const made = applyChanges(before, changesBetween(before, after));
          for (const section of ['sites', 'links', 'services', 'traffic'] as const) {
            expect(new Set(made[section].map((one) => JSON.stringify(one)))).toEqual(
              new Set(after[section].map((one) => JSON.stringify(one))),
            );
          }
          before = after;
        }
        expect(model.flows({}, 0).length).toBeLessThanOrEqual(messages.length);
      }),
      { numRuns: 200, seed: 1 },
    );
  });

  it('what is no list of records is none', () => {
    fc.assert(
      fc.property(fc.anything(), (body) => {
        expect(Array.isArray(readRecords(body))).toBe(true);
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});
