/** The network as the site of this namespace last wrote it down, in the shape that Skupper's tools read too. */
import { readIfExists } from '../lib/files.ts';
import type { EndpointRecord, LinkRecord, ServiceRecord, SiteContent } from '../site-controller/exchange/record.ts';
import { type Context, commandLine } from './context.ts';
import { FailedError } from './errors.ts';
import { noteStopped, openLocal, requireSite } from './local.ts';
import type { NetworkView } from './output/network.ts';

/** The members of network-status.json that are read here (control-plane reference 4.8, and our additions). */
export interface NetworkStatus {
  siteStatus: {
    site: {
      identity: string;
      name: string;
      namespace: string;
      platform: string;
      siteVersion: string;
      services?: ServiceRecord[];
    };
    routerStatus: {
      router: { name: string };
      links: LinkStatus[];
      listeners: BindingStatus[];
      connectors: BindingStatus[];
    }[];
  }[];
}

interface LinkStatus {
  name: string;
  linkCost: number;
  status: string;
  role: string;
  peer: string;
  direction: LinkRecord['direction'];
  remoteSiteId: string;
  remoteSiteName: string;
  message: string;
}

interface BindingStatus {
  name: string;
  destHost: string;
  destPort: string;
  address: string;
}

/** @throws NotFoundError without a site, FailedError while it has said nothing yet */
export async function readNetwork(context: Context): Promise<NetworkView> {
  const local = openLocal(context);
  const site = await requireSite(context, local);
  await noteStopped(context, local);
  const text = await readIfExists(local.paths.networkStatus);
  if (text === undefined) {
    throw new FailedError(`Site "${site.metadata.name}" has not seen the network yet`, {
      next: `See ${commandLine(context, 'site status')}`,
    });
  }
  return viewOf(JSON.parse(text) as NetworkStatus, site.metadata.uid ?? '');
}

export function viewOf({ siteStatus }: NetworkStatus, localSiteId: string): NetworkView {
  return {
    localSiteId,
    sites: siteStatus.map(
      ({ site, routerStatus }): SiteContent => ({
        site: {
          id: site.identity,
          name: site.name,
          namespace: site.namespace,
          platform: site.platform,
          version: site.siteVersion,
        },
        routers: routerStatus.map(({ router, links }) => ({
          id: router.name,
          links: links.map(linkOf),
          routerAccess: [],
        })),
        listeners: routerStatus.flatMap(({ listeners }) => listeners.map(endpointOf)),
        connectors: routerStatus.flatMap(({ connectors }) => connectors.map(endpointOf)),
        services: site.services ?? [],
      }),
    ),
  };
}

function linkOf({ linkCost, status, peer, ...link }: LinkStatus): LinkRecord {
  return { ...link, cost: linkCost, operational: status === 'up', remoteRouterId: peer };
}

function endpointOf({ name, destHost, destPort, address }: BindingStatus): EndpointRecord {
  return { name, routingKey: address, host: destHost, port: Number(destPort) };
}
