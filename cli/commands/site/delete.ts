/** `delete` and `site delete`. */
import type { Context } from '../../context.ts';
import type { DeleteSiteFlags } from '../../definitions/site.ts';

export async function deleteSite(context: Context, name: string | undefined, flags: DeleteSiteFlags): Promise<void> {
  if (context.platform === 'local') {
    const { deleteLocally } = await import('./delete-local.ts');
    await deleteLocally(context, name, flags);
  } else {
    const { deleteInCluster } = await import('./delete-in-cluster.ts');
    await deleteInCluster(context, name, flags);
  }
}
