/** What a user should hear of without looking: changes of conditions, as Kubernetes Events. Pure. */
import type { ConditionedStatus } from '../../../config/api/conditions.ts';
import type { Kind, Resource } from '../../../config/api/index.ts';
import type { Condition } from '../../../config/api/schema.ts';

export interface EventWant {
  about: { apiVersion: string; kind: string; metadata: { name: string; namespace?: string; uid?: string } };
  type: 'Normal' | 'Warning';
  /** CamelCase, as Kubernetes has them. */
  reason: string;
  message: string;
}

/** Conditions whose changes are worth an Event, by kind; those of the others follow from these. */
const TOLD: Partial<Record<Kind, readonly string[]>> = {
  Site: ['Configured', 'Running', 'Resolved'],
  Link: ['Configured', 'Operational'],
  Listener: ['Configured', 'Matched'],
  Connector: ['Configured', 'Matched'],
  MultiKeyListener: ['Configured', 'Operational'],
  AttachedConnector: ['Configured'],
  AttachedConnectorBinding: ['Configured', 'Matched'],
  RouterAccess: ['Configured', 'Resolved'],
  SecuredAccess: ['Configured', 'Resolved'],
  Certificate: ['Ready'],
  AccessGrant: ['Processed', 'Resolved'],
  AccessToken: ['Redeemed'],
};

/** A condition that came true is Normal, one that is an error or was true before is a Warning; waiting is not told. */
export function eventsOf(resource: Resource, before: object | undefined, after: object): EventWant[] {
  const conditionsOf = (status: ConditionedStatus | undefined) => status?.conditions ?? [];
  return (TOLD[resource.kind] ?? []).flatMap((type) => {
    const old = conditionsOf(before).find((condition) => condition.type === type);
    const now = conditionsOf(after).find((condition) => condition.type === type);
    if (now === undefined || !isNews(old, now)) return [];
    const isGood = now.status === 'True';
    return [
      {
        about: resource,
        type: isGood ? 'Normal' : 'Warning',
        reason: isGood ? type : `Not${type}`,
        message: isGood ? `${resource.kind} is ${type.toLowerCase()}` : now.message,
      } as const,
    ];
  });
}

function isNews(old: Condition | undefined, now: Condition): boolean {
  if (old?.status === now.status) return now.reason === 'Error' && old.message !== now.message;
  return now.status === 'True' || now.reason === 'Error' || old?.status === 'True';
}
