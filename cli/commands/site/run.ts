/** `site run`: the site of the namespace in the foreground. The same code runs in the background after `init`. */
import { dataHomeOf } from '../../../site-controller/platform/local/paths.ts';
import { runSite } from '../../../site-controller/platform/local/site-run.ts';
import type { Context } from '../../context.ts';
import { openLocal } from '../../places/local.ts';
import { requireSite } from '../../resources.ts';
import { localServices } from './services.ts';

export async function runSiteHere(context: Context): Promise<void> {
  await requireSite(context, openLocal(context));
  await runSite(
    {
      namespace: context.namespace,
      dataHome: dataHomeOf(context.env),
      logLevel: context.verbose ? 'debug' : 'info',
      command: context.self,
      companion: localServices,
    },
    context.signal,
  );
}
