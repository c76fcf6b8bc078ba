/** Where the console of a local site listens, as it has written down for its user. */
import { readIfExists } from '../../../lib/files.ts';
import type { SitePaths } from './paths.ts';

const PORT_DEFAULT = { 'http:': 80, 'https:': 443 } as Readonly<Record<string, number>>;

/** Without what opens it; undefined while none runs. */
export async function readConsoleAddress({
  consoleAddress,
}: Pick<SitePaths, 'consoleAddress'>): Promise<{ host: string; port: number } | undefined> {
  const text = (await readIfExists(consoleAddress))?.trim() ?? '';
  if (!URL.canParse(text)) return undefined;
  const { hostname, port, protocol } = new URL(text);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (PORT_DEFAULT[protocol] ?? 0) };
}
