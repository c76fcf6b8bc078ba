/** What policies in dry run would refuse in each namespace, as it was last looked at: changes are logged, once, and the rest is counted. */
import type { Logger } from '../lib/log.ts';
import type { Observed } from './reconcile/observed.ts';
import {
  REHEARSED_OPERATIONS,
  type Rehearsal,
  type RehearsedOperation,
  rehearsals,
  rehearsalText,
} from './reconcile/policy/rehearsals.ts';
import type { ResourceKey } from './store.ts';

type Rehearsals = ReadonlyMap<ResourceKey, Rehearsal>;

export class RehearsalBook {
  private readonly log: Logger;
  /** By namespace; none that has none. */
  private readonly known = new Map<string, Rehearsals>();

  constructor(log: Logger) {
    this.log = log;
  }

  look(observed: Observed): void {
    const { namespace } = observed;
    const before = this.known.get(namespace);
    const now = rehearsals(observed);
    if (now.size > 0) this.known.set(namespace, now);
    else this.known.delete(namespace);
    for (const [key, rehearsal] of now) {
      const old = before?.get(key);
      if (old !== undefined && rehearsalText(old) === rehearsalText(rehearsal)) continue;
      const { by, reason, count } = rehearsal;
      this.log.warn(
        { ...aboutOf(namespace, rehearsal), ...by, reason, count },
        'would be refused by a policy in dry run',
      );
    }
    for (const [key, old] of before ?? []) {
      if (!now.has(key)) this.log.info(aboutOf(namespace, old), 'would not be refused by a policy in dry run any more');
    }
  }

  /** It is looked at no longer. */
  forget(namespace: string): void {
    this.known.delete(namespace);
  }

  /** Nothing is looked at any longer. */
  clear(): void {
    this.known.clear();
  }

  /** How many resources would be refused now. */
  counts(): Record<RehearsedOperation, number> {
    const all = [...this.known.values()].flatMap((found) => [...found.values()]);
    const counted = REHEARSED_OPERATIONS.map((wanted) => {
      return [wanted, all.filter(({ operation }) => operation === wanted).length] as const;
    });
    return Object.fromEntries(counted) as Record<RehearsedOperation, number>;
  }
}

function aboutOf(namespace: string, { resource, operation }: Rehearsal) {
  const { kind, metadata } = resource;
  return { namespace, kind, name: metadata.name, operation };
}
