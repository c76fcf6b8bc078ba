/** `version`. */
import { readVersion } from '../../lib/version.ts';
import { type Context, print } from '../context.ts';

export function showVersion(context: Context): void {
  print(context, readVersion());
}
