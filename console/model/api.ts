/**
 * What the console's server answers beside the network itself, and what the page asks it to do. Shapes only; the paths below `/api/v1/` stand
 * with each. Times are milliseconds since 1970.
 */
import type { EndpointView, EventView, FlowView, LinkView, NetworkView, ServiceView } from './view.ts';

/** Who looks, from where, and what they may do. */
export interface Session {
  /** Id of the site whose router is asked; empty when it is none of the network's. */
  readonly self: string;
  readonly user: string;
  /** Nothing can be made from here. */
  readonly readOnly: boolean;
}

/** `GET network`, and the event `network` of `GET changes`. All times in it are by the clock of the server, which says `now`. */
export type NetworkAnswer = NetworkView & Session & { readonly now: number };

/** One way from a listener's site to a connector's site: what is on it, in order. */
export interface PathView {
  readonly fromSite: string;
  readonly toSite: string;
  readonly cost: number;
  /** Ids of routers, the first at `fromSite`. */
  readonly routers: readonly string[];
  /** Ids of the links between them, one less. */
  readonly links: readonly string[];
}

/** `GET services/ADDRESS`. */
export interface ServiceDetail {
  readonly service: ServiceView;
  readonly listeners: readonly EndpointView[];
  readonly connectors: readonly EndpointView[];
  readonly paths: readonly PathView[];
  /** The latest connections that were refused or reset, the latest first. */
  readonly refused: readonly FlowView[];
  /** Policies that select it, as references such as `AccessPolicy/NAMESPACE/NAME`. */
  readonly policies: readonly string[];
  /** How connections are spread and who may connect: one sentence each. */
  readonly explain: readonly string[];
}

/** `GET links/ID`. */
export interface LinkDetail {
  readonly link: LinkView;
  /** What was dialled, in order of preference. */
  readonly endpoints: readonly {
    readonly endpoint: string;
    readonly inUse: boolean;
    readonly triedAt?: number;
    readonly message?: string;
  }[];
  readonly certificate?: CertificateView;
  /** Its own, the latest first. */
  readonly events: readonly EventView[];
}

export interface CertificateView {
  readonly name: string;
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** `GET tokens`: a list of these. */
export interface TokenView {
  readonly name: string;
  /** `issued` here for another site, or `redeemed` here from another. */
  readonly direction: 'issued' | 'redeemed';
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly redemptions: number;
  readonly redemptionsAllowed?: number;
  readonly status: 'waiting' | 'used' | 'expired' | 'failed';
  readonly message: string;
}

/** `POST tokens`, the body. */
export interface TokenOrder {
  readonly name?: string;
  readonly redemptions?: number;
  /** Such as `15m`. */
  readonly expiry?: string;
}

/** `POST tokens`, the answer: the only time that the secret is told. */
export interface TokenMade {
  readonly name: string;
  /** The file's text. */
  readonly token: string;
  /** What to type at the other site. */
  readonly command: string;
}

/** `GET policies`: a list of these. */
export interface PolicyView {
  /** `ClusterAccessPolicy/NAME` or `AccessPolicy/NAMESPACE/NAME`. */
  readonly reference: string;
  readonly kind: 'ClusterAccessPolicy' | 'AccessPolicy';
  readonly name: string;
  readonly namespace: string;
  readonly dryRun: boolean;
  readonly enforceExisting: boolean;
  /** One sentence a rule. */
  readonly rules: readonly string[];
  /** How many services it selects. */
  readonly selected: number;
  /** Connections that it has refused, or with `dryRun` would have, by the counts of the router that is asked; absent when none is. */
  readonly refused?: number;
  readonly ready: boolean;
  readonly warnings: readonly string[];
}

/** The body of an answer that is none of the above. */
export interface ApiError {
  readonly code: string;
  readonly message: string;
}
