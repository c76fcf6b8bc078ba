/** Services that other sites advertise become Listeners of this one: on a host at a port of its own, on Kubernetes at a Service. Pure. */
import type { Listener } from '../../../config/api/listener.ts';
import { IMPORTED_PORT_ANNOTATION, SETTING } from '../../../config/names.ts';
import { entityName } from '../../../config/router-config.ts';
import type { Observed, PortWant } from '../observed.ts';
import { portFault } from '../port-fault.ts';
import { activeSite, settingOf } from '../site/identity.ts';
import {
  advertisedServices,
  importedListener,
  importedListeners,
  importedName,
  isAway,
  isOver,
  ownListeners,
} from './advertised.ts';
import { planServiceImports } from './services.ts';

export interface ImportPlan {
  /** On Kubernetes all that there should be; on a host those that stay because a site may still speak are not repeated. */
  apply: Listener[];
  /** Names of Listeners that nobody advertises any more. */
  prune: string[];
  /** Purposes that are no longer advertised by sites that are there. One that is away finds its port again. */
  release: string[];
  /** By address: why an advertised service is not imported. */
  refused?: Map<string, string>;
}

/** The ports to choose before `planImports` can make Listeners of everything. */
export function importPorts(observed: Observed): PortWant[] {
  const host = importHost(observed);
  return [...advertisedServices(observed)].map(([address, { port }]) => ({
    purpose: purposeOf(address),
    from: port,
    host,
  }));
}

/**
 * Purposes whose port another process has taken meanwhile, or whose service asks for another now: they should be given another. Not while
 * a site that may have asked for it is away, nor while one of several still does: clients know the port.
 */
export function lostPorts(observed: Observed): string[] {
  const services = advertisedServices(observed);
  return importedListeners(observed).flatMap((listener) => {
    const { metadata, spec } = listener;
    const state = observed.router?.listeners.get(entityName(listener));
    const isLost = portFault(state, spec.host, spec.port, '')?.includes('in use') && !portMoved(observed, spec);
    const asked = metadata.annotations?.[IMPORTED_PORT_ANNOTATION];
    const asks = services.get(spec.routingKey)?.ports;
    const isChanged = asked !== undefined && asks !== undefined && !asks.map(String).includes(asked);
    const isAnother = isChanged && !isAway(observed, listener);
    return isLost || isAnother ? [purposeOf(spec.routingKey)] : [];
  });
}

export function planImports(observed: Observed): ImportPlan {
  if (observed.cluster !== undefined) return { ...planServiceImports(observed), release: [] };
  const host = importHost(observed);
  const services = advertisedServices(observed);
  const present = importedListeners(observed);
  const taken = new Set(ownListeners(observed).map(({ metadata }) => metadata.name));
  const apply = [...services].flatMap(([address, service]) => {
    const port = observed.ports.get(purposeOf(address));
    if (port === undefined) return [];
    const known = present.find(({ spec }) => spec.routingKey === address)?.metadata.name;
    const name = known ?? importedName(address, service, taken);
    taken.add(name);
    return [importedListener(name, { routingKey: address, host, port }, service)];
  });
  const over = present.filter((listener) => !services.has(listener.spec.routingKey) && isOver(observed, listener));
  return {
    apply,
    prune: over.map(({ metadata }) => metadata.name),
    release: over.filter((listener) => !isAway(observed, listener)).map(({ spec }) => purposeOf(spec.routingKey)),
  };
}

/** The Listener still names the port of before: the router's complaint is about that one. */
function portMoved(observed: Observed, { routingKey, port }: Listener['spec']): boolean {
  return observed.ports.get(purposeOf(routingKey)) !== port;
}

function importHost(observed: Observed): string {
  return settingOf(activeSite(observed), SETTING.importHost) ?? '127.0.0.1';
}

function purposeOf(address: string): string {
  return `import/${JSON.stringify(address)}`;
}
