/** A question to whoever knows the services of the cluster set on this machine: a service-controller, or a local site. */
import { messageOf } from '../../lib/errors.ts';
import type { Told } from '../../service-controller/platform/tell.ts';
import { FailedError } from '../errors.ts';

/** Longer than the connections that it tries may take. */
const TIMEOUT_MS = 10_000;

/** Undefined: it knows of none. `next`: what to do when it does not answer. @throws FailedError */
export async function ask(address: string, path: string, next: string): Promise<Told | undefined> {
  let answer: Response;
  try {
    answer = await fetch(`${address}/${path}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (cause) {
    throw new FailedError(`Nobody answers about services at ${address}: ${messageOf(cause)}`, { cause, next });
  }
  if (answer.status === 404) return undefined;
  if (!answer.ok) {
    const text = (await answer.text()).trim();
    throw new FailedError(`The answer about services from ${address} has status ${answer.status}: ${text}`, { next });
  }
  return (await answer.json()) as Told;
}
