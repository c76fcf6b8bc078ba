/**
 * Answers that views ask for while they are shown: kept, and asked for again when they are old. One question about
 * each thing is on its way at a time, so that no answer overtakes a newer one.
 */
import { get, messageOf, RequestError } from './request.ts';

const OLD_MS = 5000;
const KEPT_COUNT = 50;
/** Of a server that does not answer, it is asked again. */
const ANSWER_MS_MAX = 30_000;

interface Entry {
  value: unknown;
  error: string | undefined;
  status: number;
  askedAt: number;
  /** Of the question whose answer is awaited. */
  asking: AbortController | undefined;
}

/** `value` is the latest answer, if there is one yet. */
export interface Detail<T> {
  readonly value: T | undefined;
  readonly error: string | undefined;
  readonly isMissing: boolean;
}

export class Details {
  readonly #entries = new Map<string, Entry>();
  readonly #onChange: () => void;
  readonly #onRefused: () => void;

  constructor({ onChange, onRefused }: { onChange: () => void; onRefused: () => void }) {
    this.#onChange = onChange;
    this.#onRefused = onRefused;
  }

  get<T>(path: string, now: number): Detail<T> {
    const entry = this.#entries.get(path) ?? newEntry();
    if (entry.asking === undefined && now - entry.askedAt >= OLD_MS) {
      entry.askedAt = now;
      this.#entries.delete(path);
      this.#entries.set(path, entry);
      this.#ask(path, entry);
    }
    return { value: entry.value as T | undefined, error: entry.error, isMissing: entry.status === 404 };
  }

  /** The next view of it asks again; what is on its way is older than what has changed. */
  forget(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.asking?.abort();
    entry.asking = undefined;
    entry.askedAt = 0;
  }

  /** No answer to what was asked until now arrives any more. */
  clear(): void {
    for (const { asking } of this.#entries.values()) asking?.abort();
    this.#entries.clear();
  }

  #ask(path: string, entry: Entry): void {
    for (const [key, { asking }] of this.#entries) {
      if (this.#entries.size <= KEPT_COUNT) break;
      asking?.abort();
      this.#entries.delete(key);
    }
    const asking = new AbortController();
    entry.asking = asking;
    get(path, AbortSignal.any([asking.signal, AbortSignal.timeout(ANSWER_MS_MAX)])).then(
      (value) => this.#answered(entry, asking, { value, error: undefined, status: 200 }),
      (error: unknown) => {
        const status = error instanceof RequestError ? error.status : 0;
        this.#answered(entry, asking, { value: entry.value, error: messageOf(error), status });
      },
    );
  }

  #answered(entry: Entry, asking: AbortController, answer: Pick<Entry, 'value' | 'error' | 'status'>): void {
    if (entry.asking !== asking) return;
    entry.asking = undefined;
    const isSame = answer.error === entry.error && JSON.stringify(answer.value) === JSON.stringify(entry.value);
    Object.assign(entry, answer);
    if (answer.status === 401) this.#onRefused();
    if (!isSame) this.#onChange();
  }
}

function newEntry(): Entry {
  return { value: undefined, error: undefined, status: 0, askedAt: 0, asking: undefined };
}
