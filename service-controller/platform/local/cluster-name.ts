/**
 * The id under which a local site takes part in the cluster set: the name of its Site, or with a suffix where another site has that.
 * What a site has spoken under once is kept in a file: it speaks under that at once after a restart. No I/O but that file.
 */

import { readIfExists, writeFileAtomic } from '../../../lib/files.ts';
import { isDnsLabel } from '../../../lib/text.ts';
import type { RefusedClaim } from '../../exchange/gate.ts';

const NAME_LENGTH_MAX = 63;
const SUFFIX_LENGTH = 5;

export class ClusterName {
  private readonly path: string;
  private kept: { siteId: string; id: string } | undefined;

  constructor(path: string) {
    this.path = path;
  }

  async load(): Promise<void> {
    const [siteId = '', id = ''] = ((await readIfExists(this.path)) ?? '').trim().split(' ');
    this.kept = isDnsLabel(id) ? { siteId, id } : undefined;
  }

  /** Spoken under before. */
  isKept(site: { id: string }): boolean {
    return this.kept?.siteId === site.id;
  }

  idOf(site: { name: string; id: string }): string {
    return this.isKept(site) ? this.kept!.id : site.name.slice(0, NAME_LENGTH_MAX);
  }

  async keep(site: { name: string; id: string }, id = this.idOf(site)): Promise<void> {
    if (this.isKept(site) && this.kept?.id === id) return;
    await writeFileAtomic(this.path, `${site.id} ${id}\n`);
    this.kept = { siteId: site.id, id };
  }

  /**
   * Another id when another site has this one: of two that both speak the one with the lower site id stays, so that both do not go.
   * `isSpeaking`: others know this site by the id.
   */
  async giveWay(
    site: { name: string; id: string },
    claims: readonly RefusedClaim[],
    isSpeaking: boolean,
  ): Promise<boolean> {
    const id = this.idOf(site);
    const others = claims.filter(({ clusterId, siteId }) => clusterId === id && siteId !== site.id);
    if (others.length === 0 || (isSpeaking && others.every(({ siteId }) => siteId > site.id))) return false;
    const other = this.otherId(site);
    if (other === id) return false;
    await this.keep(site, other);
    return true;
  }

  private otherId({ name, id }: { name: string; id: string }): string {
    const suffix = id.replaceAll('-', '').slice(0, SUFFIX_LENGTH);
    return `${name.slice(0, NAME_LENGTH_MAX - SUFFIX_LENGTH - 1).replace(/-+$/, '')}-${suffix}`;
  }
}
