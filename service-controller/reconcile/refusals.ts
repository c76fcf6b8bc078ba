/**
 * What access policies say of exporting and importing a service here. Pure. What the site's name decides is left to the site-controller,
 * which knows it, and keeps what is refused out of the routers.
 */
import { decideEarly } from '../../lib/policy/decide.ts';
import type { Operation } from '../../lib/policy/types.ts';
import { routingKey } from '../names.ts';
import { fieldsOf, listOf } from './fields.ts';
import type { Observed } from './observed.ts';

/** Why this cluster does not export its service; undefined when it may. */
export function exposeRefusal(observed: Observed): string | undefined {
  const ports = listOf(fieldsOf(observed.service?.spec).ports).map(({ port }) => Number(port));
  return refusal(observed, 'Expose', observed.export?.metadata.labels, ports, observed.clusterId);
}

/** Why this cluster does not use what others export; undefined when it may. `ports`: of the merged service. */
export function importRefusal(observed: Observed, ports: readonly number[], cluster: string): string | undefined {
  return refusal(observed, 'Import', observed.import?.metadata.labels, ports, cluster);
}

/** Only when it holds for each port: one that is refused alone is kept back by the site. */
function refusal(
  observed: Observed,
  operation: Operation,
  labels: Readonly<Record<string, string>> = {},
  ports: readonly number[],
  cluster: string,
): string | undefined {
  const { policies, namespace, name, carrier } = observed;
  if (policies === undefined || ports.length === 0) return undefined;
  const client = { siteId: carrier?.siteId, namespace, verification: 'local' } as const;
  const refusals = ports.map((port) => {
    const service = { namespace, name, labels, routingKey: routingKey(observed, cluster, port) };
    const { allowed, reason } = decideEarly(policies, { operation, client, service });
    return allowed ? undefined : `Refused by policy: ${reason}`;
  });
  return refusals.every((text) => text !== undefined) ? refusals[0] : undefined;
}
