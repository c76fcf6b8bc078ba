/**
 * In which trace an object was written, as it says itself: who acts on the change goes on with that trace. An annotation goes along with
 * what is written, and is never a reason to write. Pure.
 */
import type { Tracer } from '../lib/trace/tracer.ts';
import { TRACE_ANNOTATION } from './names.ts';

type Texts = Readonly<Record<string, string>>;

interface Annotated {
  readonly metadata: { readonly annotations?: Texts };
}

/** Undefined where nothing is kept of what is being done. */
export function traceAnnotation({ keptTraceparent }: Tracer): { [TRACE_ANNOTATION]: string } | undefined {
  return keptTraceparent === undefined ? undefined : { [TRACE_ANNOTATION]: keptTraceparent };
}

/** What the change of an object says of its trace; undefined when it says no other than before. */
export function traceNews(before: Annotated | undefined, after: Annotated | undefined): string | undefined {
  const trace = after?.metadata.annotations?.[TRACE_ANNOTATION];
  return trace === before?.metadata.annotations?.[TRACE_ANNOTATION] ? undefined : trace;
}

/** Its annotations without that one; undefined when there are no others. */
export function untraced(annotations: Texts | undefined): Texts | undefined {
  if (annotations?.[TRACE_ANNOTATION] === undefined) return annotations;
  const { [TRACE_ANNOTATION]: _trace, ...others } = annotations;
  return Object.keys(others).length === 0 ? undefined : others;
}
