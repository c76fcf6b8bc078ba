/** The network as the browser has it: the whole view once, then what changes. Pure. */
import type { NetworkAnswer, Session } from '../../model/api.ts';
import type {
  EndpointView,
  EventView,
  LinkView,
  NetworkView,
  ProblemView,
  RouterView,
  SectionChange,
  ServiceView,
  SiteView,
  TrafficView,
} from '../../model/view.ts';

/** Events that are kept here; the server has more. */
const EVENT_COUNT_MAX = 2000;

type Key = string | number;

const NOBODY: Session = { self: '', user: '', readOnly: true };
const SECTIONS: readonly (keyof NetworkView)[] = [
  'sites',
  'routers',
  'links',
  'endpoints',
  'services',
  'traffic',
  'events',
  'problems',
];

export class Network {
  session: Session = NOBODY;
  readonly sites = new Map<Key, SiteView>();
  readonly routers = new Map<Key, RouterView>();
  readonly links = new Map<Key, LinkView>();
  readonly endpoints = new Map<Key, EndpointView>();
  readonly services = new Map<Key, ServiceView>();
  readonly traffic = new Map<Key, TrafficView>();
  readonly events = new Map<Key, EventView>();
  readonly problems = new Map<Key, ProblemView>();

  replace(answer: NetworkAnswer): void {
    const { self = this.session.self, user = this.session.user, readOnly = this.session.readOnly } = answer;
    this.session = { self, user, readOnly };
    for (const section of SECTIONS) {
      this[section].clear();
      this.#put(section, answer[section]);
    }
  }

  clear(): void {
    this.session = NOBODY;
    for (const section of SECTIONS) this[section].clear();
  }

  apply(changes: readonly SectionChange[]): void {
    for (const { section, set, gone } of changes) {
      // A newer server may tell of others.
      if (!SECTIONS.includes(section)) continue;
      for (const key of gone) this[section].delete(key);
      this.#put(section, set);
    }
    for (const key of this.events.keys()) {
      if (this.events.size <= EVENT_COUNT_MAX) break;
      this.events.delete(key);
    }
  }

  siteName(id: string): string {
    return this.sites.get(id)?.name ?? (id === '' ? 'not known' : id);
  }

  routerName(id: string): string {
    return this.routers.get(id)?.name ?? id;
  }

  #put(section: keyof NetworkView, items: readonly object[]): void {
    const list: Map<Key, object> = this[section];
    for (const item of items) {
      list.set(section === 'services' ? (item as ServiceView).address : (item as { id: Key }).id, item);
    }
  }
}
