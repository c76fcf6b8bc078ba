/** The body of a watch: one JSON object a line, in any split of bytes. */
import type { ApiStatus } from './errors.ts';
import { ApiAnswerError, ApiError } from './errors.ts';
import type { KubeObject } from './object.ts';

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: KubeObject;
}

/** Objects are at most 3 MiB in an API server. */
const LINE_BYTES_MAX = 16 * 1024 * 1024;
const TYPES: ReadonlySet<unknown> = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']);

export class WatchLines {
  private readonly what: string;
  private parts: Buffer[] = [];
  private size = 0;

  constructor(what: string) {
    this.what = what;
  }

  /** The events that are whole now. @throws ApiAnswerError, ApiError when the server reports one */
  read(chunk: Buffer): WatchEvent[] {
    const events: WatchEvent[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line =
        this.parts.length === 0
          ? chunk.subarray(start, end)
          : Buffer.concat([...this.parts, chunk.subarray(start, end)]);
      this.parts = [];
      this.size = 0;
      start = end + 1;
      if (line.length > 0) events.push(this.event(line.toString('utf8')));
    }
    if (start < chunk.length) {
      this.parts.push(chunk.subarray(start));
      this.size += chunk.length - start;
      if (this.size > LINE_BYTES_MAX) throw new ApiAnswerError(this.what, 'a line that does not end');
    }
    return events;
  }

  private event(line: string): WatchEvent {
    const { type, object } = this.parse(line);
    if (type === 'ERROR') {
      const status = (object ?? {}) as ApiStatus & { code?: number };
      throw new ApiError(this.what, status.code ?? 500, status);
    }
    if (!TYPES.has(type) || typeof object?.metadata !== 'object') {
      throw new ApiAnswerError(this.what, 'a line that is no event');
    }
    return { type, object } as WatchEvent;
  }

  private parse(line: string): { type?: unknown; object?: KubeObject } {
    try {
      return (JSON.parse(line) as object | null) ?? {};
    } catch {
      throw new ApiAnswerError(this.what, 'a line that is not JSON');
    }
  }
}
