/** A site on this machine goes: its processes are stopped, its directory is removed. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { releasePorts } from '../../../site-controller/platform/local/ports.ts';
import { confirmDeletion } from '../../ask.ts';
import { type Context, say } from '../../context.ts';
import type { DeleteSiteFlags } from '../../definitions/site.ts';
import { NotFoundError } from '../../errors.ts';
import { openLocal } from '../../places/local.ts';
import { findSite, requireSite } from '../../resources.ts';
import { stopProcesses } from './stop.ts';
import { unitDirectory, unitName } from './systemd.ts';

export async function deleteLocally(context: Context, name: string | undefined, flags: DeleteSiteFlags): Promise<void> {
  const local = openLocal(context);
  if (!existsSync(local.paths.root)) {
    throw new NotFoundError(`There is no site in namespace "${context.namespace}"`, {
      next: 'Nothing is left to delete',
    });
  }
  if (name !== undefined) await requireSite(context, local, name);
  // A namespace that a crash left without its Site can be removed too.
  const siteName = (await findSite(local))?.metadata.name ?? context.namespace;
  await confirmDeletion(context, `site "${siteName}" with all its resources and certificates`, flags.yes);
  await stopProcesses(context, local, siteName, flags.timeout);
  await releasePorts(local.paths);
  await rm(local.paths.root, { recursive: true, force: true, maxRetries: 3 });
  say(context, `Site "${siteName}" is deleted.`);
  const unit = join(unitDirectory(context.env), unitName(context.namespace));
  if (existsSync(unit)) {
    say(
      context,
      `Its unit is still there: systemctl --user disable --now ${unitName(context.namespace)}, then remove ${unit}`,
    );
  }
}
