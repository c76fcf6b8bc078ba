/** `router`: hands over to the data plane. */
import type { Context } from '../context.ts';

export async function runRouterHere(_context: Context, _config: string): Promise<void> {}
