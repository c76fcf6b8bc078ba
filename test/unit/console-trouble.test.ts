/** What the console does when it hears nothing, too much, or what is meant to mislead. */
import { beforeEach, describe, expect, it } from 'vitest';
import { topText } from '../../cli/output/live.ts';
import { RECORD_COUNT_ALL_MAX, RECORD_COUNT_MAX, RECORD_TEXT_LENGTH_MAX } from '../../console/model/limits.ts';
import { NetworkModel } from '../../console/model/network.ts';
import { readRecords } from '../../console/model/records.ts';
import { ATTRIBUTE, LOG_SEVERITY, RECORD_TYPE } from '../../lib/vanflow.ts';
import { micros, NetworkWorld, WALL_MS } from '../support/network-world.ts';

let world: NetworkWorld;
const view = () => world.model.view(world.now);
const problems = () => view().problems.map(({ id }) => id);

beforeEach(() => {
  world = new NetworkWorld();
  world.tellAll();
});

describe('a router that the console listens at and that goes away', () => {
  beforeEach(() => {
    world.pass(6000);
    world.sources.disconnected();
    world.model.disconnected(world.now);
  });

  it('is said after a second: what is shown is as it was then', () => {
    world.now += 999;
    expect(problems()).toEqual([]);
    world.now += 1;
    expect(view().problems).toEqual([
      { id: 'router', since: WALL_MS + 7000, message: expect.stringContaining('cannot be reached') },
    ]);
    expect(topText(view(), WALL_MS)).toMatch(/^! The router of this site cannot be reached/m);
    expect(view().links).toHaveLength(1);
  });

  it('is an event, and so is its return', () => {
    world.now += 3000;
    world.model.connected('east', world.now);
    expect(problems()).toEqual([]);
    expect(
      view()
        .events.slice(-2)
        .map(({ type, site, message }) => [type, site, message]),
    ).toEqual([
      ['router-lost', 'e-site', 'Router east cannot be reached by the console'],
      ['router-found', 'e-site', 'Router east is reached again'],
    ]);
  });
});

describe('a router that was never reached', () => {
  it('is a problem, and no event', () => {
    const model = new NetworkModel((now) => WALL_MS + now);
    model.disconnected(0);
    expect(model.view(2000).problems).toHaveLength(1);
    model.connected('east', 3000);
    expect(model.view(3000).problems).toEqual([]);
    expect(model.view(3000).events).toEqual([]);
  });
});

describe('more than is kept', () => {
  const listener = (index: number) => ({ 0: RECORD_TYPE.listener, 1: `n:${index}`, [ATTRIBUTE.parent]: 'w:0' });
  const flood = (source: string, count: number) => {
    const records = Array.from({ length: count }, (_, index) => listener(index));
    world.model.told(
      source,
      records.flatMap((one) => readRecords([one])),
      true,
      world.now,
    );
  };

  it('of one source or of all is left out, said for a while, and there is room again when a source is gone', () => {
    for (let source = 0; source < RECORD_COUNT_ALL_MAX / RECORD_COUNT_MAX; source++)
      flood(`n${source}`, RECORD_COUNT_MAX + 1);
    expect(problems()).toEqual(['limits']);
    expect(view().endpoints).toHaveLength(RECORD_COUNT_MAX + 2);
    world.now += 61_000;
    expect(problems()).toEqual([]);
    world.tell('w:0', { ...listener(0), 1: 'w:9' });
    expect(problems()).toEqual(['limits']);
    world.model.gone('n0');
    world.tell('w:0', { ...listener(0), 1: 'w:9' });
    expect(view().endpoints.some(({ id }) => id === 'w:9')).toBe(true);
  }, 60_000);

  it('in one record is left out: texts beyond a limit, and codes that mean nothing here', () => {
    const long = 'x'.repeat(500);
    const texts = Object.fromEntries([15, 17, 18, 19, 20, 21, 22].map((code) => [code, long]));
    const [record] = readRecords([{ ...texts, 0: RECORD_TYPE.listener, 1: 'n:1', 777: 'x' }]);
    expect(record!.values.has(777)).toBe(false);
    const kept = [...record!.values.values()].filter((value) => typeof value === 'string');
    expect(kept.join('').length).toBeLessThanOrEqual(RECORD_TEXT_LENGTH_MAX);
  });
});

describe('words of others', () => {
  it('steer no terminal and turn no line around', () => {
    world.tell('w:0', { 0: RECORD_TYPE.site, 1: 'w-site', [ATTRIBUTE.name]: 'we\u001b[2Jst\u202e\n' });
    expect(view().sites[0]!.name).toBe('we [2Jst  ');
    world.tell('w:0', { 0: RECORD_TYPE.site, 1: 'x\u0007', [ATTRIBUTE.name]: 'x' });
    expect(view().sites).toHaveLength(2);
    const event = { at: WALL_MS, severity: 'error', type: 'link-fault', site: 'e-site' } as const;
    world.model.platformTold([{ ...event, key: 'k', object: 'link/a\u0000', message: 'b\u001b[1m' }], [], 0);
    expect(view().events.at(-1)).toMatchObject({ object: 'link/a ', message: 'b [1m' });
  });

  it('are of no later than now, however far ahead their clock is', () => {
    world.pass(6000);
    world.hear('mc/sfe.w:0.logs', 'RECORD', {}, [
      {
        0: RECORD_TYPE.log,
        1: 'w:77',
        [ATTRIBUTE.parent]: 'w:0',
        [ATTRIBUTE.startTime]: micros(3_600_000),
        [ATTRIBUTE.logSeverity]: LOG_SEVERITY.warning,
        [ATTRIBUTE.logText]: 'from the future',
      },
    ]);
    expect(view().events.find(({ message }) => message === 'from the future')!.at).toBe(WALL_MS + world.now);
  });
});
