/** Statuses of ClusterAccessPolicies: of the whole cluster, so they are told by the controller that sees all of it, and by no pass over a namespace. */
import type { Resource } from '../../../config/api/index.ts';
import type { Clock } from '../../../lib/clock.ts';
import { invalidOutcome, statusFrom } from '../../reconcile/outcomes.ts';
import { policyOutcome } from '../../reconcile/policy/plan.ts';
import type { ControllerSettings } from '../../reconcile/settings.ts';
import type { Writes } from './namespace-pass.ts';
import type { PolicyCache } from './policy-cache.ts';
import { type EventWant, eventsOf } from './status-events.ts';

/** How much each governs changes with every service of the cluster, and nobody waits for it. */
const PAUSE_MS = 1000;

export interface ClusterPoliciesParts {
  settings: Pick<ControllerSettings, 'watchNamespace'>;
  policies: PolicyCache;
  writes: Pick<Writes, 'patchStatus'>;
  clock: Clock;
  onEvent: (event: EventWant) => void;
}

export class ClusterPolicies {
  private readonly parts: ClusterPoliciesParts;
  private notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(parts: ClusterPoliciesParts) {
    this.parts = parts;
  }

  /** A controller of one namespace reads them at best. */
  get isConcern(): boolean {
    const { settings, policies } = this.parts;
    return settings.watchNamespace === undefined && policies.hasClusterPolicies;
  }

  /** When to look again, in milliseconds from now. */
  async run(): Promise<number> {
    const { policies, writes, clock, onEvent } = this.parts;
    const waitMs = this.notBeforeMs - clock.now();
    if (waitMs > 0) return waitMs;
    this.notBeforeMs = clock.now() + PAUSE_MS;
    const { policies: all, invalid, world, sites } = policies.clusterScope();
    const told = all.map((policy) => policyOutcome(policy, '', world, sites));
    const outcomes = [...told, ...invalid.map(invalidOutcome)];
    await Promise.all(
      outcomes.map(async (outcome) => {
        const resource: Resource = outcome.resource;
        const before = 'status' in resource ? resource.status : undefined;
        const after = statusFrom(outcome, clock.wall());
        await writes.patchStatus(resource, '', after);
        for (const event of eventsOf(resource, before, after)) onEvent(event);
      }),
    );
    return Infinity;
  }
}
