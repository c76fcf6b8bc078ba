/** Where the controller of a local site finds its router: at the port that it gave out, with the credentials that it wrote. */
import { join } from 'node:path';
import { CREDENTIAL } from '../../../config/names.ts';
import type { RouterEndpoint } from '../../../lib/router-client/client.ts';
import { readCredentials } from '../../../lib/router-client/credential-files.ts';
import { AMQPS_PORT } from '../../reconcile/router-config.ts';
import { NoRouterPortError } from './errors.ts';
import type { SitePaths } from './paths.ts';

/** @throws NoRouterPortError while the router has none: before the first pass, and between two when another program took it */
export async function routerEndpoint(
  ports: { all(): ReadonlyMap<string, number> },
  { runtimeCerts }: Pick<SitePaths, 'runtimeCerts'>,
): Promise<RouterEndpoint> {
  const credentials = await readCredentials(join(runtimeCerts, CREDENTIAL.localClient));
  const port = ports.all().get(AMQPS_PORT.purpose);
  if (port === undefined) throw new NoRouterPortError('the router of this site has no port yet');
  return { host: AMQPS_PORT.host, port, ...credentials };
}
