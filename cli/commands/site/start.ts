/** `site start`: the stopped site of the namespace, in the background. */
import { type Context, commandLine } from '../../context.ts';
import { FailedError } from '../../errors.ts';
import { openLocal, siteProcess } from '../../places/local.ts';
import { requireSite, type SettleOptions } from '../../resources.ts';
import { startInBackground } from './background.ts';

export async function startSite(context: Context, flags: SettleOptions): Promise<void> {
  const local = openLocal(context);
  const site = await requireSite(context, local);
  if ((await siteProcess(local)) !== undefined) {
    throw new FailedError(`Site "${site.metadata.name}" runs already`, {
      next: `See ${commandLine(context, 'site status')}`,
    });
  }
  await startInBackground(context, local, site, flags);
}
