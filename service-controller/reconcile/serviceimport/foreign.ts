/** A ServiceImport that another controller made: it is left alone, and the export in this cluster says so. Pure. */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { fieldsOf, listOf } from '../fields.ts';
import { isOurImport } from '../made.ts';
import type { EventWant, Observed } from '../observed.ts';
import { type Finding, withConditions } from '../serviceexport/conditions.ts';

const REASON = 'ImportNotOurs';

export function isForeignImport({ import: made }: Observed): boolean {
  return made !== undefined && !isOurImport(made);
}

/** `status`: of `exportStatus`, which looks at the export alone. */
export function withForeignImport(observed: Observed, made: KubeObject, status: object, now: number): object {
  if (!isForeignImport(observed)) return status;
  const findings = (listOf(fieldsOf(status).conditions) as unknown as Finding[])
    .filter(({ type }) => type === 'Valid' || type === 'Conflict')
    .map(({ type, status: value, reason, message }) => ({ type, status: value, reason, message }));
  const ready: Finding = { type: 'Ready', status: 'False', reason: 'Failed', message: messageOf(observed) };
  return withConditions(made, [...findings, ready], ['Conflict'], now);
}

/** Once, when it becomes so. */
export function foreignEvents(observed: Observed): EventWant[] {
  const { export: made } = observed;
  if (made === undefined || !isForeignImport(observed)) return [];
  const ready = listOf(fieldsOf(made.status).conditions).find(({ type }) => type === 'Ready');
  const message = messageOf(observed);
  if (ready?.message === message) return [];
  return [{ about: made, type: 'Warning', reason: REASON, message }];
}

function messageOf({ namespace, name }: Observed): string {
  return (
    `ServiceImport ${namespace}/${name} is of another controller and is left alone: ` +
    'delete it, or uninstall that controller, and this cluster imports the service'
  );
}
