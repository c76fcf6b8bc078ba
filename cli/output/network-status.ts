/** The network as a site writes it down, in the shape that Skupper's tools read too, as a view. Pure. */
import type { EndpointRecord, LinkRecord, ServiceRecord, SiteContent } from '../../site-controller/exchange/record.ts';
import type { NetworkView } from './network.ts';

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
