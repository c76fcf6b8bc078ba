/** SecuredAccess: how pods of this cluster are reached from outside of it, TLS untouched. Control-plane reference 1.10, 4.4. Pure. */
import { failed, pending, ready } from '../../../config/api/conditions.ts';
import type { SecuredAccess } from '../../../config/api/secured-access.ts';
import { type KubeObject, ownerReference } from '../../../lib/kube/object.ts';
import { objectOf } from '../cluster.ts';
import { type Observed, type Outcome, ofKind } from '../observed.ts';
import { isOwn } from '../ownership.ts';
import type { AccessType } from '../settings.ts';
import { activeSite } from '../site/identity.ts';
import { chooseAccessType } from './access-type.ts';
import { gatewayAccess } from './gateway.ts';
import { ingressAccess } from './ingress.ts';
import type { AccessEndpoint, AccessView, Realization } from './realization.ts';
import { httpProxyAccess, routeAccess } from './route.ts';
import { accessService, balancerAccess, hostAccess, localAccess, nodePortAccess } from './service.ts';

export const GROUP_LABEL = 'skupper.io/group';

export interface AccessPlan {
  objects: KubeObject[];
  endpoints: AccessEndpoint[];
  fault: string | undefined;
  waiting: string;
}

const NOTHING: AccessPlan = { objects: [], endpoints: [], fault: undefined, waiting: '' };

/**
 * What all of the namespace's come to. The objects of one that is not the Site's, as that of the redemption server, are owned by
 * it; a Gateway by nobody.
 */
export function planSecuredAccesses(observed: Observed): { objects: KubeObject[]; outcomes: Outcome[] } {
  const plans = ofKind(observed, 'SecuredAccess').map((access) => ({ access, plan: planAccess(observed, access) }));
  return {
    objects: plans.flatMap(({ plan }) => plan.objects),
    outcomes: plans.map(({ access, plan: { endpoints, fault, waiting } }) => ({
      resource: access,
      status: { endpoints },
      findings: [
        fault === undefined ? ready('Configured') : failed('Configured', fault),
        endpoints.length > 0 ? ready('Resolved') : pending('Resolved', waiting || 'Pending'),
      ],
    })),
  };
}

/** Nothing on platform local. */
export function planAccess(observed: Observed, access: SecuredAccess): AccessPlan {
  const { cluster, namespace } = observed;
  if (cluster === undefined) return NOTHING;
  const choice = chooseAccessType(cluster, access.spec.accessType);
  if ('fault' in choice) return { ...NOTHING, fault: choice.fault };
  const view: AccessView = { cluster, namespace, access, live: (kind, name) => objectOf(cluster, kind, name) };
  const service = choice.type === 'host' ? [] : [accessService(access, choice.type)];
  const { objects, places, waiting } = realize(view, choice.type);
  const wanted = [...service, ...objects];
  const foreign = wanted.filter(({ kind, metadata }) => isForeign(observed, access, kind, metadata));
  if (foreign.length > 0) {
    const names = foreign.map(({ kind, metadata }) => `${kind} ${metadata.name}`).join(', ');
    const fault = `${names} exists and was not made for this access: remove it, or give the access another name`;
    // Nothing of it is made: a Route must not lead to a Service of somebody else.
    return { ...NOTHING, fault };
  }
  const group = access.spec.selector[GROUP_LABEL] ?? access.metadata.name;
  return {
    objects: wanted.map((object) => withOwner(observed, access, object)),
    endpoints: places.map((place) => ({ ...place, group })),
    fault: undefined,
    waiting,
  };
}

function realize(view: AccessView, type: AccessType): Realization {
  switch (type) {
    case 'local':
      return localAccess(view);
    case 'loadbalancer':
      return balancerAccess(view);
    case 'nodeport':
      return nodePortAccess(view);
    case 'host':
      return hostAccess(view);
    case 'route':
      return routeAccess(view);
    case 'contour-http-proxy':
      return httpProxyAccess(view);
    case 'gateway':
      return gatewayAccess(view);
    case 'ingress':
      return ingressAccess(view, false);
    case 'ingress-nginx':
      return ingressAccess(view, true);
  }
}

/** The owner is the SecuredAccess, as Skupper's controller makes it, or the Site of the namespace. */
function isForeign(
  { cluster, namespace, resources }: Observed,
  access: SecuredAccess,
  kind: string,
  metadata: { name: string; namespace?: string },
): boolean {
  if ((metadata.namespace ?? namespace) !== namespace || kind === 'Gateway') return false;
  const object = objectOf(cluster!, kind, metadata.name);
  if (object === undefined) return false;
  const site = activeSite({ resources });
  const owners = object.metadata.ownerReferences ?? [];
  const isOfAccess = owners.some(({ uid }) => uid === access.metadata.uid);
  return !isOfAccess && !(site !== undefined && isOwn(object, site));
}

function withOwner(observed: Observed, access: SecuredAccess, object: KubeObject): KubeObject {
  const site = activeSite(observed);
  const isElsewhere = (object.metadata.namespace ?? observed.namespace) !== observed.namespace;
  if (isElsewhere || object.kind === 'Gateway' || access.metadata.uid === undefined) return object;
  if (site !== undefined && isOwn(access, site)) return object;
  const owner = ownerReference(access as unknown as KubeObject);
  return { ...object, metadata: { ...object.metadata, ownerReferences: [owner] } };
}
