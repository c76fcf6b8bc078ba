/** Where clients of a namespace on Kubernetes find what its listeners offer: ports of Services, and the tcpListener of each. Pure. */

import { entityName, podEntityName } from '../../../config/router-config.ts';
import type { Observed } from '../observed.ts';
import { type AnyListener, keyOfListener, listenersByAge, placeFaults, serviceTaken, takenBy } from './faults.ts';
import { hasPlace } from './options.ts';
import { foreignServices, isServiceName, serviceNameOf } from './service-name.ts';
import { podTargets } from './targets.ts';

const FAULTS_SHOWN_MAX = 3;

export interface Offer {
  /** Of the router's tcpListener. */
  name: string;
  owner: AnyListener;
  /** Undefined where clients find the port of the router by other means. */
  service: string | undefined;
  /** Of the Service. */
  port: number;
  /** Undefined for a MultiKeyListener, which has several. */
  address: string | undefined;
}

export interface Offers {
  offers: Offer[];
  /** By the key of the Listener: which pods cannot be offered under their names. The Listener itself is not concerned. */
  podFaults: Map<string, string>;
}

export function offersOf(observed: Observed): Offers {
  if (observed.cluster === undefined) return { offers: [], podFaults: new Map() };
  const faults = placeFaults(observed);
  const listeners = listenersByAge(observed).filter((listener) => !faults.has(keyOfListener(listener)));
  const offers = listeners.map((listener) => ownOffer(observed, listener));
  const { offers: ofPods, podFaults } = podOffers(observed, offers);
  return { offers: [...offers, ...ofPods], podFaults };
}

function ownOffer(observed: Observed, owner: AnyListener): Offer {
  const { host, port } = owner.spec;
  const address = owner.kind === 'Listener' ? owner.spec.routingKey : undefined;
  const service = hasPlace(observed, owner) ? serviceNameOf(host, observed.namespace) : undefined;
  return { name: entityName(owner), owner, service, port, address };
}

/** `before` are in the order in which listeners may claim a place; those that offer pods follow it too. */
function podOffers(observed: Observed, before: readonly Offer[]): Offers {
  const owners = new Map(before.map(({ service, port, owner }) => [`${service}:${port}`, owner]));
  const isForeign = foreignServices(observed);
  const faultOf = (pod: string, port: number): string | undefined => {
    if (!isServiceName(pod)) return 'its name cannot be that of a Service';
    const owner = owners.get(`${pod}:${port}`);
    if (owner !== undefined) return takenBy(owner, pod, port);
    return isForeign(pod) ? serviceTaken(pod) : undefined;
  };
  const willing = before.flatMap(({ owner, service }) =>
    owner.kind === 'Listener' && owner.spec.exposePodsByName && service !== undefined ? [owner] : [],
  );
  const targets = podTargets(observed, willing);
  const offers: Offer[] = [];
  const podFaults = new Map<string, string>();
  for (const owner of willing) {
    const { port, routingKey } = owner.spec;
    const faults: string[] = [];
    for (const pod of targets.get(owner.metadata.name) ?? []) {
      const fault = faultOf(pod, port);
      if (fault !== undefined) {
        faults.push(`pod ${pod}: ${fault}`);
        continue;
      }
      const name = podEntityName(owner.metadata.name, pod);
      offers.push({ name, owner, service: pod, port, address: `${routingKey}.${pod}` });
      owners.set(`${pod}:${port}`, owner);
    }
    if (faults.length > 0) podFaults.set(keyOfListener(owner), shown(faults));
  }
  return { offers, podFaults };
}

function shown(faults: readonly string[]): string {
  const more = faults.length - FAULTS_SHOWN_MAX;
  return [...faults.slice(0, FAULTS_SHOWN_MAX), ...(more > 0 ? [`${more} more`] : [])].join('; ');
}
