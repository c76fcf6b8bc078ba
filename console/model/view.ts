/**
 * The network as people and pages see it: what the collector makes of the records of all routers, and what goes to the browser as JSON.
 * Shapes only. Times are milliseconds since 1970, sizes octets, rates per second over the last few seconds.
 */
export interface SiteView {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly platform: string;
  readonly version: string;
  readonly startedAt: number;
  readonly self: boolean;
}

export interface RouterView {
  readonly id: string;
  readonly name: string;
  readonly site: string;
  readonly mode: 'interior' | 'edge';
  readonly version: string;
  readonly startedAt: number;
  /** Since when it cannot be reached: what it told is how it was then. */
  readonly goneSince?: number;
}

/** A link as the router tells it that dials. */
export interface LinkView {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly fromSite: string;
  readonly fromRouter: string;
  /** Empty while it is not known where it leads. */
  readonly toSite: string;
  readonly toRouter: string;
  readonly cost: number;
  readonly status: 'up' | 'down';
  readonly statusSince: number;
  readonly downCount: number;
  readonly message: string;
  /** What is dialled, `host:port`. */
  readonly endpoint: string;
  readonly roundTripMs?: number;
  /** Towards `toSite`, and back. */
  readonly octets: number;
  readonly octetsBack: number;
  readonly octetsPerSecond: number;
  readonly octetsBackPerSecond: number;
  /** Of the certificate by which it is known at the other side, where that is seen from here. */
  readonly certificateExpiresAt?: number;
}

/** A listener or a connector. */
export interface EndpointView {
  readonly id: string;
  readonly kind: 'listener' | 'connector';
  readonly name: string;
  readonly address: string;
  readonly site: string;
  readonly router: string;
  readonly host: string;
  readonly port: string;
  readonly protocol: string;
  readonly since: number;
  readonly flowsOpen: number;
  readonly flowsOpened: number;
  readonly flowsRefused: number;
  readonly octetsPerSecond: number;
  /** Since when its router cannot be reached; it does not count for its service then. */
  readonly goneSince?: number;
}

/** All that has one address, as far as it can be reached. */
export interface ServiceView {
  readonly address: string;
  readonly protocol: string;
  readonly listenerCount: number;
  readonly connectorCount: number;
  readonly flowsOpen: number;
  readonly flowsOpened: number;
  readonly flowsRefused: number;
  readonly flowsPerSecond: number;
  readonly octets: number;
  readonly octetsPerSecond: number;
}

/** The flows of one service from one site to another: the moving weight of the picture. */
export interface TrafficView {
  /** `address from to`. */
  readonly id: string;
  readonly address: string;
  readonly fromSite: string;
  readonly toSite: string;
  readonly flowsOpen: number;
  readonly flowsPerSecond: number;
  readonly octetsPerSecond: number;
  readonly octetsBackPerSecond: number;
}

/** One connection. */
export interface FlowView {
  readonly id: string;
  readonly address: string;
  readonly fromSite: string;
  readonly toSite: string;
  /** `host:port` at the listener's side, and of the server. */
  readonly client: string;
  readonly server: string;
  readonly listener: string;
  readonly connector: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly octets: number;
  readonly octetsBack: number;
  readonly latencyMs?: number;
  readonly state: 'open' | 'closed' | 'reset' | 'refused';
  /** Why it was refused or reset; of a refused one which policy. */
  readonly reason?: string;
  /** The trace that it is part of. */
  readonly traceId?: string;
}

export interface EventView {
  readonly id: number;
  readonly at: number;
  readonly severity: 'info' | 'warning' | 'error';
  /** Such as `link-down`, `site-joined`, `flow-refused`, `token-issued`, `token-redeemed`, `certificate-expiring`. */
  readonly type: string;
  readonly site: string;
  /** What it is about, such as `link/west-1`. */
  readonly object: string;
  readonly message: string;
  /** How often the same has happened since. */
  readonly count: number;
}

/** What keeps the picture from being whole or true, in words for people. */
export interface ProblemView {
  readonly id: string;
  readonly since: number;
  readonly message: string;
}

/** Everything but single connections, which are asked for. */
export interface NetworkView {
  readonly sites: readonly SiteView[];
  readonly routers: readonly RouterView[];
  readonly links: readonly LinkView[];
  readonly endpoints: readonly EndpointView[];
  readonly services: readonly ServiceView[];
  readonly traffic: readonly TrafficView[];
  readonly events: readonly EventView[];
  readonly problems: readonly ProblemView[];
}

/** What has changed in one of its lists, by `id` (a service by `address`). */
export interface SectionChange {
  readonly section: keyof NetworkView;
  readonly set: readonly object[];
  readonly gone: readonly (string | number)[];
}
