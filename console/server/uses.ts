/** What the server is given: the network, what else a place knows, and who may come in. Shapes only. */

import type { CertificateView, PolicyView, TokenMade, TokenOrder, TokenView } from '../model/api.ts';
import type { FlowFilter } from '../model/flow-filter.ts';
import type { FlowView, NetworkView, SectionChange } from '../model/view.ts';

/** The network as the collector has it. */
export interface ConsoleModel {
  view(): NetworkView;
  /** The latest first. */
  flows(filter: FlowFilter): readonly FlowView[];
  /** Calls a few times a second, and only when something has changed. What it gives back ends that. */
  subscribe(listener: (changes: readonly SectionChange[]) => void): () => void;
  /** What the router of the place has counted; undefined when it cannot be asked. */
  refusedByPolicies(): Promise<RefusedCounts | undefined>;
  /** The flows that opened, changed or ended. */
  subscribeFlows(filter: FlowFilter, listener: (flows: readonly FlowView[]) => void): () => void;
}

/** By reference, how many connections each policy has refused, or would have. */
export type RefusedCounts = ReadonlyMap<string, number>;

/** What the network's records do not tell, and what can be made: of the namespace that the console belongs to. */
export interface ConsolePlace {
  tokens(): Promise<readonly TokenView[]>;
  policies(): Promise<readonly PolicyView[]>;
  /** Certificates of links by the name of the link. */
  linkCertificate(link: string): Promise<CertificateView | undefined>;
  /** What the link may dial, in order of preference, as `host:port`; undefined of a link that is none of this site's. */
  linkEndpoints(link: string): Promise<readonly string[] | undefined>;
  /** Who may connect to an address and how connections are spread. */
  explain(address: string): Promise<ServiceExplanation>;
  /** @throws SkuprtError */
  issueToken(order: TokenOrder): Promise<TokenMade>;
}

/** The place as that user may see and change it. */
export type PlaceOf = (user: SignedIn) => Promise<ConsolePlace>;

export interface ServiceExplanation {
  readonly policies: readonly string[];
  readonly explain: readonly string[];
}

/** Somebody who is in. */
export interface SignedIn {
  readonly name: string;
  /** May make tokens. */
  readonly mayIssue: boolean;
  /** By which they came in. */
  readonly token: string;
}

/** Who may come in. */
export interface Access {
  /** How people sign in: a token that the console printed, or one of the cluster. */
  readonly kind: 'console-token' | 'kubernetes';
  /** What is known of who has this token; undefined when it opens nothing. @throws SkuprtError when that cannot be found out */
  check(token: string): Promise<Omit<SignedIn, 'token'> | undefined>;
}
