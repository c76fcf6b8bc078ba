/** Told once to whoever exports a service otherwise than an older export does. Pure. */
import type { KubeObject } from '../../lib/kube/object.ts';
import { type Fields, fieldsOf, listOf, textOf } from './fields.ts';
import type { EventWant } from './observed.ts';

/** Of reasons joined by commas. */
const REASON_LENGTH_MAX = 128;

/** `status`: what the ServiceExport is to have; it has the one before. */
export function conflictEvents(made: KubeObject, status: object): EventWant[] {
  const after = conflictIn(status);
  const reason = textOf(after.reason);
  if (after.status !== 'True' || reason === undefined || conflictIn(made.status).reason === reason) return [];
  const text = textOf(after.message) ?? '';
  return [{ about: made, type: 'Warning', reason: reason.slice(0, REASON_LENGTH_MAX), message: text }];
}

function conflictIn(status: unknown): Fields {
  return listOf(fieldsOf(status).conditions).find(({ type }) => type === 'Conflict') ?? {};
}
