/**
 * This cluster's routers as endpoints: where a slice leads when the endpoints proper are behind the mesh. Pure.
 *
 * A router listens on a port only while what it leads to can be reached. A slice says ready or not of an endpoint, not of its ports: so a
 * port on which no router listens is left out while others are listened on, and a router that lacks one of the rest is not ready.
 */
import type { IpFamily } from '../../records.ts';
import type { FramePort } from '../frame.ts';
import type { CarrierView, RouterView } from '../observed.ts';
import type { LocalEndpoint } from './local.ts';
import type { SlicePort } from './slice.ts';

export interface RouterPort {
  /** Of the router's tcpListener. */
  entity: string;
  name: string;
  port: FramePort;
}

export interface RouterTarget {
  ports: SlicePort[];
  endpoints: LocalEndpoint[];
  /** Some router takes connections for one of the ports. */
  isReady: boolean;
}

/** @param mayBeReady what is behind the mesh is ready as well */
export function routerTarget(
  carrier: CarrierView | undefined,
  family: IpFamily,
  ports: readonly RouterPort[],
  mayBeReady: boolean,
): RouterTarget {
  if (carrier === undefined) return { ports: [], endpoints: [], isReady: false };
  const routers = carrier.routers.flatMap((router) => {
    const address = addressOf(router, family);
    return address === undefined ? [] : [{ router, address }];
  });
  const known = ports.filter(({ entity }) => carrier.ports.has(entity));
  const listened = known.filter(({ entity }) => routers.some(({ router }) => takes(router, entity)));
  const shown = listened.length > 0 ? listened : known;
  const endpoints = routers.map(({ router, address }): LocalEndpoint => {
    const ready = mayBeReady && listened.length > 0 && listened.every(({ entity }) => takes(router, entity));
    return { addresses: [address], conditions: { ready, serving: ready, terminating: false } };
  });
  return {
    ports: shown.map(({ entity, name, port }) => ({
      name,
      protocol: port.protocol,
      port: carrier.ports.get(entity)!,
      ...(port.appProtocol !== undefined && { appProtocol: port.appProtocol }),
    })),
    endpoints,
    isReady: endpoints.some(({ conditions }) => conditions.ready),
  };
}

function takes({ isReady, listening }: RouterView, entity: string): boolean {
  return isReady && listening.has(entity);
}

function addressOf({ addresses }: RouterView, family: IpFamily): string | undefined {
  return addresses.find((address) => address.family === family)?.address;
}
