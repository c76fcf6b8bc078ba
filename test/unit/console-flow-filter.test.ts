/** Which connections somebody sees who asked for some of them. */
import { describe, expect, it } from 'vitest';
import { changeMatcherOf, matcherOf } from '../../console/model/flow-filter.ts';
import { twoSites } from '../support/console-fixture.ts';

const names = { siteName: (id: string) => id.replace('site-', '') };
const [flow] = twoSites(1_800_000_000_000).flows;
const open = { ...flow!, state: 'open' as const };
const closed = { ...flow!, state: 'closed' as const };

describe('connections that somebody asked for', () => {
  it('are those of a service, a site by its name or id, and a state', () => {
    expect(matcherOf({ address: open.address, site: 'west', state: 'open' }, names)(open)).toBe(true);
    expect(matcherOf({ from: open.fromSite }, names)(open)).toBe(true);
    expect(matcherOf({ to: 'nowhere' }, names)(open)).toBe(false);
    expect(matcherOf({ state: 'open' }, names)(closed)).toBe(false);
  });

  it('are seen to end by who follows those that are open', () => {
    expect(changeMatcherOf({ state: 'open' }, names)(closed)).toBe(true);
    expect(changeMatcherOf({ state: 'refused' }, names)(closed)).toBe(false);
    expect(changeMatcherOf({ state: 'open', address: 'other' }, names)(closed)).toBe(false);
  });
});
