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

/** Conditions that are worth an Event when they come true, by kind; of the others only faults are told. */
const GOOD_NEWS: Partial<Record<Kind, readonly string[]>> = {
  Site: ['Running', 'Resolved'],
  Link: ['Operational'],
  Listener: ['Matched'],
  Connector: ['Matched'],
  MultiKeyListener: ['Operational'],
  AttachedConnectorBinding: ['Matched'],
  AccessToken: ['Redeemed'],
};

/** One that came true is Normal, an error or one that was true before is a Warning; waiting is not told. */
export function eventsOf(resource: Resource, before: object | undefined, after: object): EventWant[] {
  const conditionsOf = (status: ConditionedStatus | undefined) => status?.conditions ?? [];
  return conditionsOf(after).flatMap((now): EventWant[] => {
    // It only sums the others up, but where it is the only one.
    if (now.type === 'Ready' && resource.kind !== 'Certificate') return [];
    const old = conditionsOf(before).find(({ type }) => type === now.type);
    if (now.type === 'Warnings') return warned(resource, old, now);
    const isGood = now.status === 'True';
    if (!isNews(old, now) || (isGood && !GOOD_NEWS[resource.kind]?.includes(now.type))) return [];
    return [
      {
        about: resource,
        type: isGood ? 'Normal' : 'Warning',
        reason: isGood ? now.type : `Not${now.type}`,
        message: isGood ? `${resource.kind} is ${now.type.toLowerCase()}` : now.message,
      },
    ];
  });
}

/** Of something that is in force and probably not meant. */
function warned(about: Resource, old: Condition | undefined, now: Condition): EventWant[] {
  if (now.status !== 'True' || (old?.status === 'True' && old.message === now.message)) return [];
  return [{ about, type: 'Warning', reason: now.reason, message: now.message }];
}

function isNews(old: Condition | undefined, now: Condition): boolean {
  if (old?.status === now.status) return now.reason === 'Error' && old.message !== now.message;
  return now.status === 'True' || now.reason === 'Error' || old?.status === 'True';
}
