/** Waiting until the site took a deleted resource out of its router. */
import type { Context } from '../context.ts';
import type { Place } from '../places/place.ts';
import { type Probe, waitFor } from '../wait.ts';

export interface GoneOptions {
  wait: boolean;
  timeout: number;
}

/** `entityName` as in the router's configuration. */
export async function waitUntilGone(
  context: Context,
  place: Place,
  entityName: string,
  options: GoneOptions,
): Promise<void> {
  if (!options.wait) return;
  await waitFor(
    context,
    {
      what: `"${entityName}" to leave the router`,
      timeoutMs: options.timeout,
      afterwards: 'It is deleted; the site goes on in the background',
    },
    async (): Promise<Probe<true>> => {
      // A site that nobody acts for serves nothing that can be waited for.
      const isThere = (await place.serves(entityName)) && (await place.idle()) === undefined;
      return isThere ? { pending: 'still served' } : { done: true };
    },
  );
}
