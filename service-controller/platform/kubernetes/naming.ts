/**
 * Keeps this cluster's identity: makes the ClusterProperties that are missing, joins the exchange under what they say, and leaves it when
 * no Site carries services any more. A property that is changed by its owner is a cluster that left and another that joined.
 */
import type { Clock } from '../../../lib/clock.ts';
import { AssertionError } from '../../../lib/errors.ts';
import { pause } from '../../../lib/kube/abort.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { Logger } from '../../../lib/log.ts';
import { Wakeup } from '../../../lib/wakeup.ts';
import { PROPERTY } from '../../names.ts';
import type { EventWant } from '../../reconcile/observed.ts';
import type { Mesh, OpenSession } from '../mesh.ts';
import { decideIdentity } from './identity.ts';
import type { ServiceCache } from './service-cache.ts';
import type { ServiceSettings } from './settings.ts';

export interface NamingParts {
  settings: ServiceSettings;
  cache: ServiceCache;
  mesh: Mesh;
  open: OpenSession;
  clock: Clock;
  log: Logger;
  makeProperty: (name: string, value: string) => Promise<void>;
  isLeading: () => boolean;
  /** The cluster takes part under another identity, or no longer. */
  onChange: () => void;
  onEvent: (event: EventWant) => void;
}

/** Each living cluster says something meanwhile. */
const LISTEN_MS = 6000;
const RETRY_MS = 1000;

export class Naming {
  private readonly parts: NamingParts;
  private readonly dirty = new Wakeup();
  private fault_: string | undefined;

  constructor(parts: NamingParts) {
    this.parts = parts;
  }

  /** Why this cluster takes no part; undefined when it does. */
  get fault(): string | undefined {
    return this.fault_;
  }

  /** Something that an identity depends on changed. */
  look(): void {
    this.dirty.notify();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let retry: NodeJS.Timeout | undefined;
      try {
        await this.identify(signal);
      } catch (err) {
        if (err instanceof AssertionError) throw err;
        this.parts.log.error({ err }, 'identity of the cluster not kept');
        retry = setTimeout(() => this.look(), RETRY_MS);
      }
      await this.dirty.wait(Infinity, signal);
      clearTimeout(retry);
    }
  }

  private async identify(signal: AbortSignal): Promise<void> {
    const { cache, mesh, settings, log } = this.parts;
    const { site, fault } = cache.carrier.choice;
    if (site === undefined) return this.stay(fault, undefined);
    const { clusterId, clusterSet } = settings;
    const input = { properties: cache.properties(), clusterId, clusterSet, site };
    const decision = decideIdentity({ ...input, taken: new Set() });
    if ('fault' in decision) return this.stay(decision.fault, site);
    if ('make' in decision) {
      if (mesh.identity !== undefined) return this.stay('its ClusterProperty was removed', site);
      if (this.parts.isLeading()) await this.make(decision.make.name, site, input, signal);
      return;
    }
    const before = mesh.identity;
    mesh.join({ ...decision, siteId: site.metadata.uid ?? '' });
    this.fault_ = undefined;
    if (mesh.identity === before) return;
    log.info({ ...decision, site: site.metadata.name, before: before?.clusterId }, 'takes part in the cluster set');
    this.parts.onChange();
  }

  /** Its watch brings it back to us. */
  private async make(
    name: string,
    site: KubeObject,
    input: Omit<Parameters<typeof decideIdentity>[0], 'taken'>,
    signal: AbortSignal,
  ): Promise<void> {
    const isFree = name === PROPERTY.clusterId && input.clusterId === '';
    const taken = isFree ? await this.taken(site, signal) : new Set<string>();
    const decision = decideIdentity({ ...input, taken });
    if (signal.aborted || !('make' in decision)) return;
    await this.parts.makeProperty(decision.make.name, decision.make.value);
    this.parts.log.info(decision.make, 'ClusterProperty made');
  }

  /** Listens under a name that is never spoken. */
  private async taken({ metadata }: KubeObject, signal: AbortSignal): Promise<Set<string>> {
    const siteId = metadata.uid ?? '';
    const clusterId = `unnamed-${siteId.slice(0, 8)}`;
    const { clusterSet } = this.parts.settings;
    const session = this.parts.open({ clusterId, clusterSet, siteId }, () => undefined);
    await pause(LISTEN_MS, signal);
    const ids = session.views().map(({ id }) => id);
    session.stop();
    return new Set(ids);
  }

  private stay(fault: string, site: KubeObject | undefined): void {
    const { mesh, log, onChange, onEvent } = this.parts;
    if (this.fault_ !== fault) {
      log.warn({ fault }, 'takes no part in a cluster set');
      if (site !== undefined) onEvent({ about: site, type: 'Warning', reason: 'NoClusterIdentity', message: fault });
    }
    this.fault_ = fault;
    if (mesh.identity === undefined) return;
    mesh.leave();
    onChange();
  }
}
