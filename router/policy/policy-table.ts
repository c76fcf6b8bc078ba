/**
 * The policies that this router holds, and what they have decided so far. Pure.
 *
 * Compiled when it is next asked, so that a thousand that are created one after the other are compiled once. `revision` changes with each
 * change: who keeps decisions compares it.
 */

import { compilePolicies, decide, type Governing, governing, type PolicySet } from '../../lib/policy/decide.ts';
import { isAboutWorkload } from '../../lib/policy/match.ts';
import type { Decision, Limits, PolicyDocument, PolicyRequest, RuleReference } from '../../lib/policy/types.ts';

export interface PolicyCounts {
  /** Connections and links that it has refused, and would have if it were not for `dryRun`. */
  refused: number;
  wouldRefuse: number;
  /** Connections that found no place within its limits, and those that had to wait for one. */
  limited: number;
  waited: number;
}

export class PolicyTable {
  revision = 0;
  private readonly documents = new Map<string, PolicyDocument>();
  private readonly counts = new Map<string, PolicyCounts>();
  private compiled: PolicySet | undefined;

  /** @param reference `ClusterAccessPolicy/NAME` or `AccessPolicy/NAMESPACE/NAME` */
  set(reference: string, document: PolicyDocument): void {
    this.documents.set(reference, document);
    this.changed();
  }

  delete(reference: string): void {
    if (!this.documents.delete(reference)) return;
    this.counts.delete(reference);
    this.changed();
  }

  get isEmpty(): boolean {
    return this.documents.size === 0;
  }

  get references(): Iterable<string> {
    return this.documents.keys();
  }

  get policies(): PolicySet {
    this.compiled ??= compilePolicies(this.documents.values());
    return this.compiled;
  }

  decide(request: PolicyRequest): Decision {
    return decide(this.policies, request);
  }

  governing(request: PolicyRequest): Governing {
    return governing(this.policies, request);
  }

  limitsOf({ policy, rule = 0 }: RuleReference): Limits | undefined {
    const found = this.documents.get(policy)?.spec.rules[rule];
    return found?.action === 'Limit' ? found.limits : undefined;
  }

  /** Whether some of these policies ask what runs at the client's address. */
  asksForWorkload({ cluster, namespaced }: Governing): boolean {
    return [...cluster, ...namespaced].some(({ reference }) => {
      const { rules = [] } = this.documents.get(reference)?.spec ?? {};
      return rules.some(({ from = [] }) => from.some(isAboutWorkload));
    });
  }

  /** Undefined where nothing was counted. */
  countsOf(reference: string): Readonly<PolicyCounts> | undefined {
    return this.counts.get(reference);
  }

  count(by: RuleReference | undefined, what: keyof PolicyCounts): void {
    if (by === undefined || !this.documents.has(by.policy)) return;
    let counts = this.counts.get(by.policy);
    if (counts === undefined) {
      counts = { refused: 0, wouldRefuse: 0, limited: 0, waited: 0 };
      this.counts.set(by.policy, counts);
    }
    counts[what]++;
  }

  private changed(): void {
    this.compiled = undefined;
    this.revision++;
  }
}
