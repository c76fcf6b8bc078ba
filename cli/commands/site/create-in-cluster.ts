/** Nothing yet. */
import type { ResourceOf } from '../../../config/api/index.ts';
import type { Context } from '../../context.ts';
import type { CreateSiteFlags } from '../../definitions/site.ts';
export async function createInCluster(
  _context: Context,
  _fresh: ResourceOf<'Site'>,
  _flags: CreateSiteFlags,
  _isNamed: boolean,
): Promise<void> {}
