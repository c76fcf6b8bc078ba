/** Where things are: routers and their sites, by the records of routers. A router that names no site is one by itself. */
import { ATTRIBUTE, RECORD_TYPE } from '../../lib/vanflow.ts';
import type { RecordStore } from './record-store.ts';
import { routerNameOf, textOf, timeOf } from './records.ts';
import type { RouterView, SiteView } from './view.ts';

/** When a router was found missing: by the wall clock, and by the collector's. */
export interface Lost {
  readonly since: number;
  readonly at: number;
}

export class Places {
  readonly routers = new Map<string, RouterView>();
  readonly sites = new Map<string, SiteView>();
  private readonly routersByName = new Map<string, RouterView>();

  /**
   * @param self name of the router that the collector listens at
   * @param lost routers that cannot be reached, by name
   */
  constructor(store: RecordStore, self: string | undefined, lost: ReadonlyMap<string, Lost>) {
    const sites = store.ofType(RECORD_TYPE.site);
    // Without its environment the original tells of its site and does not name it as its own.
    const siteOfSource = new Map([...sites.keys()].map((id) => [sourceOf(id), id]));
    for (const [id, { values }] of store.ofType(RECORD_TYPE.router)) {
      const name = routerNameOf(textOf(values, ATTRIBUTE.name));
      if (name === '') continue;
      const goneSince = lost.get(name)?.since;
      const router: RouterView = {
        id,
        name,
        site: textOf(values, ATTRIBUTE.parent) || (siteOfSource.get(sourceOf(id)) ?? id),
        mode: textOf(values, ATTRIBUTE.mode) === 'edge' ? 'edge' : 'interior',
        version: textOf(values, ATTRIBUTE.version),
        startedAt: timeOf(values, ATTRIBUTE.startTime),
        ...(goneSince !== undefined && { goneSince }),
      };
      this.routers.set(id, router);
      this.routersByName.set(name, router);
    }
    const own = this.routersByName.get(self ?? '')?.site;
    for (const [id, { values }] of sites) {
      this.sites.set(id, {
        id,
        name: textOf(values, ATTRIBUTE.name) || id,
        namespace: textOf(values, ATTRIBUTE.namespace),
        platform: textOf(values, ATTRIBUTE.platform),
        version: textOf(values, ATTRIBUTE.version),
        startedAt: timeOf(values, ATTRIBUTE.startTime),
        self: id === own,
      });
    }
    for (const router of this.routers.values()) if (!this.sites.has(router.site)) this.addSiteOf(router, own);
  }

  router(id: string): RouterView | undefined {
    return this.routers.get(id);
  }

  routerNamed(name: string): RouterView | undefined {
    return this.routersByName.get(name);
  }

  /** Empty when it is not known. */
  siteOf(router: string): string {
    return this.routers.get(router)?.site ?? '';
  }

  private addSiteOf({ id, site, name, version, startedAt }: RouterView, own: string | undefined): void {
    const siteName = site === id ? name : site;
    this.sites.set(site, {
      id: site,
      name: siteName,
      namespace: '',
      platform: '',
      version,
      startedAt,
      self: site === own,
    });
  }
}

/** Records that a router names itself begin with its source: `abcde:7`. Ids of site controllers are of another form. */
function sourceOf(id: string): string {
  return id.slice(0, id.lastIndexOf(':') + 1) || id;
}
