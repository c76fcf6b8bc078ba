/** The router as a source of events: what it tells, when, and to whom. Wire reference 6.8, 10. */
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../lib/random.ts';
import type { SpanRecord } from '../../lib/trace/span.ts';
import { ATTRIBUTE, OWN_ATTRIBUTE, RECORD_TYPE } from '../../lib/vanflow.ts';
import { amqp } from '../../router/amqp/codec/value.ts';
import { SpanMaker } from '../../router/telemetry/trace/flow-tracer.ts';
import {
  LOG_KEPT_COUNT_MAX,
  LOG_KEPT_MS,
  REFUSED_COUNT_MAX,
  REFUSED_KEPT_MS,
} from '../../router/telemetry/vanflow/limits.ts';
import { EPOCH_MS, SOURCE, VanflowWorld } from '../support/vanflow-world.ts';

const MICROS = EPOCH_MS * 1000;

function serving(): VanflowWorld {
  const world = new VanflowWorld();
  world.router.bridge.tcpListeners.add({ name: 'tl', address: 'echo', multiAddressStrategy: 'none' });
  world.router.bridge.addConnector('tc', 'echo');
  world.router.effects();
  return world;
}

function collected(): VanflowWorld {
  const world = serving();
  world.collect();
  world.pass(2000);
  return world;
}

describe('a router that nobody listens to', () => {
  it('says nothing, and has nothing to do', () => {
    const world = serving();
    let sentCount = 0;
    const send = world.router.send.bind(world.router);
    world.router.send = (...of) => {
      sentCount++;
      return send(...of);
    };
    world.exchange('tl');
    world.pass(60_000);
    expect(sentCount).toBe(0);
    expect(world.vanflow.deadline()).toBe(Number.POSITIVE_INFINITY);
    expect(world.vanflow.counts()).toEqual({ flows: 0, leftOut: 0 });
  });

  it('falls silent when who listened has gone', () => {
    const world = serving();
    const stop = world.collect();
    world.pass(5000);
    stop();
    world.pass(1000);
    const { length } = world.heard;
    world.exchange('tl');
    world.pass(60_000);
    expect(world.heard.length).toBe(length);
    expect(world.vanflow.deadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('beacons and heartbeats', () => {
  it('come at once, then every 10 s and every 2 s, and say where to listen and whom to ask', () => {
    const world = serving();
    world.collect();
    world.pass(20_500);
    expect(world.of('BEACON').map(({ at, to }) => [at, to])).toEqual(
      [0, 10_000, 20_000].map((at) => [at, 'mc/sfe.all']),
    );
    expect(Object.fromEntries(world.of('BEACON')[0]!.properties)).toEqual({
      v: 1,
      sourceType: 'ROUTER',
      id: `${SOURCE}:0`,
      address: `mc/sfe.${SOURCE}:0`,
      direct: `sfe.${SOURCE}:0`,
    });
    const beats = world.of('HEARTBEAT');
    expect(beats.map(({ at }) => at)).toEqual([...Array(11).keys()].map((count) => count * 2000));
    expect(beats[1]!.properties.get('now')).toBe(MICROS + 2_000_000);
  });

  it('come to all who listen, with no rule for their addresses', () => {
    const world = serving();
    const ends = [world.collect(), world.collect(), world.collect()];
    world.pass(5000);
    expect(world.of('HEARTBEAT').filter(({ at }) => at === 4000).length).toBe(ends.length);
  });

  it('a beacon comes for whoever begins to listen later, at most one a second', () => {
    const world = serving();
    world.collect();
    world.pass(3000);
    for (let count = 0; count < 10; count++) {
      world.listen('mc/sfe.all');
      world.pass(100);
    }
    expect([...new Set(world.of('BEACON').map(({ at }) => at))]).toEqual([0, 3000, 4000]);
  });
});

describe('records of what there is', () => {
  it('tell of the router, its listeners and connectors, in the words of skupper-router', () => {
    const world = collected();
    expect(world.known(RECORD_TYPE.router).map((record) => Object.fromEntries(record))).toMatchObject([
      { 1: `${SOURCE}:0`, 2: 'site-1', 3: MICROS, 12: 'ns', 13: 'interior', 30: '0/R', 32: '1.2.3' },
    ]);
    expect(world.known(RECORD_TYPE.listener).map((record) => Object.fromEntries(record))).toMatchObject([
      { 2: `${SOURCE}:0`, 15: '127.0.0.1', 16: 'tcp', 18: '1024', 19: 'echo', 30: 'tl', 40: 0 },
    ]);
    expect(world.known(RECORD_TYPE.connector).map((record) => Object.fromEntries(record))).toMatchObject([
      { 2: `${SOURCE}:0`, 7: 'p1', 15: '127.0.0.2', 16: 'tcp', 18: '1025', 19: 'echo', 30: 'tc', 40: 0 },
    ]);
  });

  it('are told once, then what changes of them, and everything when it is asked, at most once a second', () => {
    const world = collected();
    const before = world.of('RECORD').length;
    world.pass(10_000);
    expect(world.of('RECORD').length).toBe(before);
    world.exchange('tl');
    world.pass(2000);
    const changes = world
      .of('RECORD')
      .slice(before)
      .filter(({ to }) => to.endsWith(':0'));
    expect(changes.flatMap(({ records }) => records.map((record) => [...record.keys()]))).toEqual([
      [0, 1, 23, 40, 58],
      [0, 1, 23, 40, 58],
    ]);
    const asked = world.of('RECORD').length;
    for (let count = 0; count < 20; count++) {
      world.flush();
      world.pass(100);
    }
    const whole = world
      .of('RECORD')
      .slice(asked)
      .filter(({ to }) => to.endsWith(':0'));
    expect(whole.length).toBe(2);
    expect(whole[0]!.records.length).toBe(3);
    expect(whole[0]!.records.every((record) => record.has(ATTRIBUTE.startTime))).toBe(true);
  });

  it('end when what they tell of is gone, and one of the same name is another', () => {
    const world = collected();
    const [{ bridge }] = [world.router];
    bridge.deleteConnector('tc', false);
    bridge.addConnector('tc', 'other');
    world.pass(2000);
    const connectors = world.known(RECORD_TYPE.connector);
    expect(connectors.map((record) => [record.get(19), record.has(ATTRIBUTE.endTime)])).toEqual([
      ['echo', true],
      ['other', false],
    ]);
  });

  it('tell of the site where one is configured, with the id of the surroundings', () => {
    const world = new VanflowWorld({ site: () => ({ name: 'west', platform: 'linux' }) });
    world.collect();
    world.pass(2000);
    expect(world.known(RECORD_TYPE.site).map((record) => Object.fromEntries(record))).toMatchObject([
      { 1: 'site-1', 11: 'linux', 30: 'west' },
    ]);
  });

  it('are ended when the router stops', () => {
    const world = collected();
    world.vanflow.stop(world.now);
    const ended = [RECORD_TYPE.router, RECORD_TYPE.listener, RECORD_TYPE.connector].flatMap((type) =>
      world.known(type),
    );
    expect(ended.map((record) => record.has(ATTRIBUTE.endTime))).toEqual([true, true, true]);
  });
});

describe('the record of a flow', () => {
  it('has octets of both directions, latencies, the way, and both ends', () => {
    const world = collected();
    const openedAt = world.now;
    world.exchange('tl', 10);
    world.pass(2000);
    const [flow, ...others] = world.known(RECORD_TYPE.transportFlow).map((record) => Object.fromEntries(record));
    const [listener] = world.known(RECORD_TYPE.listener);
    const [connector] = world.known(RECORD_TYPE.connector);
    expect(others).toEqual([]);
    expect(flow).toMatchObject({
      2: listener!.get(1),
      3: MICROS + openedAt * 1000,
      4: MICROS + (openedAt + 6) * 1000,
      14: '10.0.0.1',
      17: '4000',
      23: 10,
      24: 2000,
      31: 'Local',
      58: 20,
      60: connector!.get(1),
      61: 2000,
      62: '10.0.0.2',
      63: '5000',
    });
  });

  it('is told while the flow is open: whole to who has just come, then what changes', () => {
    const world = serving();
    const ends = world.open('tl');
    world.router.flowConnected(ends.connector, world.now, { host: '10.0.0.2', port: 5000 });
    world.pass(60_000);
    world.collect();
    world.flush();
    world.pass(2000);
    world.router.flowReceived(ends.listener, Buffer.alloc(100), world.now);
    world.pass(2000);
    const told = world.heard.filter(({ to }) => to.endsWith('.flows')).flatMap(({ records }) => records);
    expect(told.map((record) => [...record.keys()].sort((a, b) => a - b))).toEqual([
      [0, 1, 2, 3, 14, 17, 23, 31, 58, 60, 62, 63],
      [0, 1, 23],
    ]);
    expect(told[1]!.get(ATTRIBUTE.octets)).toBe(100);
  });

  it('names the trace that it is part of', () => {
    const world = collected();
    const { bridge } = world.router;
    const random = new SeededRandom(3);
    const spans: SpanRecord[] = [];
    bridge.tracer = new SpanMaker({
      ratio: 1,
      random: () => random.next(),
      now: () => bridge.now,
      wall: (ms) => ms,
      emit: (span) => spans.push(span),
    });
    world.exchange('tl');
    world.pass(6000);
    const [record] = world.known(RECORD_TYPE.transportFlow);
    expect(record!.get(OWN_ATTRIBUTE.traceId)).toBe(spans[0]!.traceId);
  });

  it('says why a backend was not reached', () => {
    const world = collected();
    const { connector } = world.open('tl');
    world.router.flowConnectFailed(connector, 'connection refused', world.now);
    world.pass(2000);
    const [flow] = world.known(RECORD_TYPE.transportFlow);
    expect(flow!.get(ATTRIBUTE.errorConnectorSide)).toBe('not-reached (connection refused)');
    expect(flow!.get(ATTRIBUTE.errorListenerSide)).toMatch(/^delivery-failed/);
    expect(flow!.has(ATTRIBUTE.endTime)).toBe(true);
  });

  it('waits 5 s for what the other end knows, and is told without it then', () => {
    const world = collected();
    world.router.bridge.deleteConnector('tc', false);
    world.listen('echo');
    const { listener } = world.open('tl');
    world.router.flowLost(listener, world.now);
    world.pass(4500);
    const told = () => world.known(RECORD_TYPE.transportFlow).filter((record) => record.has(ATTRIBUTE.endTime));
    expect(told()).toEqual([]);
    world.pass(2000);
    expect(told().length).toBe(1);
  });
});

describe('flows that were refused before anybody looked', () => {
  const refused = (count: number): VanflowWorld => {
    const world = serving();
    for (let i = 0; i < count; i++) {
      const { connector } = world.open('tl');
      world.router.flowConnectFailed(connector, 'connection refused', world.now);
    }
    world.exchange('tl');
    world.pass(40_000);
    return world;
  };
  const ended = (world: VanflowWorld) =>
    world.known(RECORD_TYPE.transportFlow).filter((record) => record.has(ATTRIBUTE.endTime));

  it('are told of to who comes soon, with why, and again to who asks', () => {
    const world = refused(2);
    const stop = world.collect();
    world.pass(2000);
    expect(ended(world).map((record) => record.get(ATTRIBUTE.errorListenerSide))).toEqual([
      expect.stringMatching(/^delivery-failed/),
      expect.stringMatching(/^delivery-failed/),
    ]);
    stop();
    world.heard.length = 0;
    world.collect();
    world.pass(2000);
    expect(ended(world).length).toBe(2);
  });

  it('are forgotten after a while, and no more are kept than the latest', () => {
    const late = refused(1);
    late.pass(REFUSED_KEPT_MS);
    late.collect();
    late.pass(2000);
    expect(ended(late)).toEqual([]);
    const many = refused(REFUSED_COUNT_MAX + 20);
    many.collect();
    many.pass(3000);
    expect(ended(many).length).toBe(REFUSED_COUNT_MAX);
  });
});

describe('requests that an observer sees', () => {
  const request = Buffer.from('GET /a HTTP/1.1\r\nHost: x\r\n\r\n');
  const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');

  function asking(world: VanflowWorld): void {
    const { router } = world;
    router.bridge.tcpListeners.adjust('tl', { observer: 'http1' });
    const ends = world.open('tl');
    router.flowConnected(ends.connector, world.now);
    router.flowReceived(ends.listener, request, world.now);
    world.now += 3;
    router.flowReceived(ends.connector, answer, world.now);
    world.pass(2000);
  }

  it('are told under their flow, with method, status, octets and latency', () => {
    const world = collected();
    asking(world);
    const [flow] = world.known(RECORD_TYPE.transportFlow);
    expect(world.known(RECORD_TYPE.applicationFlow).map((record) => Object.fromEntries(record))).toMatchObject([
      { 2: flow!.get(1), 16: 'HTTP/1.1', 23: 0, 24: 3000, 27: 'GET', 28: '200', 29: 'OK', 58: 5 },
    ]);
    expect(world.known(RECORD_TYPE.applicationFlow)[0]!.has(ATTRIBUTE.endTime)).toBe(true);
  });

  it('cost nothing while nobody listens', () => {
    const world = serving();
    asking(world);
    expect(world.vanflow.counts()).toEqual({ flows: 1, leftOut: 0 });
  });
});

describe('co-records', () => {
  function waiting(): VanflowWorld {
    const world = collected();
    world.router.bridge.deleteConnector('tc', false);
    world.listen('echo');
    world.open('tl');
    world.pass(2000);
    return world;
  }
  const identityOf = (world: VanflowWorld) => String(world.known(RECORD_TYPE.transportFlow)[0]!.get(1));
  const of = (world: VanflowWorld, code: number) => world.known(RECORD_TYPE.transportFlow)[0]!.get(code);

  it('add what the other end knows, and nothing that is known better here', () => {
    const world = waiting();
    world.coRecord([
      [0, amqp.uint(16)],
      [1, amqp.string(identityOf(world))],
      [ATTRIBUTE.connector, amqp.string('other:2')],
      [ATTRIBUTE.processLatency, amqp.ulong(551)],
      [ATTRIBUTE.octets, amqp.ulong(1_000_000)],
      [ATTRIBUTE.sourceHost, amqp.string('6.6.6.6')],
    ]);
    world.pass(2000);
    expect([of(world, 60), of(world, 61), of(world, 23), of(world, 14)]).toEqual(['other:2', 551, 0, '10.0.0.1']);
  });

  it.each([
    ['of another type', [amqp.uint(17), undefined]],
    ['of another source', [amqp.uint(16), 'other:1']],
    ['without an identity', [amqp.uint(16), '']],
    ['of a flow that is not there', [amqp.uint(16), `${SOURCE}:999999`]],
  ] as const)('%s change nothing', (_, [type, identity]) => {
    const world = waiting();
    world.coRecord([
      [0, type],
      [1, amqp.string(identity ?? identityOf(world))],
      [ATTRIBUTE.connector, amqp.string('other:2')],
    ]);
    world.pass(2000);
    expect(of(world, ATTRIBUTE.connector)).toBeUndefined();
  });

  it('with values of wrong types, or no records at all, are passed over', () => {
    const world = waiting();
    world.coRecord([
      [0, amqp.uint(16)],
      [1, amqp.string(identityOf(world))],
      [ATTRIBUTE.connector, amqp.ulong(2)],
      [ATTRIBUTE.processLatency, amqp.string('long')],
      [ATTRIBUTE.trace, amqp.string('0/X')],
    ]);
    world.send(`vfcr.${SOURCE}:0`, 'RECORD', amqp.list([amqp.uint(1), amqp.list([])]));
    world.send(`vfcr.${SOURCE}:0`, 'OTHER', amqp.string('x'));
    world.pass(2000);
    expect([of(world, 60), of(world, 61), of(world, 31)]).toEqual([undefined, undefined, '0/X']);
  });
});

describe('when much happens', () => {
  it('records are told 50 in a message', () => {
    const world = collected();
    for (let count = 0; count < 120; count++) world.exchange('tl');
    world.pass(3000);
    const sizes = world.heard.filter(({ to }) => to.endsWith('.flows')).map(({ records }) => records.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(50);
    expect(world.known(RECORD_TYPE.transportFlow).length).toBe(120);
  });

  it('no more than 5000 that are over wait; the others go untold, and their traffic is none the worse', () => {
    const world = collected();
    const at = world.now;
    for (let count = 0; count < 6000; count++) {
      world.now = at;
      world.exchange('tl');
    }
    expect(world.vanflow.counts()).toEqual({ flows: 5000, leftOut: 1000 });
    expect(world.router.bridge.totals()).toMatchObject({ connectionsClosed: 12_000, connectionsReset: 0 });
    world.pass(8000);
    expect(world.known(RECORD_TYPE.transportFlow).length).toBe(5000);
    world.exchange('tl');
    world.pass(8000);
    expect(world.known(RECORD_TYPE.transportFlow).length).toBe(5001);
    expect(world.vanflow.counts().flows).toBe(0);
  });
});

describe('the log', () => {
  it('is told from warnings on, with module and severity', () => {
    const world = collected();
    const at = EPOCH_MS + 5;
    world.vanflow.logged({ at, module: 'SERVER', level: 'info', text: 'hello' });
    world.vanflow.logged({ at, module: 'SERVER', level: 'error', text: 'lost' });
    world.vanflow.logged({ at, module: 'FLOW_LOG', level: 'error', text: 'myself' });
    world.pass(1000);
    expect(world.known(RECORD_TYPE.log).map((record) => Object.fromEntries(record))).toMatchObject([
      { 2: `${SOURCE}:0`, 3: at * 1000, 4: at * 1000, 48: 3, 49: 'LOG_SERVER: lost' },
    ]);
  });

  const warnings = (world: VanflowWorld, module: string, count: number) => {
    for (let at = 0; at < count; at++)
      world.vanflow.logged({ at: EPOCH_MS + at, module, level: 'warning', text: `${module} ${at}` });
  };
  const texts = (world: VanflowWorld) => world.known(RECORD_TYPE.log).map((record) => record.get(ATTRIBUTE.logText));

  it('of warnings from before anybody listened is told to who asks for everything, once', () => {
    const world = serving();
    warnings(world, 'POLICY', 2);
    world.collect();
    world.pass(2000);
    expect(texts(world)).toEqual([]);
    world.flush();
    world.pass(2000);
    expect(texts(world)).toEqual(['LOG_POLICY: POLICY 0', 'LOG_POLICY: POLICY 1']);
    const { length } = world.heard.filter(({ to }) => to.endsWith('.logs'));
    world.pass(10_000);
    expect(world.heard.filter(({ to }) => to.endsWith('.logs'))).toHaveLength(length);
  });

  it('is told to who asked before it was known that somebody listens to it', () => {
    const world = serving();
    warnings(world, 'POLICY', 1);
    world.listen(`mc/sfe.${SOURCE}:0`);
    world.pass(1000);
    world.flush();
    world.pass(1000);
    world.listen(`mc/sfe.${SOURCE}:0.logs`);
    world.pass(1000);
    expect(texts(world)).toEqual(['LOG_POLICY: POLICY 0']);
  });

  it('of each module has its own place, and is forgotten after a while', () => {
    const world = serving();
    warnings(world, 'POLICY', 1);
    warnings(world, 'ROUTER_CORE', LOG_KEPT_COUNT_MAX + 5);
    world.collect();
    world.flush();
    world.pass(2000);
    expect(texts(world)).toHaveLength(1 + LOG_KEPT_COUNT_MAX);
    expect(texts(world)).toContain('LOG_POLICY: POLICY 0');
    world.heard.length = 0;
    world.pass(LOG_KEPT_MS);
    world.flush();
    world.pass(2000);
    expect(texts(world)).toEqual([]);
  });
});
