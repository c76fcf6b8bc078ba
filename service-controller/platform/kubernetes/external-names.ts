/**
 * Names of the external domain: tells the others of this cluster's Ingresses, and keeps the DNSEndpoints of the whole set here. Without a
 * domain there are none: those of a former one go. Without the kind nothing is kept, and that is said once.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { isDeepEqual } from '../../../lib/kube/subset.ts';
import type { Logger } from '../../../lib/log.ts';
import { ingressRecord } from '../../reconcile/dnsendpoint/ingress-record.ts';
import { type ExternalFault, planDnsEndpoints } from '../../reconcile/dnsendpoint/plan.ts';
import type { EventWant } from '../../reconcile/observed.ts';
import { type IngressRecord, serviceKey } from '../../records.ts';
import type { Mesh } from '../mesh.ts';
import type { ServiceCache } from './service-cache.ts';
import type { Writes } from './service-pass.ts';
import type { ServiceSettings } from './settings.ts';

/** In the queue: no service is called so. */
export const EXTERNAL_KEY = 'external-names';

export interface ExternalNamesParts {
  settings: ServiceSettings;
  cache: ServiceCache;
  mesh: Mesh;
  writes: Writes;
  log: Logger;
  onEvent: (event: EventWant) => void;
}

/** A kind that comes later is seen by its reflector, which says nothing as long as there is no object of it. */
const KIND_LOOK_MS = 30_000;

export class ExternalNames {
  private readonly parts: ExternalNamesParts;
  private faults: readonly ExternalFault[] = [];
  private isKindMissing = false;

  constructor(parts: ExternalNamesParts) {
    this.parts = parts;
  }

  /** There is something to do for `run`. */
  get isConcern(): boolean {
    return this.isWanted || this.present().length > 0;
  }

  /** What this cluster says of its Ingresses. */
  tell(): void {
    const { cache, mesh } = this.parts;
    const records = new Map<string, IngressRecord>();
    for (const ingress of cache.ingresses()) {
      const namespace = ingress.metadata.namespace ?? '';
      const record = ingressRecord(ingress, (name) => cache.isServed(serviceKey({ namespace, name })));
      if (record !== undefined) records.set(serviceKey(record), record);
    }
    mesh.setIngresses(records);
  }

  /** One look at all names. When to look again though nothing changed: in milliseconds from now. */
  async run(): Promise<number> {
    const { settings, cache, mesh, writes } = this.parts;
    if (!this.isWanted) {
      for (const object of this.present()) await writes.delete(object);
      return Infinity;
    }
    this.tell();
    const { identity } = mesh;
    const present = cache.dnsEndpoints(settings.namespace);
    this.kindIs(present !== undefined);
    if (present === undefined) return KIND_LOOK_MS;
    if (identity === undefined) return Infinity;
    const { services, ingresses } = mesh.own;
    const plan = planDnsEndpoints({
      domain: settings.externalDomain,
      namespace: settings.namespace,
      own: { clusterId: identity.clusterId, services, ingresses },
      clusters: mesh.clusters,
      // A name that is gone stays gone in caches: nobody waits for it to go.
      isSettled: mesh.view.hasWaited,
      present,
    });
    this.report(plan.faults);
    for (const object of plan.apply) await writes.apply(object);
    for (const object of plan.prune) await writes.delete(object);
    return Infinity;
  }

  private get isWanted(): boolean {
    return this.parts.settings.externalDomain !== '';
  }

  private present(): readonly KubeObject[] {
    return this.parts.cache.dnsEndpoints(this.parts.settings.namespace) ?? [];
  }

  private kindIs(isThere: boolean): void {
    const { settings, cache, log, onEvent } = this.parts;
    if (this.isKindMissing === !isThere) return;
    this.isKindMissing = !isThere;
    if (isThere) {
      log.info('kind DNSEndpoint is there now');
      return;
    }
    const message =
      `The kind DNSEndpoint of externaldns.k8s.io/v1alpha1 is not in this cluster, so names of ${settings.externalDomain} are not ` +
      'written. Install it with external-dns, or by "skuprt install --dns-endpoints"';
    log.warn({ domain: settings.externalDomain }, 'kind DNSEndpoint is missing: no names of the external domain');
    const { site } = cache.carrier.choice;
    if (site !== undefined) onEvent({ about: site, type: 'Warning', reason: 'NoDNSEndpointKind', message });
  }

  private report(faults: readonly ExternalFault[]): void {
    if (isDeepEqual(faults, this.faults)) return;
    this.faults = faults;
    if (faults.length > 0) this.parts.log.warn({ faults }, 'names of the external domain are left out');
  }
}
