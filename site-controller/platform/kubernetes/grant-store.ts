/**
 * Redemptions of AccessGrants on Kubernetes: recorded as an annotation of the grant, by a write that fails when the grant changed meanwhile.
 * So every replica may redeem, and a use is never given twice.
 */
import type { AccessGrant } from '../../../config/api/access-grant.ts';
import type { Clock } from '../../../lib/clock.ts';
import { RedemptionConflictError } from '../../grants/errors.ts';
import type { GrantState, GrantStore, Redemption } from '../../grants/store.ts';
import {
  grantState,
  REDEMPTIONS_ANNOTATION,
  redemptionsAllowed,
  redemptionsOf,
} from '../../reconcile/accessgrant/plan.ts';
import { type GrantPlace, GrantSearch } from './grant-search.ts';

const TRIES_MAX = 4;
/** Grants that redeemers know and the cache does not: a cache that is so far behind is on its way. */
const AHEAD_MAX = 1000;

export interface GrantApi {
  /** From the API server, not from a cache. */
  readGrant(namespace: string, name: string): Promise<AccessGrant | undefined>;
  /** Where all are that this controller serves; from the API server too. */
  listGrants(): Promise<readonly GrantPlace[]>;
  /**
   * Merge patch of metadata.annotations; null removes one. With a resourceVersion it changes nothing and answers `conflict` when the
   * object is another by now.
   */
  annotate(
    kind: 'AccessGrant' | 'Secret',
    namespace: string,
    name: string,
    annotations: Readonly<Record<string, string | null>>,
    resourceVersion?: string,
  ): Promise<'done' | 'conflict'>;
}

export interface FoundGrant {
  namespace: string;
  grant: AccessGrant;
}

export interface GrantRecordsParts {
  api: GrantApi;
  /** Whatever the cache knows by that uid. */
  find(uid: string): FoundGrant | undefined;
  clock: Clock;
  onRedeemed: (namespace: string) => void;
}

export class GrantRecords implements GrantStore {
  private readonly parts: GrantRecordsParts;
  private readonly stopping = new AbortController();
  private readonly search: GrantSearch;
  /** Grants that are ahead of the cache, as they were last read, by uid. */
  private readonly ahead = new Map<string, FoundGrant>();
  /** Counted here and perhaps not in the cache yet, by uid. */
  private readonly counts = new Map<string, number>();

  constructor(parts: GrantRecordsParts) {
    this.parts = parts;
    const { api, clock } = parts;
    this.search = new GrantSearch({ list: () => api.listGrants(), clock }, this.stopping.signal);
  }

  stop(): void {
    this.stopping.abort();
  }

  /** What is known by that uid: of the cache, or read here since. */
  known(uid: string): FoundGrant | undefined {
    const found = this.parts.find(uid);
    if (found !== undefined) this.ahead.delete(uid);
    return found ?? this.ahead.get(uid);
  }

  async get(uid: string): Promise<GrantState | undefined> {
    const found = await this.read(uid);
    return found && grantState(found.grant, recordedOf(found.grant));
  }

  /** @throws RedemptionConflictError when others are faster again and again, or took the last use. */
  async record(uid: string, redemption: Redemption): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const found = await this.read(uid);
      if (found === undefined) throw new RedemptionConflictError(redemption.name);
      const { namespace, grant } = found;
      const recorded = recordedOf(grant);
      if (recorded.length >= redemptionsAllowed(grant)) throw new RedemptionConflictError(grant.metadata.name);
      // The same request gets its answer again from the CA: no private key is kept, and no certificate.
      const { answer: _answer, ...record } = redemption;
      const annotations = { [REDEMPTIONS_ANNOTATION]: JSON.stringify([...recorded, record]) };
      const { name, resourceVersion } = grant.metadata;
      if (
        (await this.parts.api.annotate('AccessGrant', namespace, name, annotations, resourceVersion)) === 'conflict'
      ) {
        continue;
      }
      this.counts.set(uid, recorded.length + 1);
      this.parts.onRedeemed(namespace);
      return;
    }
    throw new RedemptionConflictError(redemption.name);
  }

  /** At least; a pass adds what the grant itself says. */
  count(uid: string): number {
    return this.counts.get(uid) ?? 0;
  }

  private async read(uid: string): Promise<FoundGrant | undefined> {
    const found = this.known(uid);
    const place = found && { namespace: found.namespace, name: found.grant.metadata.name };
    // Another replica may have told of it already, and for who redeems "unknown" is final.
    const { namespace, name } = place ?? (await this.search.find(uid)) ?? {};
    if (namespace === undefined || name === undefined) return undefined;
    const grant = await this.parts.api.readGrant(namespace, name);
    // One of the same name that was made since is another.
    if (grant?.metadata.uid !== uid) return undefined;
    const read = { namespace, grant };
    if (this.parts.find(uid) === undefined) this.noteAhead(uid, read);
    return read;
  }

  private noteAhead(uid: string, read: FoundGrant): void {
    this.ahead.set(uid, read);
    if (this.ahead.size > AHEAD_MAX) this.ahead.delete(this.ahead.keys().next().value!);
  }
}

/** What Skupper's controller counted stands for that many of whom nothing is known. */
function recordedOf(grant: AccessGrant): Redemption[] {
  const recorded = redemptionsOf(grant);
  const unknownCount = Math.max(0, (grant.status?.redemptions ?? 0) - recorded.length);
  const unknown = Array.from({ length: unknownCount }, () => ({ name: '', subject: '', redeemedAt: 0 }));
  return [...unknown, ...recorded];
}
