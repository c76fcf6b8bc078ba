/** What is asked of the console's server once, in JSON. */
import type { ApiError } from '../../model/api.ts';

export class RequestError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** To be shown to who asked. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** @throws RequestError */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await send('GET', path, signal && { signal })) as T;
}

/** @throws RequestError */
export async function post<T>(path: string, body: object): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  return (await send('POST', path, { body: JSON.stringify(body), headers })) as T;
}

async function send(method: string, path: string, init?: RequestInit): Promise<unknown> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(`/api/v1/${path}`, { method, ...init });
    text = await answer.text();
  } catch {
    throw new RequestError(0, 'The console’s server cannot be reached.');
  }
  const value: unknown = parsed(text);
  if (answer.ok) return value;
  const { message } = (value ?? {}) as Partial<ApiError>;
  throw new RequestError(answer.status, message ?? `The server answered with ${answer.status}.`);
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
