/** Refused connections as events: what up to four tell of the same one is one row. */
import { beforeEach, describe, expect, it } from 'vitest';
import { readPolicyLog } from '../../console/model/policy-log.ts';
import { type Refusal, Refusals } from '../../console/model/refusals.ts';
import { TimeLine } from '../../console/model/time-line.ts';
import { ATTRIBUTE, LOG_SEVERITY, RECORD_TYPE } from '../../lib/vanflow.ts';
import { micros, NetworkWorld, WALL_MS } from '../support/network-world.ts';

const REASON = 'AccessPolicy/east/nobody, rule 0, denies this: site west connects to service web of namespace east';
const WEST = { end: 'listener', site: 'w-site', siteName: 'west' } as const;
const EAST = { end: 'connector', site: 'e-site', siteName: 'east' } as const;

let line: TimeLine;
let refusals: Refusals;
beforeEach(() => {
  line = new TimeLine();
  refusals = new Refusals(line);
});

function tell(parts: Partial<Refusal>): void {
  const whole = { at: 1000, fate: 'refused', address: 'web', reason: REASON, toldBy: 'flow', count: 1 } as const;
  refusals.tell({ ...whole, ...WEST, ...parts });
}

const rows = () => line.all().map(({ message, count }) => `${count}x ${message}`);

describe('one refusal', () => {
  const flow = () => tell({ client: '10.0.0.1', reason: `policy-refused (${REASON})` });
  const here = () => tell({ toldBy: 'log' });
  const there = () => tell({ toldBy: 'log', ...EAST });
  const counter = () => tell({ toldBy: 'counter', reason: '' });
  const ROW = `1x Connection to web from 10.0.0.1 refused: ${REASON}; seen at the listener of west and at the connector of east`;

  it.each([
    [[flow, here, there, counter]],
    [[counter, there, here, flow]],
    [[there, counter, flow, here]],
    [[here, flow, counter, there]],
  ])('told by all is one row, in whatever order', (order) => {
    for (const each of order) each();
    expect(rows()).toEqual([ROW]);
    expect(line.all()[0]).toMatchObject({ type: 'flow-refused', site: 'w-site', object: 'service/web', at: 1000 });
  });

  it('told of by a log whose address is not known, or cut off, is the same', () => {
    flow();
    tell({ toldBy: 'log', ...EAST, address: '', reason: REASON.slice(0, 60) });
    expect(rows()).toEqual([ROW]);
  });

  it('with a reason that was cut off within its brackets is the same', () => {
    here();
    tell({ reason: `policy-refused (${REASON.slice(0, 50)}` });
    expect(rows()).toHaveLength(1);
  });
});

describe('many refusals', () => {
  it('are counted once, by who has counted most', () => {
    for (let at = 1; at <= 5; at += 1) tell({ at, client: '10.0.0.1' });
    tell({ at: 5, toldBy: 'log', count: 3, ...EAST });
    expect(line.all()).toMatchObject([{ count: 5, at: 5 }]);
    tell({ at: 6, toldBy: 'log', count: 9, ...EAST });
    expect(line.all()).toMatchObject([{ count: 12, at: 6 }]);
  });

  it('of another service, reason, fate or site of the listener, or of another time, are other rows', () => {
    tell({});
    tell({ address: 'db' });
    tell({ reason: 'AccessPolicy/east/other, rule 1, denies this' });
    tell({ fate: 'wouldBeRefused' });
    tell({ site: 'n-site', siteName: 'north' });
    tell({ at: 62_000 });
    expect(rows()).toHaveLength(6);
    tell({ at: 62_500 });
    expect(rows()).toHaveLength(6);
  });

  it('of many clients name some of them', () => {
    for (const host of [1, 2, 3, 4, 5]) tell({ client: `10.0.0.${host}` });
    expect(rows()[0]).toContain('from 10.0.0.1, 10.0.0.2, 10.0.0.3 and others refused');
  });

  it('are bounded', () => {
    for (let at = 0; at < 2000; at += 1) tell({ address: `s${at}` });
    expect(line.all()).toHaveLength(500);
    tell({ address: 's0' });
    expect(line.all().at(-1)!.message).toContain('s0 ');
  });
});

describe('the log of a router', () => {
  it.each([
    [
      `connection refused by a policy connector=connector/web@10.0.0.1 policy=AccessPolicy/east/nobody rule=0 reason=${REASON} count=3`,
      { fate: 'refused', end: 'connector', entity: 'connector/web@10.0.0.1', reason: REASON, count: 3 },
    ],
    [
      `connection refused by a policy at the other end listener=listener/web reason=${REASON} count=1`,
      { fate: 'refused', end: 'listener', entity: 'listener/web', reason: REASON, count: 1 },
    ],
    [
      'connection would be refused by a policy in dry run listener=l policy=ClusterAccessPolicy/c reason=no rule allows count=2',
      { fate: 'wouldBeRefused', end: 'listener', entity: 'l', reason: 'no rule allows', count: 2 },
    ],
    [
      'open connection reset: a policy does not allow it any more listener=l policy=AccessPolicy/a/b rule=1 reason=x co',
      { fate: 'reset', end: 'listener', entity: 'l', reason: 'x', count: 1 },
    ],
    ['trouble with listener=l reason=x count=1', undefined],
  ])('says %s', (text, read) => {
    expect(readPolicyLog(`LOG_POLICY: ${text}`)).toEqual(read);
  });

  it('of another module is none of a policy', () => {
    expect(readPolicyLog('LOG_ROUTER: connection refused by a policy listener=l reason=x count=1')).toBeUndefined();
  });
});

describe('the network', () => {
  it('hears of a refusal from both routers and the flow, and tells it once, when it was', () => {
    const world = new NetworkWorld();
    world.tellAll();
    world.sources.wantFlows(true, world.now);
    world.model.hearFlows(true);
    world.pass(6000);
    world.model.view(world.now);
    const log = (source: string, says: string) =>
      world.tell(source, {
        0: RECORD_TYPE.log,
        1: `${source}99`,
        [ATTRIBUTE.parent]: source,
        [ATTRIBUTE.logSeverity]: LOG_SEVERITY.warning,
        [ATTRIBUTE.startTime]: micros(5000),
        [ATTRIBUTE.logText]: `LOG_POLICY: ${says} reason=${REASON} count=1`,
      });
    log(
      'e:0',
      'connection refused by a policy connector=connector/web@10.0.0.9 policy=AccessPolicy/east/nobody rule=0',
    );
    log('w:0', 'connection refused by a policy at the other end listener=web');
    world.flow(7, {
      [ATTRIBUTE.sourceHost]: '10.0.0.1',
      [ATTRIBUTE.endTime]: micros(5000),
      [ATTRIBUTE.errorListenerSide]: `policy-refused (${REASON})`,
    });
    const told = world.model.view(world.now).events.filter(({ type }) => /flow|log/.test(type));
    expect(told).toMatchObject([
      {
        at: WALL_MS + 5000,
        count: 1,
        message: `Connection to web from 10.0.0.1 refused: ${REASON}; seen at the listener of west and at the connector of east`,
      },
    ]);
  });

  it('says of what and where it was, though a log has told of it before it was known what there is', () => {
    const world = new NetworkWorld();
    world.tell('w:0', {
      0: RECORD_TYPE.log,
      1: 'w:99',
      [ATTRIBUTE.parent]: 'w:0',
      [ATTRIBUTE.logSeverity]: LOG_SEVERITY.warning,
      [ATTRIBUTE.startTime]: micros(-5000),
      [ATTRIBUTE.logText]: `LOG_POLICY: connection would be refused by a policy in dry run listener=web reason=${REASON} count=1`,
    });
    world.tellAll();
    world.pass(6000);
    const told = world.model.view(world.now).events.filter(({ type }) => /^flow/.test(type));
    expect(told).toMatchObject([
      {
        at: WALL_MS - 5000,
        site: 'w-site',
        message: `Connection to web would be refused, were it no dry run: ${REASON}; seen at the listener of west`,
      },
    ]);
  });

  it('counts a log entry once that a router tells again, since another has asked', () => {
    const world = new NetworkWorld();
    world.tellAll();
    world.pass(6000);
    const says = 'connection would be refused by a policy in dry run listener=web';
    const tell = (id: string) =>
      world.tell('w:0', {
        0: RECORD_TYPE.log,
        1: id,
        [ATTRIBUTE.parent]: 'w:0',
        [ATTRIBUTE.logSeverity]: LOG_SEVERITY.warning,
        [ATTRIBUTE.startTime]: micros(5000),
        [ATTRIBUTE.logText]: `LOG_POLICY: ${says} reason=${REASON} count=2`,
      });
    for (const id of ['w:98', 'w:98', 'w:99', 'w:98']) tell(id);
    const told = world.model.view(world.now).events.filter(({ type }) => /^flow/.test(type));
    expect(told).toMatchObject([{ type: 'flow-would-be-refused', count: 4 }]);
  });
});
