/** What keeps a Listener or a MultiKeyListener from being offered. Pure. */
import type { Listener } from '../../../config/api/listener.ts';
import type { MultiKeyListener } from '../../../config/api/multi-key-listener.ts';
import { typeFault } from '../connector/caller.ts';
import { routingKeyFault } from '../connector/routing-key.ts';
import { strategyKeys, tiersFault } from '../multikeylistener/tiers.ts';
import { inOrderOfAge, type Observed, ofKind } from '../observed.ts';
import { importRefusal } from '../policy/refusals.ts';
import { serviceOf } from '../policy/services.ts';
import { activeSite } from '../site/identity.ts';
import { hasPlace, optionFault } from './options.ts';
import { foreignServices, hostFault, serviceNameOf } from './service-name.ts';

export type AnyListener = Listener | MultiKeyListener;

/** `Listener/web`. */
export function keyOfListener({ kind, metadata }: AnyListener): string {
  return `${kind}/${metadata.name}`;
}

/** Both kinds, in the order in which they may claim a host and port. */
export function listenersByAge(observed: Observed): AnyListener[] {
  return inOrderOfAge([...ofKind(observed, 'Listener'), ...ofKind(observed, 'MultiKeyListener')]);
}

/** By the key of the listener: what keeps it out of the router's configuration. */
export function listenFaults(observed: Observed): Map<string, string> {
  const faults = new Map(placeFaults(observed));
  for (const listener of listenersByAge(observed)) {
    const key = keyOfListener(listener);
    const fault = faults.get(key) ?? credentialFault(observed, listener) ?? policyFault(observed, listener);
    if (fault !== undefined) faults.set(key, fault);
  }
  return faults;
}

/**
 * Of those, the ones that deny it its place too. A place is kept while TLS material is missing: clients have found it. Nothing would
 * remember the port of one without a Service meanwhile, so it has none.
 */
export function placeFaults(observed: Observed): ReadonlyMap<string, string> {
  const faults = known.get(observed) ?? findPlaceFaults(observed);
  known.set(observed, faults);
  return faults;
}

/** Each plan of listeners asks, and what is observed never changes. */
const known = new WeakMap<Observed, ReadonlyMap<string, string>>();

function findPlaceFaults(observed: Observed): Map<string, string> {
  const hasSite = activeSite(observed) !== undefined;
  const isForeign = foreignServices(observed);
  const first = new Map<string, AnyListener>();
  const faults = new Map<string, string>();
  for (const listener of listenersByAge(observed)) {
    const place = hasPlace(observed, listener) ? placeOf(observed, listener) : undefined;
    const other = place === undefined ? undefined : first.get(place);
    if (place !== undefined && other === undefined) first.set(place, listener);
    const fault = hasSite ? placeFault(observed, listener, other, isForeign) : 'No active site in namespace';
    if (fault !== undefined) faults.set(keyOfListener(listener), fault);
  }
  return faults;
}

/** What one of two that want the same reads about the other. */
export function takenBy({ kind, metadata }: AnyListener, host: string, port: number): string {
  return `${kind} ${metadata.name} with host ${host} and port ${port} already exists in namespace`;
}

export function serviceTaken(service: string): string {
  return `Service ${service} already exists in namespace`;
}

function credentialFault({ credentials }: Observed, { spec }: AnyListener): string | undefined {
  const { tlsCredentials } = spec;
  if (!tlsCredentials || credentials.get(tlsCredentials)?.hasKey) return undefined;
  return `TLS credentials secret "${tlsCredentials}" not found`;
}

/** Of one that leads to several routing keys, when it may lead to none of them. */
function policyFault(observed: Observed, listener: AnyListener): string | undefined {
  const keys = listener.kind === 'Listener' ? [listener.spec.routingKey] : strategyKeys(listener);
  const refusals = keys.map((key) => importRefusal(observed, serviceOf(listener, key, observed.namespace)));
  return refusals.every((refusal) => refusal !== undefined) ? refusals[0] : undefined;
}

function placeOf(observed: Observed, { spec }: AnyListener): string {
  const host = observed.cluster === undefined ? spec.host : serviceNameOf(spec.host, observed.namespace);
  return `${host}:${spec.port}`;
}

function placeFault(
  observed: Observed,
  listener: AnyListener,
  other: AnyListener | undefined,
  isForeign: (service: string) => boolean,
): string | undefined {
  const { cluster, namespace } = observed;
  const { spec } = listener;
  const fault = specFault(listener) ?? optionFault(listener);
  if (fault !== undefined) return fault;
  if (!hasPlace(observed, listener)) return credentialFault(observed, listener) ?? policyFault(observed, listener);
  const unfit = cluster && hostFault(spec.host, namespace);
  if (unfit !== undefined) return unfit;
  if (other !== undefined) return takenBy(other, spec.host, spec.port);
  const service = serviceNameOf(spec.host, namespace);
  return isForeign(service) ? serviceTaken(service) : undefined;
}

function specFault(listener: AnyListener): string | undefined {
  if (listener.kind === 'Listener') {
    return typeFault(listener.spec.type) ?? routingKeyFault(listener.spec.routingKey);
  }
  const fault = strategyKeys(listener)
    .map(routingKeyFault)
    .find((found) => found !== undefined);
  return fault ?? tiersFault(listener);
}
