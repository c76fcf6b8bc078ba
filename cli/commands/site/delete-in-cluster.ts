/** Nothing yet. */
import type { Context } from '../../context.ts';
import type { DeleteSiteFlags } from '../../definitions/site.ts';
export async function deleteInCluster(
  _context: Context,
  _name: string | undefined,
  _flags: DeleteSiteFlags,
): Promise<void> {}
