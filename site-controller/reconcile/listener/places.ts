/** Where the router listens for a Listener or a MultiKeyListener, and what is wrong with that. Pure. */

import { entityName } from '../../../config/router-config.ts';
import { type Observed, ofKind } from '../observed.ts';
import { portFault } from '../port-fault.ts';
import { type AnyListener, keyOfListener, listenFaults } from './faults.ts';
import { offersOf } from './offers.ts';

export interface Place {
  /** Of the tcpListener. */
  name: string;
  host: string;
  port: number;
  /** Undefined for a MultiKeyListener, which has several. */
  address: string | undefined;
}

/** By the key of the listener, of those that nothing keeps out of the router. */
export function listenerPlaces(observed: Observed, kind: AnyListener['kind']): Map<string, Place[]> {
  const faults = listenFaults(observed);
  const all = observed.cluster === undefined ? hostPlaces(observed, kind) : podPlaces(observed);
  const places = new Map<string, Place[]>();
  for (const [owner, place] of all) {
    const key = keyOfListener(owner);
    if (owner.kind === kind && !faults.has(key)) places.set(key, [...(places.get(key) ?? []), place]);
  }
  return places;
}

/** What a user reads as `Configured` when it is not. */
export function configFaults(observed: Observed): (listener: AnyListener) => string | undefined {
  const faults = listenFaults(observed);
  const { podFaults } = offersOf(observed);
  return (listener) => {
    const key = keyOfListener(listener);
    const fault = faults.get(key) ?? podFaults.get(key);
    return fault ?? routerFault(observed, listener);
  };
}

function hostPlaces(observed: Observed, kind: AnyListener['kind']): [AnyListener, Place][] {
  return ofKind(observed, kind).map((owner) => {
    const { host, port } = owner.spec;
    return [owner, { name: entityName(owner), host, port, address: addressOf(owner) }];
  });
}

/** In a pod, any port will do, and the Service leads to it at every address. */
function podPlaces(observed: Observed): [AnyListener, Place][] {
  return offersOf(observed).offers.flatMap(({ owner, name, address }): [AnyListener, Place][] => {
    const port = observed.ports.get(name);
    return port === undefined ? [] : [[owner, { name, host: '', port, address }]];
  });
}

function routerFault(observed: Observed, listener: AnyListener): string | undefined {
  const { kind, metadata, spec } = listener;
  const name = entityName(listener);
  const isInPod = observed.cluster !== undefined;
  const host = isInPod ? '' : spec.host;
  const port = isInPod ? observed.ports.get(name) : spec.port;
  if (port === undefined) return 'The router has no free port left';
  return portFault(observed.router?.listeners.get(name), host, port, `${kind} ${metadata.name}`);
}

function addressOf(listener: AnyListener): string | undefined {
  return listener.kind === 'Listener' ? listener.spec.routingKey : undefined;
}
