/**
 * In which trace an object was written, as it says itself: who acts on the change goes on with that trace. An annotation goes along with
 * what is written, and is never a reason to write. Pure.
 */
import type { Tracer } from '../lib/trace/tracer.ts';
import { DELETION_TRACE_ANNOTATION, TRACE_ANNOTATION } from './names.ts';

type Texts = Readonly<Record<string, string>>;

interface Annotated {
  readonly metadata: { readonly annotations?: Texts; readonly deletionTimestamp?: string | Date };
}

/** Undefined where nothing is kept of what is being done. */
export function traceAnnotation({ keptTraceparent }: Tracer): { [TRACE_ANNOTATION]: string } | undefined {
  return keptTraceparent === undefined ? undefined : { [TRACE_ANNOTATION]: keptTraceparent };
}

/** What is written on an object before it is deleted, so that who takes away what was made for it goes on with the trace. */
export function deletionAnnotation({ keptTraceparent }: Tracer): { [DELETION_TRACE_ANNOTATION]: string } | undefined {
  return keptTraceparent === undefined ? undefined : { [DELETION_TRACE_ANNOTATION]: keptTraceparent };
}

/** What the change of an object says of its trace; undefined when it says no other than before. What made it did not delete it. */
export function traceNews(before: Annotated | undefined, after: Annotated | undefined): string | undefined {
  if (before !== undefined && !isGoing(before) && isGoing(after))
    return (after ?? before).metadata.annotations?.[DELETION_TRACE_ANNOTATION];
  const trace = after?.metadata.annotations?.[TRACE_ANNOTATION];
  return trace === before?.metadata.annotations?.[TRACE_ANNOTATION] ? undefined : trace;
}

function isGoing(object: Annotated | undefined): boolean {
  return object?.metadata.deletionTimestamp !== undefined || object === undefined;
}

/** Its annotations without those of traces; undefined when there are no others. */
export function untraced(annotations: Texts | undefined): Texts | undefined {
  if (annotations?.[TRACE_ANNOTATION] === undefined && annotations?.[DELETION_TRACE_ANNOTATION] === undefined)
    return annotations;
  const { [TRACE_ANNOTATION]: _trace, [DELETION_TRACE_ANNOTATION]: _deletion, ...others } = annotations;
  return Object.keys(others).length === 0 ? undefined : others;
}
