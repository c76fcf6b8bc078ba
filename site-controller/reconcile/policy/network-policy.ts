/**
 * The NetworkPolicies of a site's pods, its routers and its console: who reaches which of their ports. Pure.
 *
 * Only where the Site asks for it. NetworkPolicies add up: one that nobody asked for would open what others of the namespace keep
 * closed, and until the cluster's network has taken in one more port, clients of a new listener would be kept out. Where it is
 * wanted, such as in a namespace that lets nobody in, it opens exactly what a site needs. Connections that routers make are not its business.
 */
import type { Site } from '../../../config/api/site.ts';
import { NAME, ROUTER_SELECTOR, SETTING } from '../../../config/names.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { type Observed, ofKind } from '../observed.ts';
import { isListening } from '../routeraccess/cluster.ts';
import { portOf } from '../routeraccess/ports.ts';
import { CONSOLE_PORTS, CONSOLE_SELECTOR, isConsoleWanted } from '../site/console.ts';
import { settingOf } from '../site/identity.ts';

const AMQPS_PORT = 5671;
/** Metrics of the adaptor; health and metrics of the router; health of the adaptor. */
const HTTP_PORTS = [9000, 9090, 9191];

export function networkPolicies(observed: Observed, site: Site): KubeObject[] {
  const { cluster } = observed;
  const isWanted = settingOf(site, SETTING.networkPolicy) === 'true';
  if (!isWanted || cluster?.settings.routers !== 'deployment') return [];
  const made = [networkPolicy(NAME.router, ROUTER_SELECTOR, routerIngress(observed))];
  if (isConsoleWanted(observed, site)) {
    // Who is let in is asked for a token, wherever they come from.
    made.push(networkPolicy(NAME.console, CONSOLE_SELECTOR, [{ ports: portRanges(Object.values(CONSOLE_PORTS)) }]));
  }
  return made;
}

function networkPolicy(name: string, matchLabels: Readonly<Record<string, string>>, ingress: object[]): KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name },
    spec: { podSelector: { matchLabels }, policyTypes: ['Ingress'], ingress },
  };
}

function routerIngress(observed: Observed): object[] {
  const managers = [observed.namespace, observed.cluster!.settings.namespace];
  return [
    // Links come from anywhere, clients by whatever leads to the Services of listeners, probes from the nodes.
    { ports: portRanges([...HTTP_PORTS, ...linkPorts(observed), ...observed.ports.values()]) },
    {
      ports: portRanges([AMQPS_PORT]),
      from: [...new Set(managers)].map((name) => ({
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
      })),
    },
  ];
}

/** Of the accesses that are listened for: one that asks for a port of the router's own would open that one. */
function linkPorts(observed: Observed): number[] {
  const listening = ofKind(observed, 'RouterAccess').filter((access) => isListening(observed, access));
  return listening.flatMap((access) =>
    access.spec.roles.map((role) => portOf(observed, access, role)).filter((port) => port !== undefined),
  );
}

/** Neighbours together: a site may have many listeners. */
function portRanges(ports: readonly number[]): object[] {
  const ranges: { port: number; endPort: number }[] = [];
  for (const port of [...new Set(ports)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.endPort === port - 1) last.endPort = port;
    else ranges.push({ port, endPort: port });
  }
  return ranges.map(({ port, endPort }) => ({ protocol: 'TCP', port, ...(endPort > port && { endPort }) }));
}
