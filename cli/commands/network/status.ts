/** `network status`. */
import { type Context, print } from '../../context.ts';
import { networkPicture, networkTree, servicesOf } from '../../output/network.ts';
import { documentOf, formatObject } from '../../output/resources.ts';
import { screenWidth } from '../../output/screen.ts';
import { openPlace } from '../../places/choose.ts';
import { requireNetwork } from '../../resources.ts';

export async function showNetwork(context: Context, flags: { output?: string }): Promise<void> {
  const view = await requireNetwork(context, await openPlace(context));
  if (flags.output === 'json' || flags.output === 'yaml') {
    const services = servicesOf(view).map(({ address, listeners, connectors }) => ({ address, listeners, connectors }));
    const sites = view.sites.map(({ site, routers }) => ({ ...site, links: routers.flatMap(({ links }) => links) }));
    print(context, formatObject(documentOf('NetworkStatus', { sites, services }), flags.output));
    return;
  }
  const picture = networkPicture(view, screenWidth(context));
  print(context, `${picture === '' ? '' : `${picture}\n`}${networkTree(view)}`);
}
