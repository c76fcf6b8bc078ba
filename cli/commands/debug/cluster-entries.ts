/** Nothing yet: the API server is not reached. */
import type { Context } from '../../context.ts';
import type { Entry } from './entry.ts';
export async function openClusterDump(context: Context): Promise<() => Promise<Entry[]>> {
  throw new Error(context.namespace);
}
