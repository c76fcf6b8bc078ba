/**
 * Who a client is, as far as this router can tell: for a connection that was accepted here from the client's address, for a stream of
 * another router from the claim in its head and from what is known of the router that made it (docs/adr/0032).
 *
 * The same answer is the same object, as long as it stays the same: who decides by it may keep the decision beside the object.
 */
import type { PolicyClient } from '../../lib/policy/types.ts';

/** The site of this router, as it is configured. */
export interface OwnSite {
  readonly siteId?: string;
  readonly siteName?: string;
  readonly siteNamespace?: string;
}

/** What runs at an address of the cluster. */
export interface Workload {
  readonly namespace?: string;
  readonly workload?: string;
  readonly pod?: string;
  readonly serviceAccount?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Workloads by address. */
export interface WorkloadSource {
  of(host: string): Workload | undefined;
  /** Another one after each change. */
  readonly revision: number;
}

/** From where a stream has come, as this router sees it. */
export interface StreamOrigin {
  /** The connection that it came by; 0: it began here. */
  readonly from: number;
  /** The service's address that it is for. */
  readonly address: string;
  /** When it came, on the router's clock. */
  readonly at: number;
  /** Id of the router where it entered the network, where this router can vouch for that. */
  readonly ingress?: string;
}

/** A claim that has come: one and the same for all streams that bring it, so that a flow need not keep the text. */
export interface Said {
  readonly text: string;
}

/** What is believed of the claim in a stream's head. */
export interface Believer {
  said(claim: string): Said;
  believe(said: Said | undefined, origin: StreamOrigin): PolicyClient;
  /** Names whose word it is, where nothing is missing but that somebody believed vouches for that router. */
  unvouched(said: Said, origin: StreamOrigin): string | undefined;
  /** The claim that goes with a stream of a client of this router; undefined when there is none. */
  textFor(client: PolicyClient, address: string): string | undefined;
}

export interface ClientsParts {
  site(): OwnSite;
  workloads: WorkloadSource;
  /** Absent: of streams nothing is known. */
  believer?: Believer;
}

export class Clients {
  private readonly parts: ClientsParts;
  /** By listener, of clients whose workload is not known. */
  private readonly plain = new Map<string, PolicyClient>();
  /** By workload, then by listener. */
  private known = new WeakMap<Workload, Map<string, PolicyClient>>();
  private site: OwnSite | undefined;
  /** Made since all were forgotten. */
  private count = 0;

  constructor(parts: ClientsParts) {
    this.parts = parts;
  }

  /** @param host the client's address; undefined: not known */
  accepted(host: string | undefined, listener: string): PolicyClient {
    const site = this.parts.site();
    if (site !== this.site) this.forget(site);
    const workload = host === undefined ? undefined : this.parts.workloads.of(host);
    const known = (workload === undefined ? this.plain : this.known.get(workload))?.get(listener);
    if (known !== undefined) return known;
    if (this.count >= CLIENTS_KEPT_MAX) this.forget(site);
    this.count++;
    const clients = workload === undefined ? this.plain : this.knownOf(workload);
    if (clients.size >= LISTENERS_KEPT_MAX) clients.clear();
    const { siteId, siteName } = site;
    const client: PolicyClient = { siteId, siteName, ...workload, listener, verification: 'local' };
    clients.set(listener, client);
    return client;
  }

  /** Whether anybody tells of workloads. */
  get tellsWorkloads(): boolean {
    return this.parts.workloads.revision > 0;
  }

  /** Whether it is known what runs at an address. */
  knows(host: string): boolean {
    return this.parts.workloads.of(host) !== undefined;
  }

  /** @param claim the text in the stream's head */
  said(claim: string | undefined): Said | undefined {
    return claim === undefined ? undefined : this.parts.believer?.said(claim);
  }

  ofStream(said: Said | undefined, origin: StreamOrigin): PolicyClient {
    const { believer, site } = this.parts;
    if (believer !== undefined) return believer.believe(said, origin);
    if (origin.from !== 0) return NOBODY;
    const { siteId, siteName } = site();
    return { siteId, siteName, verification: 'local' };
  }

  /** Whom somebody may vouch for in a moment, as when a link has just come up; undefined where waiting changes nothing. */
  unvouched(said: Said | undefined, origin: StreamOrigin): string | undefined {
    return said === undefined ? undefined : this.parts.believer?.unvouched(said, origin);
  }

  /** For the head of a stream to `address`. @param client as `accepted` gave it */
  claimOf(client: PolicyClient, address: string): string | undefined {
    return this.parts.believer?.textFor(client, address);
  }

  private knownOf(workload: Workload): Map<string, PolicyClient> {
    const clients = this.known.get(workload) ?? new Map<string, PolicyClient>();
    this.known.set(workload, clients);
    return clients;
  }

  private forget(site: OwnSite): void {
    this.site = site;
    this.plain.clear();
    this.known = new WeakMap();
    this.count = 0;
  }
}

const NOBODY: PolicyClient = { verification: 'none', doubt: 'the router of the client says nothing of it' };
/** Of one workload: listeners that come and go under ever new names leave nothing behind. */
const LISTENERS_KEPT_MAX = 4096;
/** With each goes what was decided about it, and its claim: about 2 kB. Beyond it all are forgotten, and made again as they come. */
export const CLIENTS_KEPT_MAX = 32_768;
