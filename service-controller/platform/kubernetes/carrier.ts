/**
 * Which Site of a cluster carries its services: exactly one, or none with a reason. Pure.
 *
 * The one labelled `skuprt.io/cluster-set`; else the only one; else the one in the controller's namespace. A Site that is being deleted
 * carries nothing, and the labelled one alone may, so that a second label stops traffic nowhere unseen: the oldest keeps it.
 */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { LABEL } from '../../names.ts';

export type CarrierChoice = { site: KubeObject; fault?: string } | { site?: undefined; fault: string };

export function chooseCarrier(sites: Iterable<KubeObject>, controllerNamespace: string): CarrierChoice {
  const living = activeSites([...sites].filter(({ metadata }) => metadata.deletionTimestamp === undefined));
  const [first] = living;
  if (first === undefined)
    return { fault: 'no Site in this cluster: make one (skuprt init) to carry the services of the cluster set' };
  const labelled = living.filter(({ metadata }) => metadata.labels?.[LABEL.carrier] !== undefined);
  const [chosen, ...others] = labelled;
  if (chosen !== undefined && others.length > 0) {
    const names = labelled.map(nameOf).join(', ');
    return {
      site: chosen,
      fault: `several Sites have the label ${LABEL.carrier}: ${names}; ${nameOf(chosen)} is taken`,
    };
  }
  if (chosen !== undefined) return { site: chosen };
  if (living.length === 1) return { site: first };
  const own = living.find(({ metadata }) => metadata.namespace === controllerNamespace);
  if (own !== undefined) return { site: own };
  const names = living.map(nameOf).join(', ');
  return {
    fault: `several Sites could carry the services of the cluster set: ${names}; label the one that shall with ${LABEL.carrier}=true`,
  };
}

/** The oldest of each namespace: the site-controller refuses all others there. Oldest first. */
function activeSites(sites: KubeObject[]): KubeObject[] {
  const active = new Map<string, KubeObject>();
  for (const site of sites.sort(byAge)) {
    const namespace = site.metadata.namespace ?? '';
    const known = active.get(namespace);
    const isSameAge = known?.metadata.creationTimestamp === site.metadata.creationTimestamp;
    // Of two made in the same second, the one that was accepted.
    if (known === undefined || (isSameAge && !isAccepted(known) && isAccepted(site))) active.set(namespace, site);
  }
  return [...active.values()].sort(byAge);
}

function isAccepted({ status }: KubeObject): boolean {
  const { conditions = [] } = (status ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.some(({ type, status: is }) => type === 'Configured' && is === 'True');
}

function byAge(a: KubeObject, b: KubeObject): number {
  const key = ({ metadata }: KubeObject) => `${metadata.creationTimestamp ?? ''} ${nameOf({ metadata })}`;
  return key(a) < key(b) ? -1 : 1;
}

function nameOf({ metadata }: Pick<KubeObject, 'metadata'>): string {
  return `${metadata.namespace}/${metadata.name}`;
}
