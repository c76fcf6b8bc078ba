/** Conditions of an object of the multi-cluster API, by the rules of `metav1.Condition`. Pure. */
import { rfc3339 } from '../../../config/api/conditions.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { fieldsOf } from '../fields.ts';

export interface Finding {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
}

interface Condition extends Finding {
  observedGeneration?: number;
  lastTransitionTime: string;
}

/** The API server takes 32768 characters; a status is no place for more than a page. */
const MESSAGE_LENGTH_MAX = 4096;

/**
 * The whole status of `object` with these findings as its conditions. `lastTransitionTime` moves with the status of a condition only.
 * Conditions of other types are somebody else's and stay, those of `obsolete` go when there is no finding. `now`: wall-clock
 * milliseconds.
 */
export function withConditions(
  object: KubeObject,
  findings: readonly Finding[],
  obsolete: readonly string[],
  now: number,
): { conditions: object[] } & Record<string, unknown> {
  const status = fieldsOf(object.status);
  const before = (Array.isArray(status.conditions) ? status.conditions : []) as Partial<Condition>[];
  const found = new Set([...findings.map(({ type }) => type), ...obsolete]);
  const made = findings.map(({ type, status: value, reason, message }): Condition => {
    const former = before.find((condition) => condition?.type === type);
    const isKept = former?.status === value && former.lastTransitionTime !== undefined;
    return {
      type,
      status: value,
      reason,
      message: message.length > MESSAGE_LENGTH_MAX ? `${message.slice(0, MESSAGE_LENGTH_MAX - 3)}...` : message,
      ...(object.metadata.generation !== undefined && { observedGeneration: object.metadata.generation }),
      lastTransitionTime: isKept ? former.lastTransitionTime! : rfc3339(now),
    };
  });
  const others = before.filter((condition) => condition?.type !== undefined && !found.has(condition.type));
  return { ...status, conditions: [...made, ...others] };
}
