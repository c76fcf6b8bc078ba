/** What an access comes to: the objects that make it, and the endpoints that they give so far. Plain values. */
import type { SecuredAccess } from '../../../config/api/secured-access.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { ClusterView } from '../cluster.ts';

export const ACCESS_LABEL = 'internal.skupper.io/secured-access';
/** Where proxies of TLS listen. */
export const TLS_PORT = '443';
const SERVICE_DOMAIN = 'nip.io';

export interface AccessEndpoint {
  name: string;
  host: string;
  port: string;
  group: string;
}

/** An endpoint before its group is known. */
export type Place = Omit<AccessEndpoint, 'group'>;

export interface Realization {
  objects: KubeObject[];
  places: Place[];
  /** What is waited for while there is no place. */
  waiting: string;
}

export interface AccessView {
  cluster: ClusterView;
  namespace: string;
  access: SecuredAccess;
  /** The live object of that kind and name, whoever made it: endpoints of an access with one of somebody else's do not count. */
  live(kind: string, name: string): KubeObject | undefined;
}

export type AccessPort = SecuredAccess['spec']['ports'][number];

/** Name of the object that serves one port. */
export function portName({ metadata }: SecuredAccess, port: AccessPort): string {
  return `${metadata.name}-${port.name}`;
}

export function accessSetting({ spec }: SecuredAccess, key: string): string | undefined {
  return spec.settings?.[key]?.trim() || undefined;
}

/** A name that resolves to an address without any set-up. */
export function wildcardDomain(address: string): string {
  // Colons cannot stand in a name.
  return `${address.replaceAll(':', '-')}.${SERVICE_DOMAIN}`;
}

/** One entry of `status.loadBalancer.ingress`, or of `status.ingress` of a Route. */
export interface IngressEntry {
  ip?: string;
  hostname?: string;
  host?: string;
  conditions?: { type: string; status: string; message?: string }[];
}

export function balancerEntries(object: KubeObject | undefined): IngressEntry[] {
  const status = object?.status as { loadBalancer?: { ingress?: IngressEntry[] } } | undefined;
  return status?.loadBalancer?.ingress ?? [];
}
