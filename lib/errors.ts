/**
 * Coded errors: every failure that leaves a function on purpose is a `SkuprtError`.
 *
 * `code` is stable and has a line in docs/errors.md (held by test/unit/tidy.test.ts). `fault` says who must act:
 * `ours` is a bug and ends the process, `peer` ends that connection, `caller` is a mistake in what the user gave,
 * `environment` is retried. A message says what happened and to what; `next` says what to do about it.
 */
export type Fault = 'ours' | 'peer' | 'caller' | 'environment';

export interface ErrorDetails {
  /** What the reader should do next, a full sentence without a final stop. */
  next?: string;
  /** AMQP error condition, where one goes on the wire. */
  condition?: string;
  cause?: unknown;
}

export abstract class SkuprtError extends Error {
  abstract readonly code: string;
  abstract readonly fault: Fault;
  readonly next: string | undefined;
  readonly condition: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.next = details.next;
    this.condition = details.condition;
  }
}

/** An invariant of our own does not hold: a bug. Never caught below a process's top level. */
export class AssertionError extends SkuprtError {
  readonly code = 'SKUPRT_ASSERTION';
  readonly fault = 'ours';
}

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** The HTTP status that a refusal carries, as of an API server; undefined for anything else. */
export function httpStatusOf(thrown: unknown): number | undefined {
  return thrown instanceof Error && 'status' in thrown && typeof thrown.status === 'number' ? thrown.status : undefined;
}

/** The text of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
