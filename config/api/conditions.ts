/**
 * Conditions of a resource's status, by the rules that Skupper's CLI and GitOps health checks key on: three reasons (Ready,
 * Pending, Error), one `Ready` condition that sums up, and the same outcome in `status.status` and `status.message`.
 * Pure: each function returns a new status. Control-plane reference 1.1.
 */
import type { WarningReason } from '../../lib/policy/world.ts';
import type { Resource } from './index.ts';
import type { Condition } from './schema.ts';

export interface ConditionedStatus {
  status?: 'Ready' | 'Pending' | 'Error';
  message?: string;
  conditions?: Condition[];
}

export type ConditionType =
  | 'Configured'
  | 'Resolved'
  | 'Running'
  | 'Matched'
  | 'Processed'
  | 'Redeemed'
  | 'Operational'
  | 'Valid'
  | 'Warnings'
  | 'Ready';

export interface Finding {
  type: ConditionType;
  status: 'True' | 'False';
  /** Of `Warnings`, what is warned of: of a policy what about it, of what policies are about that one in dry run would refuse it. */
  reason: StatusReason | WarningReason | 'WouldBeRefused' | 'NoWarnings';
  message: string;
}

type StatusReason = 'Ready' | 'Pending' | 'Error';
type StatusFinding = Finding & { reason: StatusReason };

export function ready(type: ConditionType, message = 'OK'): StatusFinding {
  return { type, status: 'True', reason: 'Ready', message };
}

export function pending(type: ConditionType, message: string): StatusFinding {
  return { type, status: 'False', reason: 'Pending', message };
}

export function failed(type: ConditionType, message: string): StatusFinding {
  return { type, status: 'False', reason: 'Error', message };
}

/** The conditions that a resource needs to be Ready, in the order in which their faults are reported. */
export function requiredConditions(resource: Resource): ConditionType[] {
  switch (resource.kind) {
    case 'Site':
      return ['', 'none', undefined].includes(resource.spec.linkAccess)
        ? ['Configured', 'Running']
        : ['Configured', 'Running', 'Resolved'];
    case 'Link':
    case 'MultiKeyListener':
      return ['Configured', 'Operational'];
    case 'Listener':
    case 'Connector':
    case 'AttachedConnectorBinding':
      return ['Configured', 'Matched'];
    case 'AttachedConnector':
      return ['Configured'];
    case 'AccessGrant':
      return ['Processed', 'Resolved'];
    case 'AccessToken':
      return ['Redeemed'];
    case 'RouterAccess':
    case 'SecuredAccess':
      return ['Configured', 'Resolved'];
    case 'Certificate':
      return ['Ready'];
    case 'ClusterAccessPolicy':
    case 'AccessPolicy':
      return ['Valid'];
    default:
      return [];
  }
}

/** `lastTransitionTime` moves only with the boolean; `observedGeneration` always follows. `now` is wall-clock milliseconds. */
export function setCondition<Status extends ConditionedStatus>(
  status: Status,
  finding: Finding,
  generation: number,
  now: number,
): Status {
  const conditions = [...(status.conditions ?? [])];
  const index = conditions.findIndex((condition) => condition.type === finding.type);
  const before = conditions[index];
  const condition: Condition = {
    ...finding,
    observedGeneration: generation,
    lastTransitionTime: before?.status === finding.status ? before.lastTransitionTime : rfc3339(now),
  };
  if (index < 0) conditions.push(condition);
  else conditions[index] = condition;
  return { ...status, conditions };
}

/** Sums the required conditions up: the first missing one is pending, the first False one gives its reason, else Ready. */
export function setReady<Status extends ConditionedStatus>(
  status: Status,
  required: readonly ConditionType[],
  generation: number,
  now: number,
): Status {
  const outcome = summary(status.conditions ?? [], required);
  return { ...setCondition(status, outcome, generation, now), status: outcome.reason, message: outcome.message };
}

/** Sets several findings and the sum of what `resource` needs: what a reconciler writes at the end of its plan. */
export function withFindings<Status extends ConditionedStatus>(
  resource: Resource,
  status: Status,
  findings: readonly Finding[],
  now: number,
): Status {
  const generation = resource.metadata.generation ?? 1;
  const found = findings.reduce((before, finding) => setCondition(before, finding, generation, now), status);
  return setReady(found, requiredConditions(resource), generation, now);
}

function summary(conditions: Condition[], required: readonly ConditionType[]): StatusFinding {
  for (const type of required) {
    const condition = conditions.find((candidate) => candidate.type === type);
    if (!condition) return pending('Ready', `Not ${type}`);
    if (condition.status !== 'True') {
      return condition.reason === 'Error' ? failed('Ready', condition.message) : pending('Ready', condition.message);
    }
  }
  return ready('Ready');
}

/** Whole seconds, as Kubernetes writes times. */
export function rfc3339(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
