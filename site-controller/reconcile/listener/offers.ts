/** Where clients of a namespace on Kubernetes find what its listeners offer: ports of Services, and the tcpListener of each. Pure. */
import { type Observed, ofKind } from '../observed.ts';
import { type AnyListener, keyOfListener, listenersByAge, placeFaults, serviceTaken, takenBy } from './faults.ts';
import { entityName, podEntityName } from './names.ts';
import { foreignServices, isServiceName, serviceNameOf } from './service-name.ts';
import { podTargets } from './targets.ts';

const FAULTS_SHOWN_MAX = 3;

export interface Offer {
  /** Of the router's tcpListener. */
  name: string;
  owner: AnyListener;
  service: string;
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
  const offers = listeners.map((listener) => ownOffer(listener, observed.namespace));
  const { offers: ofPods, podFaults } = podOffers(observed, offers);
  return { offers: [...offers, ...ofPods], podFaults };
}

function ownOffer(owner: AnyListener, namespace: string): Offer {
  const { host, port } = owner.spec;
  const address = owner.kind === 'Listener' ? owner.spec.routingKey : undefined;
  return { name: entityName(owner), owner, service: serviceNameOf(host, namespace), port, address };
}

function podOffers(observed: Observed, before: readonly Offer[]): Offers {
  const placeOf = (offer: Pick<Offer, 'service' | 'port'>) => `${offer.service}:${offer.port}`;
  const owners = new Map(before.map((offer) => [placeOf(offer), offer.owner]));
  const isForeign = foreignServices(observed);
  const faults = new Map<string, string[]>();
  const offers: Offer[] = [];
  const faultOf = (pod: string, port: number): string | undefined => {
    if (!isServiceName(pod)) return 'its name cannot be that of a Service';
    const owner = owners.get(placeOf({ service: pod, port }));
    if (owner !== undefined) return takenBy(owner, pod, port);
    return isForeign(pod) ? serviceTaken(pod) : undefined;
  };
  const willing = new Set(before.map(({ owner }) => owner));
  const listeners = ofKind(observed, 'Listener').filter((owner) => owner.spec.exposePodsByName && willing.has(owner));
  const targets = podTargets(observed, listeners);
  for (const owner of [...willing].filter((candidate) => candidate.kind === 'Listener')) {
    for (const pod of targets.get(owner.metadata.name) ?? []) {
      const { port, routingKey } = owner.spec;
      const fault = faultOf(pod, port);
      if (fault !== undefined) {
        faults.set(keyOfListener(owner), [...(faults.get(keyOfListener(owner)) ?? []), `pod ${pod}: ${fault}`]);
        continue;
      }
      const name = podEntityName(owner.metadata.name, pod);
      offers.push({ name, owner, service: pod, port, address: `${routingKey}.${pod}` });
      owners.set(placeOf({ service: pod, port }), owner);
    }
  }
  return { offers, podFaults: new Map([...faults].map(([key, texts]) => [key, shown(texts)])) };
}

function shown(faults: readonly string[]): string {
  const more = faults.length - FAULTS_SHOWN_MAX;
  return [...faults.slice(0, FAULTS_SHOWN_MAX), ...(more > 0 ? [`${more} more`] : [])].join('; ');
}
