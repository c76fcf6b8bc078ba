/**
 * What deciding costs by itself: the part of a router that policies add to a connection, without sockets, in this process. Where the machine does
 * much else, this is what can be known.
 */
import type { PolicyDocument, PolicySpec } from '../../../lib/policy/types.ts';
import type { ConnectorFlow } from '../../../router/bridge/connector-flow.ts';
import type { Flow } from '../../../router/bridge/flow.ts';
import { BridgePolicies } from '../../../router/bridge/policies.ts';
import { newRefusals } from '../../../router/bridge/refusals.ts';
import type { TcpConnector } from '../../../router/bridge/tcp-connector.ts';
import { TcpListener } from '../../../router/bridge/tcp-listener.ts';
import { Effects } from '../../../router/core/effects.ts';
import { Clients } from '../../../router/identity/client.ts';
import { WorkloadTable } from '../../../router/identity/workloads.ts';

const WARM_UP_COUNT = 20_000;
const COUNT = 200_000;
const CLIENT_COUNT = 100;

/** Processor time of one connection's two ends, microseconds. */
export function decisionMicroseconds(address: string, specs: readonly PolicySpec[]): number {
  const workloads = new WorkloadTable();
  const set = new Map(
    Array.from({ length: CLIENT_COUNT }, (_, at) => [
      `10.0.0.${at}`,
      { namespace: 'shop', workload: `client-${at}`, labels: { app: `app-${at}` } },
    ]),
  );
  workloads.change({ revision: 1, replace: true, set, gone: [] });
  const clients = new Clients({ site: () => SITE, workloads });
  const owner = { now: 0, effects: new Effects(), refusals: newRefusals(), clients, flows: new Map<number, Flow>() };
  const policies = new BridgePolicies(owner);
  for (const [at, spec] of specs.entries()) {
    const document: PolicyDocument = { kind: 'ClusterAccessPolicy', name: `policy-${at}`, spec };
    policies.table.set(`ClusterAccessPolicy/${document.name}`, document);
  }
  const listener = listenerOf(address);
  const connector = { name: `connector-${address}`, address, settings: {}, checkpoint: undefined };
  const one = (at: number): void => {
    const host = `10.0.0.${at % CLIENT_COUNT}`;
    const came = policies.atListener(listener, host);
    policies.rulesOf(listener, host, came);
    const policyClient = clients.accepted(host, 'there');
    const flow = { policyClient, otherEnd: undefined, refusedBy: [] } as unknown as ConnectorFlow;
    const went = policies.atConnector(connector as unknown as TcpConnector, flow);
    for (const ticket of [came, went]) policies.left({ ticket, meter: undefined } as unknown as Flow);
  };
  for (let at = 0; at < WARM_UP_COUNT; at++) one(at);
  const before = process.cpuUsage();
  for (let at = 0; at < COUNT; at++) one(at);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / COUNT;
}

const SITE = { siteId: 'site', siteName: 'site' };

function listenerOf(address: string): TcpListener {
  const owner = { now: 0, random: () => 0, isReachable: () => true, adjustListening: () => {} };
  const listener = new TcpListener({ name: `listener-${address}`, address, multiAddressStrategy: 'none' }, owner);
  const counts = { value: 0, weight: 1, penaltyUntil: 0, connectionsOpened: 0 };
  listener.addresses.push({ name: address, address, key: `M${address}`, ...counts });
  return listener;
}
