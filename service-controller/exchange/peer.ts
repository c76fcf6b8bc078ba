/**
 * What is known of one other cluster: whom it is heard from, how far, and the set it told. Pure.
 *
 * Invariants: the set is always one that the cluster told as a whole, its hash says so; it stays what it is while something newer
 * is on its way. `live` needs both: heard within its lease, and agreed with what was heard since it was lost.
 */
import type { ClusterInfo, ClusterView, IngressRecord, ServiceRecord } from '../records.ts';
import { applied, type HeardEntry, hashText } from './entries.ts';
import { LIMITS } from './limits.ts';
import {
  type Changes,
  type DigestMessage,
  decodeChanges,
  type Head,
  INFO_KEY,
  ServicesMessageError,
  type UpdateMessage,
} from './messages.ts';

/** Orders processes that speak for one cluster: by their instance, those of one instance by their box. */
export interface Speaker {
  instance: number;
  box: number;
}

export function compareSpeakers(a: Speaker, b: Speaker): number {
  return a.instance - b.instance || a.box - b.box;
}

/** What came of an update. `gap`: it begins after what is known; `bad`: it says something else than it should. */
export type Outcome = 'applied' | 'known' | 'incomplete' | 'gap' | 'bad';

interface Assembly {
  key: string;
  parts: (string | undefined)[];
}

export class Peer {
  /** Of the content. */
  siteId: string;
  /** The site that may speak now: another one when the cluster moved while it was lost. */
  claimant: string;
  speaker: Speaker;
  /** Of the content, in the numbers of the speaker; -1 while it is not known to be one of its states. */
  seq = -1;
  /** The highest the speaker was heard to be at. */
  seqHeard = -1;
  state: 'new' | 'live' | 'lost' = 'new';
  heardAt: number;
  /** As `heardAt`, but that time without a connection of our own does not count. */
  leaseFrom: number;
  lostAt = -Infinity;
  /** When to ask for what is missing. */
  requestAt = Infinity;
  requestCount = 0;
  faultCount = 0;
  private entries: ReadonlyMap<string, HeardEntry> = new Map();
  private hash = 0n;
  private assemblies: Assembly[] = [];
  private shown: ClusterView | undefined;

  constructor(head: Head, now: number) {
    this.siteId = head.site;
    this.claimant = head.site;
    this.speaker = { instance: head.instance, box: head.box };
    this.heardAt = now;
    this.leaseFrom = now;
  }

  /** What it said last is not known as a whole. */
  get isBehind(): boolean {
    return this.seq < 0 || this.seq < this.seqHeard;
  }

  /** Another process speaks now: its numbers are its own. The set may well be the same. */
  follow({ instance, box, site }: Head): void {
    this.claimant = site;
    this.speaker = { instance, box };
    this.seq = -1;
    this.seqHeard = -1;
    this.assemblies = [];
    this.requestCount = 0;
    this.requestAt = Infinity;
  }

  /** True when the set is the one that the digest tells. */
  hearDigest({ seq, hash, site }: DigestMessage): boolean {
    if (seq < this.seqHeard) return false;
    this.seqHeard = seq;
    if (hash !== hashText(this.hash)) {
      if (seq === this.seq) this.seq = -1;
      return false;
    }
    this.seq = seq;
    this.siteId = site;
    return true;
  }

  /** The set changes as a whole or not at all. */
  hearUpdate(update: UpdateMessage): Outcome {
    const { from, to } = update;
    this.seqHeard = Math.max(this.seqHeard, to);
    if (to <= this.seq) return 'known';
    if (from > this.seq || (from >= 0 && this.seq < 0)) return 'gap';
    const packed = this.assemble(update);
    if (packed === undefined) return 'incomplete';
    try {
      return this.apply(update, decodeChanges(update, packed));
    } catch (error) {
      if (!(error instanceof ServicesMessageError)) throw error;
      return 'bad';
    }
  }

  view(id: string): ClusterView {
    const { siteId, heardAt } = this;
    const state = this.state === 'live' ? 'live' : 'lost';
    this.shown ??= { id, siteId, state, heardAt, ...contentOf(this.entries) };
    return { ...this.shown, siteId, state, heardAt };
  }

  private apply(update: UpdateMessage, changes: Changes): Outcome {
    const { entries, hash, faults } = applied(update.from < 0 ? NOTHING : this.entries, changes, this.entries);
    const isBad = hashText(hash) !== update.hash || entries.size > LIMITS.serviceCountMax + LIMITS.ingressCountMax + 1;
    if (isBad) {
      // What it is based on may be what is wrong.
      if (update.from >= 0) this.seq = -1;
      return 'bad';
    }
    this.faultCount += faults;
    this.seq = update.to;
    this.siteId = update.site;
    this.entries = entries;
    this.hash = hash;
    this.shown = undefined;
    this.requestCount = 0;
    return 'applied';
  }

  /** All parts in their order, none of an update that is not packed; undefined while some are missing. */
  private assemble({ from, to, part, parts, packed }: UpdateMessage): string[] | undefined {
    if (packed === undefined) return [];
    if (parts === 1) return [packed];
    const key = `${from} ${to} ${parts}`;
    let assembly = this.assemblies.find((one) => one.key === key);
    if (assembly === undefined) {
      assembly = { key, parts: Array.from({ length: parts }) };
      this.assemblies = [...this.assemblies.slice(1 - LIMITS.assemblyCountMax), assembly];
    }
    assembly.parts[part] = packed;
    if (assembly.parts.includes(undefined)) return undefined;
    this.assemblies = this.assemblies.filter((one) => one !== assembly);
    return assembly.parts as string[];
  }
}

const NOTHING: ReadonlyMap<string, HeardEntry> = new Map();
const INFO_UNKNOWN: ClusterInfo = { properties: {}, version: '' };

function contentOf(entries: ReadonlyMap<string, HeardEntry>): Pick<ClusterView, 'info' | 'services' | 'ingresses'> {
  const services = new Map<string, ServiceRecord>();
  const ingresses = new Map<string, IngressRecord>();
  for (const [key, { value }] of entries) {
    if (value === undefined || key === INFO_KEY) continue;
    if (key.startsWith('s/')) services.set(key.slice(2), value as ServiceRecord);
    else ingresses.set(key.slice(2), value as IngressRecord);
  }
  return { info: (entries.get(INFO_KEY)?.value as ClusterInfo | undefined) ?? INFO_UNKNOWN, services, ingresses };
}
