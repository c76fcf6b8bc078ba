/** The plan of a namespace as the pass makes it: from what the Secrets hold, with ports given out. */
import type { Secret } from '../../config/api/secret.ts';
import { allocatePorts } from '../../site-controller/reconcile/listener/ports.ts';
import { type NamespacePlan, planNamespace } from '../../site-controller/reconcile/namespace-plan.ts';
import type { Observed } from '../../site-controller/reconcile/observed.ts';
import { mergeRouters } from '../../site-controller/reconcile/routers.ts';
import { activeSite } from '../../site-controller/reconcile/site/identity.ts';
import { credential } from './observed.ts';

/** Material in tests is not real: each Secret counts as good. */
export function namespacePlanOf(given: Observed): NamespacePlan {
  const secrets = [...given.resources.values()].filter((resource): resource is Secret => resource.kind === 'Secret');
  const tls = secrets.filter(({ type }) => type === 'kubernetes.io/tls').map(({ metadata }) => metadata.name);
  const observed: Observed = {
    ...given,
    credentials: new Map(tls.map((name) => [name, credential(name)])),
    router: mergeRouters([...(given.cluster?.routers.values() ?? [])]),
  };
  const ports = activeSite(observed) === undefined ? new Map<string, number>() : allocatePorts(observed);
  const inputs = { newCode: () => 'code', redemptions: () => 0, attempts: new Map() };
  return planNamespace({ ...observed, ports }, inputs);
}
