/** What can go wrong between us and an API server. Refusals of the server are `ApiError`s; the rest says why there was no answer. */
import { type Fault, SkuprtError } from '../errors.ts';

/** The `Status` object that an API server answers with. */
export interface ApiStatus {
  reason?: string;
  message?: string;
  details?: {
    name?: string;
    kind?: string;
    retryAfterSeconds?: number;
    causes?: { reason?: string; message?: string; field?: string }[];
  };
}

/** The API server answered, and the answer is no. */
export class ApiError extends SkuprtError {
  readonly code: string = 'SKUPRT_KUBE_API';
  readonly fault: Fault = 'environment';
  /** HTTP status. */
  readonly status: number;
  readonly reason: string;
  readonly details: ApiStatus['details'];
  /** When the server wants to be asked again. */
  readonly retryAfterMs: number | undefined;

  constructor(what: string, status: number, body: ApiStatus, retryAfterMs?: number, next?: string) {
    super(`${what}: ${body.message || body.reason || `status ${status}`}`, { next });
    this.status = status;
    this.reason = body.reason ?? '';
    this.details = body.details;
    this.retryAfterMs = retryAfterMs;
  }

  get isNotFound(): boolean {
    return this.status === 404;
  }
  get isAlreadyExists(): boolean {
    return this.status === 409 && this.reason === 'AlreadyExists';
  }
  /** Somebody else wrote first, or a precondition does not hold. */
  get isConflict(): boolean {
    return this.status === 409 && this.reason !== 'AlreadyExists';
  }
  /** The resourceVersion or continue token is older than what the server keeps. */
  get isGone(): boolean {
    return this.status === 410 || this.reason === 'Expired' || this.reason === 'Gone';
  }
  get isInvalid(): boolean {
    return this.status === 422;
  }
  /** Refused because a field may not change once it is set. */
  get isImmutable(): boolean {
    return this.status === 422 && /immutable|may not (be )?change|cannot (be )?change/i.test(this.message);
  }
  get isTooManyRequests(): boolean {
    return this.status === 429;
  }
  get isServerFault(): boolean {
    return this.status >= 500;
  }
  /** The same request may be taken later. */
  get isTransient(): boolean {
    return this.isTooManyRequests || this.isServerFault;
  }
}

/** 401: the credentials are not accepted. */
export class ApiUnauthorizedError extends ApiError {
  override readonly code = 'SKUPRT_KUBE_UNAUTHORIZED';
  override readonly fault = 'caller';
}

/** 403: a right is missing; `next` names it. */
export class ApiForbiddenError extends ApiError {
  override readonly code = 'SKUPRT_KUBE_FORBIDDEN';
  override readonly fault = 'caller';
}

/** No connection, or it broke before the answer was whole. */
export class ApiUnreachableError extends SkuprtError {
  readonly code = 'SKUPRT_KUBE_UNREACHABLE';
  readonly fault = 'environment';
  /** Nothing of the request reached the server. */
  readonly isUnsent: boolean;

  constructor(server: string, cause: unknown, isUnsent: boolean) {
    const reason =
      cause instanceof Error ? cause.message || ('code' in cause ? String(cause.code) : cause.name) : String(cause);
    super(`API server ${server} cannot be reached: ${reason}`, {
      cause,
      next: 'check that the cluster runs, and the server address of this context in the kubeconfig',
    });
    this.isUnsent = isUnsent;
  }
}

export class ApiTimedOutError extends SkuprtError {
  readonly code = 'SKUPRT_KUBE_TIMED_OUT';
  readonly fault = 'environment';

  constructor(server: string, what: string, timeoutMs: number) {
    super(`API server ${server} did not answer within ${Math.round(timeoutMs / 1000)} s: ${what}`, {
      next: 'check the network between here and the API server, and its load',
    });
  }
}

export class ApiUntrustedError extends SkuprtError {
  readonly code = 'SKUPRT_KUBE_UNTRUSTED';
  readonly fault = 'peer';

  constructor(server: string, cause: Error) {
    super(`the certificate of API server ${server} is not trusted: ${cause.message}`, {
      cause,
      next: 'correct certificate-authority(-data) or tls-server-name of the cluster in the kubeconfig',
    });
  }
}

/** What answers is no API server, or one out of its mind. */
export class ApiAnswerError extends SkuprtError {
  readonly code = 'SKUPRT_KUBE_ANSWER';
  readonly fault = 'peer';

  constructor(what: string, why: string) {
    super(`${what}: the answer is not one of an API server: ${why}`, {
      next: 'check that the server address leads to an API server and not to a proxy or a login page',
    });
  }
}

const UNTRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|ALTNAME/;
const UNSENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOENT']);

/** An error of a socket as one of ours. */
export function connectionError(server: string, error: unknown): SkuprtError {
  if (error instanceof SkuprtError) return error;
  const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (UNTRUSTED.test(errno)) return new ApiUntrustedError(server, error as Error);
  return new ApiUnreachableError(server, error, UNSENT.has(errno));
}

/** The thrown thing is an `ApiError` with that property: `isApiError(error, 'isNotFound')`. */
export function isApiError(
  error: unknown,
  property: 'isNotFound' | 'isAlreadyExists' | 'isConflict' | 'isGone' | 'isInvalid' | 'isImmutable' | 'isTransient',
): error is ApiError {
  return error instanceof ApiError && error[property];
}
