/** Which router belongs to which site, as sites tell it; and who cannot tell it. */
import { beforeEach, describe, expect, it } from 'vitest';
import { SiteRouters } from '../../service-controller/exchange/site-routers.ts';

let routers: SiteRouters;
beforeEach(() => {
  routers = new SiteRouters();
});

function record(
  site: string,
  ids: readonly string[],
  ingress: string | undefined,
  now = 0,
  instance = 1,
  seq = 1,
): void {
  const content = { listeners: [], connectors: [], services: [] };
  const body = { v: 1, type: 'record', instance, seq, site: { id: site, name: site }, ...content };
  routers.receive({ text: JSON.stringify({ ...body, routers: ids.map((id) => ({ id, links: [] })) }), ingress }, now);
}

function say(type: 'digest' | 'leave', siteId: string, ingress: string | undefined, now: number, seq = 1): void {
  routers.receive({ text: JSON.stringify({ v: 1, type, siteId, instance: 1, seq }), ingress }, now);
}

function known(): Record<string, string> {
  return Object.fromEntries(routers.siteByRouter());
}

function requests(): string[] {
  const texts: string[] = [];
  for (let text = routers.nextMessage(); text !== undefined; text = routers.nextMessage()) texts.push(text);
  return texts.map((text) => JSON.parse(text).siteId);
}

describe('routers of sites', () => {
  it('are those that a site lists', () => {
    record('A', ['a1', 'a2'], 'a1');
    record('B', ['b1'], 'b1');
    expect(known()).toEqual({ a1: 'A', a2: 'A', b1: 'B' });
  });

  it('are asked for when a site is heard that is not known, once a second', () => {
    say('digest', 'A', 'a1', 0);
    say('digest', 'A', 'a1', 100);
    expect(requests()).toEqual(['A']);
    say('digest', 'A', 'a1', 1100);
    expect(requests()).toEqual(['A']);
    record('A', ['a1'], 'a1', 1200);
    say('digest', 'A', 'a1', 5000);
    expect(requests()).toEqual([]);
    say('digest', 'A', 'a1', 9000, 2);
    expect(requests()).toEqual(['A']);
  });

  it('change with the records of their site, and former ones are remembered', () => {
    record('A', ['a1', 'a2'], 'a1');
    record('A', ['a2', 'a3'], 'a2', 100, 1, 2);
    record('A', ['a3'], 'a3', 200, 1, 3);
    expect(known()).toEqual({ a1: 'A', a2: 'A', a3: 'A' });
  });

  it('are forgotten an hour after anyone told of them', () => {
    record('A', ['a1'], 'a1');
    routers.tick(3_500_000);
    expect(known()).toEqual({ a1: 'A' });
    routers.tick(3_700_000);
    expect(known()).toEqual({});
  });

  it('stay known when the site says good-bye: its controller may restart, its routers go on', () => {
    record('A', ['a1'], 'a1');
    say('leave', 'A', 'a1', 100);
    expect(known()).toEqual({ a1: 'A' });
  });

  it('are told by a new router at once after a good-bye, and after two heartbeats of silence', () => {
    record('A', ['a1'], 'a1');
    say('leave', 'A', 'a1', 100);
    record('A', ['a9'], 'a9', 200, 2);
    expect(known()).toEqual({ a1: 'A', a9: 'A' });
    record('B', ['b1'], 'b1', 200);
    record('B', ['b9'], 'b9', 5000, 2);
    expect(known().b9).toBeUndefined();
    record('B', ['b9'], 'b9', 12_000, 2);
    expect(known().b9).toBe('B');
  });
});

describe('a record of a site', () => {
  it('is refused without a router, and from one that it does not list', () => {
    record('A', ['a1'], undefined);
    record('A', ['a1'], 'x1');
    expect(known()).toEqual({});
    expect(routers.stats.refused).toBe(2);
  });

  it('is refused from the router of another site, while that site lives', () => {
    record('X', ['x1'], 'x1');
    record('A', ['x1', 'a1'], 'x1', 10);
    expect(known()).toEqual({ x1: 'X' });
  });

  it('is refused from an unknown router while the site lives, although the record lists that router', () => {
    record('A', ['a1'], 'a1');
    record('A', ['a1', 'x1'], 'x1', 5000, 9);
    expect(known()).toEqual({ a1: 'A' });
    say('digest', 'A', 'a1', 9000);
    record('A', ['a1', 'x1'], 'x1', 14_000, 9);
    expect(known()).toEqual({ a1: 'A' });
  });

  it('does not take a router that spoke for its site, even in its silence', () => {
    record('A', ['a1'], 'a1');
    record('X', ['x1', 'a1'], 'x1', 10);
    expect(known()).toEqual({ a1: 'A', x1: 'X' });
    record('X', ['x1', 'a1'], 'x1', 60_000, 1, 2);
    expect(known()).toEqual({ a1: 'A', x1: 'X' });
  });

  it('gets back a router that another site listed before it spoke', () => {
    record('X', ['x1', 'a1', 'a2'], 'x1');
    record('A', ['a1', 'a2'], 'a1', 10);
    expect(known()).toEqual({ x1: 'X', a1: 'A', a2: 'X' });
    record('A', ['a1', 'a2'], 'a2', 20, 1, 2);
    expect(known()).toEqual({ x1: 'X', a1: 'A', a2: 'A' });
  });

  it('cannot be kept from others by digests and good-byes of strangers', () => {
    record('A', ['a1'], 'a1');
    say('leave', 'A', 'x1', 10);
    record('A', ['x1'], 'x1', 20, 5);
    say('digest', 'A', 'x1', 9000);
    expect(known()).toEqual({ a1: 'A' });
    record('A', ['a2'], 'a2', 12_000, 5);
    expect(known()).toEqual({ a1: 'A', a2: 'A' });
  });

  it('that is older than the last is ignored', () => {
    record('A', ['a1', 'a2'], 'a1', 0, 1, 5);
    record('A', ['a1', 'a3'], 'a1', 10, 1, 4);
    record('A', ['a1', 'a3'], 'a1', 10, 0, 9);
    expect(known()).toEqual({ a1: 'A', a2: 'A' });
  });

  it('that is none is counted', () => {
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '{"type":"record"}',
      '{"type":7}',
      '{"v":1,"type":"digest","siteId":4}',
    ]) {
      routers.receive({ text, ingress: 'a1' }, 0);
    }
    routers.receive({ text: `"${'x'.repeat(2 ** 20)}"`, ingress: 'a1' }, 0);
    expect(routers.stats.malformed).toBe(8);
    expect(known()).toEqual({});
  });

  it('of ever new routers does not fill the memory', () => {
    for (let index = 0; index < 500; index += 1) record('A', ['a1', `r${index}`], 'a1', index, 1, index);
    expect(routers.siteByRouter().size).toBeLessThan(140);
    for (let index = 0; index < 3000; index += 1) record(`S${index}`, [`s${index}`], `s${index}`, 1000);
    expect(routers.siteByRouter().size).toBeLessThan(1200);
  });

  it('is not asked for without measure', () => {
    for (let index = 0; index < 3000; index += 1) say('digest', `S${index}`, 'x1', 10);
    expect(requests().length).toBeLessThanOrEqual(128);
  });
});
