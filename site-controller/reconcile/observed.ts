/** What a pass of the controller sees, and what the plan of a kind answers. Plain values: plans are pure functions of them. */
import type { Finding } from '../../config/api/conditions.ts';
import type { Kind, Resource, ResourceOf } from '../../config/api/index.ts';
import type { RouterState } from '../../lib/router-client/state.ts';
import type { SiteContent } from '../exchange/record.ts';
import type { CertificateFacts, ChainFault } from '../pki/inspect.ts';
import type { TlsMaterial } from '../pki/secret.ts';
import type { ResourceKey } from '../store.ts';
import type { ClusterView } from './cluster.ts';

export interface Observed {
  /** Wall-clock milliseconds. */
  now: number;
  version: string;
  namespace: string;
  resources: ReadonlyMap<ResourceKey, Resource>;
  /** TLS material by name: what the user gave, what was generated, what a Secret holds. */
  credentials: ReadonlyMap<string, Credential>;
  /** Undefined while the router does not answer. */
  router: RouterState | undefined;
  network: NetworkView;
  /** The ports given out so far, by purpose. */
  ports: ReadonlyMap<string, number>;
  /** Names and addresses of this machine that other machines may reach it by, best first. */
  hosts: readonly string[];
  /** Where redemption is served, best first; empty until it is. */
  grantUrls: readonly string[];
  /** Where a console of the site listens, on platform local; absent while none runs. */
  console?: { readonly host: string; readonly port: number };
  /** Absent on platform local. */
  cluster?: ClusterView;
}

export interface Credential {
  /** Directory of ca.crt, tls.crt and tls.key. */
  directory: string;
  hasKey: boolean;
  /** PEM bundle. */
  ca: string | undefined;
  certificate: CertificateFacts | undefined;
  /** Why its certificate is not good under its own CA. */
  fault: ChainFault | 'not a certificate' | 'of another key' | undefined;
  /** Its texts; absent where `directory` is where they are read from (platform local). */
  material?: TlsMaterial;
}

export interface NetworkView {
  /** The other sites, by id. */
  sites: readonly SiteContent[];
  /** Every living site had time to be heard. */
  settled: boolean;
  /** Ids of sites that are known to be away though not everyone had time. */
  gone: ReadonlySet<string>;
}

/** What is to be written about one resource. Members of `status` that are undefined are removed. */
export interface Outcome {
  resource: Resource;
  status?: object;
  findings: Finding[];
}

/** One entry of skrouterd's JSON configuration. */
export type RouterEntity = [type: string, attributes: Record<string, string | number | boolean>];

/** A port that the plan needs: see `Ports.give`. */
export interface PortWant {
  purpose: string;
  from: number;
  host: string;
}

export function ofKind<K extends Kind>(observed: Pick<Observed, 'resources'>, kind: K): ResourceOf<K>[] {
  const found = [...observed.resources.values()].filter((resource) => resource.kind === kind) as ResourceOf<K>[];
  return found.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** Oldest first, then by name: who came first keeps what two want. */
export function inOrderOfAge<R extends Resource>(resources: readonly R[]): R[] {
  const aged = resources.map((resource) => ({
    resource,
    name: resource.metadata.name,
    at: Date.parse(resource.metadata.creationTimestamp ?? ''),
  }));
  aged.sort((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1));
  return aged.map(({ resource }) => resource);
}
