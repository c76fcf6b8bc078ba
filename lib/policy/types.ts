/**
 * Words of access policies, shared by who writes them down (controllers, command line) and who enforces them (routers): what is asked,
 * by whom, of which service, and what the answer says. Shapes only; `docs/adr/0033` has the rules of the decision.
 */

/** What may be governed: a connection, a service that is offered or used here, a site that links to this one. */
export const OPERATIONS = ['Connect', 'Expose', 'Import', 'Link'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** `Limit` allows what it matches, within its limits. */
export const ACTIONS = ['Allow', 'Deny', 'Limit'] as const;
export type Action = (typeof ACTIONS)[number];

/**
 * How what is said of a client is known. `local`: it has connected to this very site; `link`: its site's router is a neighbour, whose
 * certificate names the site; `path`: routers in between vouch for it, each known by the one before; `none`: only said.
 */
export const VERIFICATIONS = ['local', 'link', 'path', 'none'] as const;
export type Verification = (typeof VERIFICATIONS)[number];

/** Of `Link`, seen from the site that decides: `Outgoing` is dialled by this site. */
export const DIRECTIONS = ['Incoming', 'Outgoing'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** Who asks. What is absent is not known, and matches no selector that names it. */
export interface PolicyClient {
  readonly siteId?: string;
  readonly siteName?: string;
  readonly namespace?: string;
  /** Who owns the pod: the name of its Deployment, StatefulSet, ... */
  readonly workload?: string;
  readonly pod?: string;
  readonly serviceAccount?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** The name of the listener that took the connection. */
  readonly listener?: string;
  readonly verification: Verification;
  /** With `path`: ids of the sites that vouch, the nearest first. */
  readonly via?: readonly string[];
  /** What could not be verified, and why, for people. */
  readonly doubt?: string;
}

/** What is asked for. */
export interface PolicyService {
  readonly name: string;
  readonly namespace: string;
  readonly routingKey: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
    readonly values?: readonly string[];
  }[];
}

/** All that is given must match; of a list, one entry. Entries may have `*` for any characters. An empty one matches all. */
export interface ServiceSelector {
  readonly names?: readonly string[];
  /** ClusterAccessPolicy only: an AccessPolicy is about its own namespace. */
  readonly namespaces?: readonly string[];
  readonly routingKeys?: readonly string[];
  readonly selector?: LabelSelector;
}

export interface ClientSelector {
  /** Names or ids of sites. */
  readonly sites?: readonly string[];
  readonly namespaces?: readonly string[];
  readonly workloads?: readonly string[];
  readonly serviceAccounts?: readonly string[];
  /** Labels of the client's pod. */
  readonly selector?: LabelSelector;
  /** Of `Link` only. */
  readonly direction?: Direction;
  /** Of `Link` only: hosts that this site dials, which names no link that others dial. */
  readonly hosts?: readonly string[];
  /**
   * The least that is asked of what is known of the client; `path` unless given, and nothing where the rest names nothing of it. A
   * Deny rule matches however it is known.
   */
  readonly verification?: Verification;
}

/** Each router has its own measure. Whoever must wait does so in a queue, whose clients take turns. */
export interface Limits {
  readonly connectionsPerSecond?: number;
  /** How many may come at once after a pause; a second's worth unless given. */
  readonly connectionsBurst?: number;
  readonly concurrentConnections?: number;
  /** Both directions together. */
  readonly bytesPerSecond?: number;
  /** What shares the measure: all that the rule matches, or each client site, or each workload; `Rule` unless given. */
  readonly per?: 'Rule' | 'Site' | 'Workload';
  /** How many connections wait, and for how long; none unless given. */
  readonly queue?: { readonly length: number; readonly seconds: number };
}

export interface PolicyRule {
  readonly action: Action;
  /** `Connect` unless given. */
  readonly operations?: readonly Operation[];
  /** Any of them; all clients unless given. */
  readonly from?: readonly ClientSelector[];
  /** With `Limit` only. */
  readonly limits?: Limits;
}

export interface PolicySpec {
  /** Any of them; all services unless given. */
  readonly services?: readonly ServiceSelector[];
  readonly rules: readonly PolicyRule[];
  /** Only says, and counts, what it would refuse. */
  readonly dryRun?: boolean;
  /** Open connections that it no longer allows are reset. */
  readonly enforceExisting?: boolean;
}

export interface PolicyDocument {
  readonly kind: 'ClusterAccessPolicy' | 'AccessPolicy';
  readonly name: string;
  /** Of an AccessPolicy. */
  readonly namespace?: string;
  readonly spec: PolicySpec;
}

export interface PolicyRequest {
  readonly operation: Operation;
  readonly client: PolicyClient;
  /** Absent for `Link`, which is about no service. */
  readonly service?: PolicyService;
  /** With `Link`: that of the site which decides. Where it is not told, AccessPolicies of all namespaces are asked. */
  readonly namespace?: string;
  /** With `Link`. */
  readonly direction?: Direction;
  /** With `Link` that this site dials: where. */
  readonly host?: string;
}

/** `ClusterAccessPolicy/NAME` or `AccessPolicy/NAMESPACE/NAME`, and which of its rules, from 0. */
export interface RuleReference {
  readonly policy: string;
  readonly rule?: number;
}

export interface Decision {
  readonly allowed: boolean;
  /** Who decided; absent when no policy selects what is asked. */
  readonly by?: RuleReference;
  /** For people, one sentence. */
  readonly reason: string;
  /** Of all Limit rules that match; each holds. */
  readonly limits: readonly { readonly by: RuleReference; readonly limits: Limits }[];
  /** Some policy that was asked resets open connections. */
  readonly enforceExisting: boolean;
  /** What the policies with `dryRun` would have said, where that is another answer. */
  readonly dryRun?: { readonly allowed: boolean; readonly by?: RuleReference; readonly reason: string };
}
