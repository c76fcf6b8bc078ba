/** Where the console finds a router: that of the local site, or one whose credentials are in a directory, as a pod has them mounted. */
import { join } from 'node:path';
import { CREDENTIAL } from '../../config/names.ts';
import { SkuprtError } from '../../lib/errors.ts';
import { readIfExists } from '../../lib/files.ts';
import type { RouterEndpoint } from '../../lib/router-client/client.ts';
import { readCredentials } from '../../lib/router-client/credential-files.ts';
import type { SitePaths } from '../../site-controller/platform/local/paths.ts';

/** The listener of a site's router for its own machine. */
const LISTENER = 'amqps';

export class ConsoleRouterError extends SkuprtError {
  readonly code = 'SKUPRT_CONSOLE_ROUTER';
  readonly fault = 'environment';
}

/** As it is now: ports and certificates change. @throws ConsoleRouterError */
export async function localRouter({ routerConfig, runtimeCerts }: SitePaths): Promise<RouterEndpoint> {
  const text = (await readIfExists(routerConfig)) ?? '[]';
  const entities = JSON.parse(text) as [type: string, attributes: { name?: string; host?: string; port?: number }][];
  const listener = entities.find(([type, { name }]) => type === 'listener' && name === LISTENER)?.[1];
  if (listener?.port === undefined) throw new ConsoleRouterError('the router of the site is not configured yet');
  const { host = '127.0.0.1', port } = listener;
  return await routerWithFiles({ host, port, directory: join(runtimeCerts, CREDENTIAL.localClient) });
}

/** @throws ConsoleRouterError */
export async function routerWithFiles(at: { host: string; port: number; directory: string }): Promise<RouterEndpoint> {
  const { host, port, directory } = at;
  try {
    return { host, port, ...(await readCredentials(directory)) };
  } catch (cause) {
    throw new ConsoleRouterError(`the certificate for the router cannot be read from ${directory}`, { cause });
  }
}
