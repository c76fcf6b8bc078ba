/**
 * The import of services on Kubernetes: a Listener, whose Service is named like the service and has its port. What is there
 * already is never touched: not a Service of somebody else, nor a host that the user's own listeners offer. Pure.
 */
import type { Listener } from '../../../config/api/listener.ts';
import { IMPORTED_PORT_ANNOTATION } from '../../../config/names.ts';
import { type AnyListener, serviceTaken, takenBy } from '../listener/faults.ts';
import { hasPlace } from '../listener/options.ts';
import { foreignServices, isServiceName, serviceNameOf } from '../listener/service-name.ts';
import { type Observed, ofKind } from '../observed.ts';
import {
  advertisedServices,
  hashedName,
  importedFrom,
  importedListener,
  importedListeners,
  importedName,
  isOver,
  ownListeners,
} from './advertised.ts';

export interface ServiceImports {
  /** Every imported Listener that there should be. */
  apply: Listener[];
  prune: string[];
  /** By address: why an advertised service is not imported. */
  refused: Map<string, string>;
}

export function planServiceImports(observed: Observed): ServiceImports {
  const services = advertisedServices(observed);
  const present = importedListeners(observed);
  const kept = present.filter((listener) => !services.has(listener.spec.routingKey) && !isOver(observed, listener));
  const apply = kept.map(asWritten);
  const refused = new Map<string, string>();
  const refusal = refusals(observed);
  const taken = new Set([...ownListeners(observed), ...apply].map(({ metadata }) => metadata.name));
  for (const [address, service] of services) {
    const host = hostOf(service.name ?? address);
    const { port, podsByName } = service;
    const spec = { routingKey: address, host, port, ...(podsByName && { exposePodsByName: true }) };
    const rival = apply.find((other) => other.spec.host === host && other.spec.port === port);
    const why = refusal(host) ?? (rival && takenBy(rival, host, port));
    if (why !== undefined) {
      refused.set(address, why);
      continue;
    }
    const known = present.find((listener) => listener.spec.routingKey === address)?.metadata.name;
    const name = known ?? importedName(address, service, taken);
    taken.add(name);
    apply.push(importedListener(name, spec, service));
  }
  const names = new Set(apply.map(({ metadata }) => metadata.name));
  const prune = present.map(({ metadata }) => metadata.name).filter((name) => !names.has(name));
  return { apply, prune, refused };
}

/** Why a host cannot be used; undefined when it is free. */
function refusals(observed: Observed): (host: string) => string | undefined {
  const isForeign = foreignServices(observed);
  const all: AnyListener[] = [...ownListeners(observed), ...ofKind(observed, 'MultiKeyListener')];
  const own = all.filter((listener) => hasPlace(observed, listener));
  const owners = new Map(own.map((listener) => [serviceNameOf(listener.spec.host, observed.namespace), listener]));
  return (host) => {
    const owner = owners.get(host);
    if (owner !== undefined)
      return `${owner.kind} ${owner.metadata.name} with host ${host} already exists in namespace`;
    return isForeign(host) ? serviceTaken(host) : undefined;
  };
}

function hostOf(name: string): string {
  if (isServiceName(name)) return name;
  const hashed = hashedName(name);
  return isServiceName(hashed) ? hashed : hashedName(`s-${name}`);
}

/** What this controller writes of a Listener, without what the API server adds. */
function asWritten({ metadata, spec }: Listener): Listener {
  const port = Number(metadata.annotations?.[IMPORTED_PORT_ANNOTATION] ?? spec.port);
  return importedListener(metadata.name, spec, { port, siteIds: importedFrom(metadata) });
}
