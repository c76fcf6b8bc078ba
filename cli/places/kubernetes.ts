/** Nothing yet: the API server is not reached. */
import type { Context } from '../context.ts';
import type { Place } from './place.ts';
export async function openCluster(context: Context): Promise<Place> {
  throw new Error(context.namespace);
}
