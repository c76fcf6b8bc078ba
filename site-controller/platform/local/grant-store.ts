/** What the redemption server of a local site knows: the AccessGrants, and one file each for the redemptions made. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccessGrant } from '../../../config/api/access-grant.ts';
import { readIfExists, writeFileAtomic } from '../../../lib/files.ts';
import type { GrantState, GrantStore, Redemption } from '../../grants/store.ts';
import { grantState } from '../../reconcile/accessgrant/plan.ts';
import type { ResourceStore } from '../../store.ts';

export interface GrantFilesParts {
  store: ResourceStore;
  directory: string;
  onRedeemed: () => void;
}

export class GrantFiles implements GrantStore {
  private readonly parts: GrantFilesParts;
  private readonly known = new Map<string, readonly Redemption[]>();

  constructor(parts: GrantFilesParts) {
    this.parts = parts;
  }

  async get(uid: string): Promise<GrantState | undefined> {
    const grant = (await this.parts.store.list('AccessGrant')).find(({ metadata }) => metadata.uid === uid);
    return grant && grantState(grant, await this.redemptions(uid));
  }

  async record(uid: string, redemption: Redemption): Promise<void> {
    const redemptions = [...(await this.redemptions(uid)), redemption];
    await writeFileAtomic(this.file(uid), JSON.stringify(redemptions), { mode: 0o600 });
    this.known.set(uid, redemptions);
    this.parts.onRedeemed();
  }

  /** Reads what is on disk of these grants, so that `count` can answer, and forgets the others. */
  async load(grants: readonly AccessGrant[]): Promise<void> {
    const uids = new Set(grants.map(({ metadata }) => metadata.uid ?? ''));
    for (const uid of uids) await this.redemptions(uid);
    for (const uid of this.known.keys()) {
      if (uids.has(uid)) continue;
      this.known.delete(uid);
      await rm(this.file(uid), { force: true });
    }
  }

  count(uid: string): number {
    return this.known.get(uid)?.length ?? 0;
  }

  private async redemptions(uid: string): Promise<readonly Redemption[]> {
    const known = this.known.get(uid);
    if (known !== undefined) return known;
    const text = await readIfExists(this.file(uid));
    const redemptions = text === undefined ? [] : (JSON.parse(text) as Redemption[]);
    this.known.set(uid, redemptions);
    return redemptions;
  }

  private file(uid: string): string {
    return join(this.parts.directory, `${uid}.json`);
  }
}
