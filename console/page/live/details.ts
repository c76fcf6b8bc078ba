/** Answers that views ask for while they are shown: kept, and asked for again when they are old. */
import { get, RequestError } from './request.ts';

const OLD_MS = 5000;
const KEPT_COUNT = 50;

interface Entry {
  value: unknown;
  error: string | undefined;
  status: number;
  askedAt: number;
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
    const entry = this.#entries.get(path) ?? { value: undefined, error: undefined, status: 0, askedAt: 0 };
    if (now - entry.askedAt >= OLD_MS) {
      entry.askedAt = now;
      this.#entries.delete(path);
      this.#entries.set(path, entry);
      this.#ask(path, entry);
    }
    return { value: entry.value as T | undefined, error: entry.error, isMissing: entry.status === 404 };
  }

  /** The next view of it asks again. */
  forget(path: string): void {
    const entry = this.#entries.get(path);
    if (entry !== undefined) entry.askedAt = 0;
  }

  clear(): void {
    this.#entries.clear();
  }

  #ask(path: string, entry: Entry): void {
    for (const key of this.#entries.keys()) {
      if (this.#entries.size <= KEPT_COUNT) break;
      this.#entries.delete(key);
    }
    get(path).then(
      (value) => {
        const isSame = entry.error === undefined && JSON.stringify(value) === JSON.stringify(entry.value);
        Object.assign(entry, { value, error: undefined, status: 200 });
        if (!isSame) this.#onChange();
      },
      (error: unknown) => {
        entry.error = error instanceof Error ? error.message : String(error);
        entry.status = error instanceof RequestError ? error.status : 0;
        if (entry.status === 401) this.#onRefused();
        this.#onChange();
      },
    );
  }
}
