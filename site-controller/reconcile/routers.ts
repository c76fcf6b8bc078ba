/** The routers of a site: one on the local platform, one a pod on Kubernetes. What they say becomes one view. Pure. */
import type { Site } from '../../config/api/site.ts';
import type { ConnectorState, ListenerState, RouterState } from '../../lib/router-client/state.ts';
import type { Observed } from './observed.ts';
import { routerIdOf } from './site/identity.ts';

export interface OwnRouter {
  id: string;
  state: RouterState | undefined;
}

/** By id. On Kubernetes only those that have said something. */
export function ownRouters({ cluster, router }: Observed, site: Site): OwnRouter[] {
  if (cluster === undefined) return [{ id: routerIdOf(site), state: router }];
  const known = [...cluster.routers.values()].map((state) => ({ id: state.id, state }));
  return known.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** What holds for the site as a whole: a link is up when one router has it, a port is in use when one cannot listen. */
export function mergeRouters(states: readonly RouterState[]): RouterState | undefined {
  const [first, ...others] = states;
  if (first === undefined || others.length === 0) return first;
  return {
    id: first.id,
    routerIds: [...new Set(states.flatMap(({ routerIds }) => routerIds))].sort(),
    connections: states.flatMap(({ connections }) => connections),
    connectors: mergeMaps(states, ({ connectors }) => connectors, betterConnector),
    listeners: mergeMaps(states, ({ listeners }) => listeners, worseListener),
    tcpConnectors: mergeMaps(states, ({ tcpConnectors }) => tcpConnectors, betterListener),
    consumers: mergeMaps(states, ({ consumers }) => consumers, Math.max),
  };
}

function mergeMaps<T>(
  states: readonly RouterState[],
  read: (state: RouterState) => ReadonlyMap<string, T>,
  choose: (a: T, b: T) => T,
): Map<string, T> {
  const merged = new Map<string, T>();
  for (const state of states) {
    for (const [name, value] of read(state)) {
      const known = merged.get(name);
      merged.set(name, known === undefined ? value : choose(known, value));
    }
  }
  return merged;
}

function betterConnector(a: ConnectorState, b: ConnectorState): ConnectorState {
  return a.status === 'SUCCESS' || b.status !== 'SUCCESS' ? a : b;
}

function worseListener(a: ListenerState, b: ListenerState): ListenerState {
  return b.operStatus === 'down' && b.message !== '' ? b : a;
}

function betterListener(a: ListenerState, b: ListenerState): ListenerState {
  return a.operStatus === 'down' && b.operStatus !== 'down' ? b : a;
}
