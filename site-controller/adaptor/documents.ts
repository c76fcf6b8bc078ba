/** The ConfigMaps that an adaptor writes: its router's state, and the network as its site knows it. Pure. */
import { NAME } from '../../config/names.ts';
import type { KubeObject, OwnerReference } from '../../lib/kube/object.ts';
import { encodeReport } from '../../lib/router-client/report.ts';
import type { RouterState } from '../../lib/router-client/state.ts';
import { encodeNetwork } from '../exchange/network-document.ts';
import type { SiteContent } from '../exchange/record.ts';
import type { NetworkView } from '../reconcile/observed.ts';
import type { ManagedType } from './entity-types.ts';

/** Owned as the router's own ConfigMap is: they go with the Site. */
export interface Place {
  namespace: string;
  owners: readonly OwnerReference[];
}

export function placeOf(configMap: KubeObject, namespace: string): Place {
  return { namespace, owners: configMap.metadata.ownerReferences ?? [] };
}

/** Without a state the pod's key is taken back. One field manager a pod: the keys of several stand side by side. */
export function statusMap(place: Place, pod: string, state: RouterState | undefined): KubeObject {
  return configMap(NAME.routerStatus, place, state === undefined ? {} : { [pod]: encodeReport(state) });
}

export function networkMaps(place: Place, view: NetworkView, own: SiteContent): KubeObject[] {
  return [...encodeNetwork(view, own)].map(([name, data]) => configMap(name, place, data));
}

/** The state with what the router refused: an entity that is not there has a reason too. */
export function withRefusals(state: RouterState, refusals: ReadonlyMap<string, string>): RouterState {
  if (refusals.size === 0) return state;
  const of = <T>(type: ManagedType, read: (message: string) => T) =>
    [...refusals]
      .filter(([key]) => key.startsWith(`${type}/`))
      .map(([key, message]) => [key.slice(type.length + 1), read(message)] as const);
  const down = (message: string) => ({ operStatus: 'down', message });
  const failed = (message: string) => ({ status: 'FAILED', message });
  return {
    ...state,
    connectors: new Map([...state.connectors, ...of('connector', failed)]),
    listeners: new Map([...state.listeners, ...of('listener', down), ...of('tcpListener', down)]),
    tcpConnectors: new Map([...state.tcpConnectors, ...of('tcpConnector', down)]),
  };
}

function configMap(name: string, { namespace, owners }: Place, data: Record<string, string>): KubeObject {
  const metadata = { name, namespace, ...(owners.length > 0 && { ownerReferences: [...owners] }) };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
}
