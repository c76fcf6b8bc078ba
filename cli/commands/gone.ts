/** Waiting until the site took a deleted resource out of its router. */
import { readIfExists } from '../../lib/files.ts';
import type { Context } from '../context.ts';
import { type LocalSite, siteProcess } from '../local.ts';
import { type Probe, waitFor } from '../wait.ts';

export interface GoneOptions {
  wait: boolean;
  timeout: number;
}

/** `entityName` as in the router's configuration; one that goes on with `@` belongs to it too. */
export async function waitUntilGone(
  context: Context,
  local: LocalSite,
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
      const isThere = (await entityNames(local)).some(
        (name) => name === entityName || name.startsWith(`${entityName}@`),
      );
      // A site that does not run serves nothing.
      return isThere && (await siteProcess(local)) !== undefined ? { pending: 'still served' } : { done: true };
    },
  );
}

async function entityNames(local: LocalSite): Promise<string[]> {
  const text = await readIfExists(local.paths.routerConfig);
  const entities = text === undefined ? [] : (JSON.parse(text) as [type: string, attributes: { name?: string }][]);
  return entities.map(([, attributes]) => attributes.name ?? '');
}
