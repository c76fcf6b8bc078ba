/** What is different between two pictures of the network, section by section: what goes to the pages that are open. */
import { isDeepStrictEqual } from 'node:util';
import type { NetworkView, SectionChange } from './view.ts';

export const NOTHING: NetworkView = {
  sites: [],
  routers: [],
  links: [],
  endpoints: [],
  services: [],
  traffic: [],
  events: [],
  problems: [],
};

const SECTIONS = Object.keys(NOTHING) as (keyof NetworkView)[];

export function changesBetween(before: NetworkView, after: NetworkView): SectionChange[] {
  return SECTIONS.flatMap((section) => {
    const change = sectionChange(section, before[section], after[section]);
    return change.set.length + change.gone.length > 0 ? [change] : [];
  });
}

function sectionChange(section: keyof NetworkView, before: readonly object[], after: readonly object[]): SectionChange {
  if (before === after) return { section, set: [], gone: [] };
  const known = new Map(before.map((item) => [keyOf(section, item), item]));
  const set: object[] = [];
  for (const item of after) {
    const key = keyOf(section, item);
    if (!isDeepStrictEqual(known.get(key), item)) set.push(item);
    known.delete(key);
  }
  return { section, set, gone: [...known.keys()] };
}

function keyOf(section: keyof NetworkView, item: object): string | number {
  const { id, address } = item as { id?: string | number; address?: string };
  return (section === 'services' ? address : id) ?? '';
}

/** The picture after a change, as a page makes it. */
export function applyChanges(before: NetworkView, changes: readonly SectionChange[]): NetworkView {
  const after: Record<keyof NetworkView, readonly object[]> = { ...before };
  for (const { section, set, gone } of changes) {
    const items = new Map(after[section].map((item) => [keyOf(section, item), item]));
    for (const key of gone) items.delete(key);
    for (const item of set) items.set(keyOf(section, item), item);
    after[section] = [...items.values()];
  }
  return after as unknown as NetworkView;
}
