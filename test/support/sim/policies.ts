/** Access policies at routers of a simulated network, and what became of clients. */
import { referenceOf } from '../../../lib/policy/decide.ts';
import { parsePolicySpec } from '../../../lib/policy/parse.ts';
import type { PolicyDocument, PolicySpec } from '../../../lib/policy/types.ts';
import type { RouterNetwork } from './router-network.ts';

/** A ClusterAccessPolicy, made or changed. */
export function setPolicy(network: RouterNetwork, at: string, name: string, spec: PolicySpec): void {
  const document: PolicyDocument = { kind: 'ClusterAccessPolicy', name, spec };
  const { faults } = parsePolicySpec(document.kind, spec);
  if (faults !== undefined) throw new Error(JSON.stringify(faults));
  const { router } = network.router(at);
  network.router(at).input(() => router.bridge.policies.table.set(referenceOf(document), document));
}

export function deletePolicy(network: RouterNetwork, at: string, name: string): void {
  const { router } = network.router(at);
  network.router(at).input(() => router.bridge.policies.table.delete(`ClusterAccessPolicy/${name}`));
}

/** What is in use or waits for anything at a router's policies: nothing, when all connections are over. */
export function inUse(network: RouterNetwork, at: string, name: string): { queued: number; inUse: number } {
  return network.router(at).router.bridge.policies.measures.countsOf(`ClusterAccessPolicy/${name}`);
}

export function countsOf(network: RouterNetwork, at: string, name: string) {
  return network.router(at).router.bridge.policies.table.countsOf(`ClusterAccessPolicy/${name}`);
}
