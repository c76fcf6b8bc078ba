/** What the console answers when it does not do what was asked for, and its failure to start. */
import { SkuprtError } from '../../lib/errors.ts';

export class ConsoleListenError extends SkuprtError {
  readonly code = 'SKUPRT_CONSOLE_LISTEN';
  readonly fault = 'environment';
}

/** The console was started without its page: a package that is not whole. */
export class ConsolePageError extends SkuprtError {
  readonly code = 'SKUPRT_CONSOLE_PAGE';
  readonly fault = 'environment';
}

/** Becomes the answer `status` with `{code, message}`. */
export class ConsoleRequestError extends SkuprtError {
  readonly code = 'SKUPRT_CONSOLE_REQUEST';
  readonly fault = 'caller';
  /** As HTTP's. */
  readonly status: number;
  /** A word for programs, such as `not-signed-in`. */
  readonly word: string;
  /** After how long it is worth another try. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, word: string, message: string, retryAfterMs?: number) {
    super(message);
    this.status = status;
    this.word = word;
    this.retryAfterMs = retryAfterMs;
  }
}

export const notFound = (message: string) => new ConsoleRequestError(404, 'not-found', message);
