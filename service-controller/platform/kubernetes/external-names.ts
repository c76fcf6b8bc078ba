/** Names of the external domain: tells the others of this cluster's Ingresses, and keeps the DNSEndpoints of the whole set here. */
import { isDeepEqual } from '../../../lib/kube/subset.ts';
import type { Logger } from '../../../lib/log.ts';
import { ingressRecord } from '../../reconcile/dnsendpoint/ingress-record.ts';
import { type ExternalFault, planDnsEndpoints } from '../../reconcile/dnsendpoint/plan.ts';
import { type IngressRecord, serviceKey } from '../../records.ts';
import type { Mesh } from './mesh.ts';
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
}

export class ExternalNames {
  private readonly parts: ExternalNamesParts;
  private faults: readonly ExternalFault[] = [];

  constructor(parts: ExternalNamesParts) {
    this.parts = parts;
  }

  get isWanted(): boolean {
    return this.parts.settings.externalDomain !== '';
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

  /** One look at all names. */
  async run(): Promise<void> {
    const { settings, cache, mesh, writes } = this.parts;
    this.tell();
    const { identity } = mesh;
    const present = cache.dnsEndpoints(settings.namespace);
    if (identity === undefined || present === undefined) return;
    const { services, ingresses } = mesh.own;
    const plan = planDnsEndpoints({
      domain: settings.externalDomain,
      namespace: settings.namespace,
      own: { clusterId: identity.clusterId, services, ingresses },
      clusters: mesh.clusters,
      isSettled: mesh.view.isSettled,
      present,
    });
    this.report(plan.faults);
    for (const object of plan.apply) await writes.apply(object);
    for (const object of plan.prune) await writes.delete(object);
  }

  private report(faults: readonly ExternalFault[]): void {
    if (isDeepEqual(faults, this.faults)) return;
    this.faults = faults;
    if (faults.length > 0) this.parts.log.warn({ faults }, 'names of the external domain are left out');
  }
}
