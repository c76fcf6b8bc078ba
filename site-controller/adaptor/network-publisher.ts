/** Puts the network as the site knows it into ConfigMaps: those that changed, and none when nothing did. */
import { createHash } from 'node:crypto';
import type { KubeObject } from '../../lib/kube/object.ts';
import { NETWORK_STATUS_NAME } from '../exchange/network-document.ts';
import type { SiteContent } from '../exchange/record.ts';
import type { NetworkView } from '../reconcile/observed.ts';
import type { AdaptorCluster } from './cluster.ts';
import { networkMaps, type Place } from './documents.ts';

/** The same for each adaptor of the site: whoever speaks for it next goes on with what is there. */
const FIELD_MANAGER = 'skuprt-adaptor';

export interface Publication {
  place: Place;
  view: NetworkView;
  own: SiteContent;
  /** The same for views that are equal. */
  key: string;
}

export class NetworkPublisher {
  readonly stats = { writes: 0, sizeBytes: 0 };
  private readonly cluster: Pick<AdaptorCluster, 'apply' | 'remove'>;
  private written = new Map<string, string>();
  /** Undefined: not known, since an earlier adaptor may have written more. */
  private partCount: number | undefined;

  constructor(cluster: Pick<AdaptorCluster, 'apply' | 'remove'>) {
    this.cluster = cluster;
  }

  /** @throws SkuprtError */
  async write({ place, view, own }: Publication): Promise<void> {
    const maps = networkMaps(place, view, own);
    this.stats.sizeBytes = maps.reduce((size, map) => size + sizeOf(map), 0);
    for (const map of maps) {
      const digest = createHash('sha256').update(JSON.stringify(map)).digest('hex');
      if (this.written.get(map.metadata.name) === digest) continue;
      await this.cluster.apply(map, FIELD_MANAGER);
      this.written.set(map.metadata.name, digest);
      this.stats.writes += 1;
    }
    await this.removeSurplus(maps.length);
    this.partCount = maps.length;
  }

  /** Somebody else writes now: what is there is not known any more. */
  forget(): void {
    this.written = new Map();
    this.partCount = undefined;
  }

  private async removeSurplus(partCount: number): Promise<void> {
    for (let index = partCount + 1; index <= (this.partCount ?? Infinity); index += 1) {
      const name = `${NETWORK_STATUS_NAME}-${index}`;
      this.written.delete(name);
      const wasThere = await this.cluster.remove(name);
      if (!wasThere && this.partCount === undefined) return;
    }
  }
}

function sizeOf({ data }: KubeObject): number {
  return Object.values((data ?? {}) as Record<string, string>).reduce(
    (size, text) => size + Buffer.byteLength(text),
    0,
  );
}
