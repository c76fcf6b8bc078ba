/**
 * Rules by whom they name, so that of a thousand which each name a site, a client is looked at by those that name its own. Finds what a look
 * at all of them in their order would find. Pure.
 *
 * Not for clients that are only partly known (`early`): what is not known of them could be what any rule names.
 */
import type { ClientSelector, PolicyClient } from './types.ts';

export interface IndexedRule {
  /** All clients when absent. */
  readonly from?: readonly ClientSelector[] | undefined;
}

interface Entry<R> {
  /** Its place among all. */
  readonly at: number;
  readonly rule: R;
}

/** What selectors name of a client by words without `*`, the one that tells most apart first. */
const NAMED = ['sites', 'workloads', 'serviceAccounts', 'namespaces'] as const;
type Named = (typeof NAMED)[number];

export class RuleIndex<R extends IndexedRule> {
  private readonly named: Readonly<Record<Named, Map<string, Entry<R>[]>>> = {
    sites: new Map(),
    workloads: new Map(),
    serviceAccounts: new Map(),
    namespaces: new Map(),
  };
  /** Those that may mean anybody. */
  private readonly others: Entry<R>[] = [];

  /** @param rules in their order */
  constructor(rules: Iterable<R>) {
    let at = 0;
    for (const rule of rules) this.add({ at: at++, rule });
  }

  /** The first that is wanted, of those that may mean the client. */
  first(client: PolicyClient, isWanted: (rule: R) => boolean): R | undefined {
    let found: Entry<R> | undefined;
    for (const entries of this.candidates(client)) {
      for (const entry of entries) {
        if (found !== undefined && entry.at >= found.at) break;
        if (!isWanted(entry.rule)) continue;
        found = entry;
        break;
      }
    }
    return found?.rule;
  }

  /** All of them, in their order. */
  all(client: PolicyClient, isWanted: (rule: R) => boolean): R[] {
    const found = new Map<number, R>();
    for (const entries of this.candidates(client)) {
      for (const { at, rule } of entries) if (!found.has(at) && isWanted(rule)) found.set(at, rule);
    }
    return [...found].sort(([a], [b]) => a - b).map(([, rule]) => rule);
  }

  private add(entry: Entry<R>): void {
    const { from } = entry.rule;
    const keys = from?.map(keysOf);
    if (keys === undefined || keys.includes(undefined)) {
      this.others.push(entry);
      return;
    }
    for (const { by, names } of keys as Keys[]) {
      for (const name of new Set(names)) {
        const entries = this.named[by].get(name);
        if (entries === undefined) this.named[by].set(name, [entry]);
        // Two selectors of one rule may name the same.
        else if (entries.at(-1) !== entry) entries.push(entry);
      }
    }
  }

  private *candidates({ siteId, siteName, workload, serviceAccount, namespace }: PolicyClient): Generator<Entry<R>[]> {
    yield this.others;
    const asked: readonly (readonly [Named, string | undefined])[] = [
      ['sites', siteId],
      ['sites', siteName],
      ['workloads', workload],
      ['serviceAccounts', serviceAccount],
      ['namespaces', namespace],
    ];
    for (const [by, name] of asked) {
      const entries = name === undefined ? undefined : this.named[by].get(name);
      if (entries !== undefined) yield entries;
    }
  }
}

interface Keys {
  readonly by: Named;
  readonly names: readonly string[];
}

/** By which words a client must be called that the selector means; undefined when it may be called anything. */
function keysOf(selector: ClientSelector): Keys | undefined {
  for (const by of NAMED) {
    const names = selector[by];
    if (names?.every((name) => !name.includes('*')) === true) return { by, names };
  }
  return undefined;
}
