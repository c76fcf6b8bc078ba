/** Backends and tcpListeners beside those of `RouterNetwork.addService`: several of one service at a router, addresses in tiers. */
import type { ConnectorSettings } from '../../../router/bridge/tcp-connector.ts';
import type { Rank } from '../../../router/bridge/tcp-listener.ts';
import type { RouterNetwork } from './router-network.ts';

export function addConnector(
  network: RouterNetwork,
  at: string,
  name: string,
  address: string,
  settings: Partial<ConnectorSettings> = {},
): void {
  const { router } = network.router(at);
  network.router(at).input(() => {
    router.bridge.addConnector(name, address, settings);
    router.step(network.now);
  });
}

export function deleteConnector(network: RouterNetwork, at: string, name: string, keepFlows = true): void {
  const { router } = network.router(at);
  network.router(at).input(() => {
    router.bridge.deleteConnector(name, keepFlows);
    router.step(network.now);
  });
}

/** A listener of this name with strategy `priority`; its addresses are named as they are. */
export function addTiers(
  network: RouterNetwork,
  at: string,
  name: string,
  ranks: Readonly<Record<string, Rank>>,
): void {
  const { router } = network.router(at);
  network.router(at).input(() => {
    router.bridge.tcpListeners.add({ name, multiAddressStrategy: 'priority' });
    for (const [address, rank] of Object.entries(ranks))
      router.bridge.tcpListeners.addAddress(name, address, address, rank);
    router.step(network.now);
  });
}

/** One short flow; the tcpConnectors that were dialled for it, the last of which has served it. */
export function servedBy(
  network: RouterNetwork,
  at: string,
  service: string,
  boundTo?: string,
  withinMs = 60,
): string[] {
  const before = network.dialled.length;
  const client = network.startFlow(at, service, { requestBytes: 10, responseBytes: 10 }, boundTo);
  network.scheduler.runFor(withinMs);
  if (!client?.isComplete) throw new Error(`a client at ${at} was not served by ${network.dialled.slice(before)}`);
  return network.dialled.slice(before);
}
