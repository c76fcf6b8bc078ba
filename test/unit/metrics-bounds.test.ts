/** What a scrape of a router is at most, however many services, sites and clients there are: docs/metrics.md says how many series of each name. */
import { describe, expect, it } from 'vitest';
import type { ConnectorFlow } from '../../router/bridge/connector-flow.ts';
import { SERVICE_COUNT_MAX } from '../../router/bridge/service-totals.ts';
import { Peer, type PeerOptions } from '../../router/core/peer.ts';
import { type CounterSources, countersOf } from '../../router/io/counters.ts';
import { EventLoopDelay } from '../../router/io/event-loop-delay.ts';
import { PEER_LABEL_LENGTH_MAX, SITE_LINKS_TOLD_MAX, siteLinks } from '../../router/io/site-links.ts';
import { SlabPool } from '../../router/io/slab-pool.ts';
import { MEASURES_MAX, POLICIES_TOLD_MAX } from '../../router/policy/limits.ts';
import { renderMetrics } from '../../router/telemetry/metrics.ts';
import { Pair } from '../support/amqp-pair.ts';
import { VanflowWorld } from '../support/vanflow-world.ts';

const COUNT = 10_000;
const { router } = new VanflowWorld();
const { bridge } = router;
const connectors = new Map<string, { entity: { role: string; cost: number } }>();
const delay = new EventLoopDelay({ count: 0, max: 0, percentile: () => 0, reset: () => {} }, 0);

function scrape(): string {
  const sources: CounterSources = {
    router,
    connectors,
    delay,
    startedAt: 0,
    wall: (ms) => ms,
    now: 0,
    driver: { slabs: new SlabPool() },
    profiles: { handshakes: { failedCount: 0 }, expiries: () => [] },
    spans: undefined,
    headers: { refusedCount: 0 },
  };
  return renderMetrics(countersOf(sources));
}

/** How many series each name has. */
function seriesOf(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, name] of text.matchAll(/^([a-z_:0-9]+)(?:\{.*\})? \S+$/gm))
    counts.set(name!, (counts.get(name!) ?? 0) + 1);
  return counts;
}

const { connection } = new Pair().opened().a;

function peerOf(containerId: string, entity = 'listener', role: PeerOptions['role'] = 'edge'): Peer {
  const options = { entity, role, dir: 'in', cost: 1, host: '', encrypted: true, data: false } as const;
  const peer = new Peer(1, connection, options, { routerId: 'R', linkName: () => 'link' });
  peer.containerId = containerId;
  peer.openedAt = 0;
  return peer;
}

/** A connection of a client of another site, as its router tells of it. */
function comes(site: number): void {
  const policyClient = {
    siteId: `id-${site}`,
    siteName: `site-${site}`,
    namespace: `namespace-${site}`,
    workload: `workload-${site}`,
    pod: `pod-${site}`,
    labels: { app: `app-${site}` },
    verification: 'link',
  } as const;
  const flow = { policyClient, unvouched: undefined, refusedBy: [], otherEnd: undefined } as unknown as ConnectorFlow;
  const ticket = bridge.policies.atConnector(bridge.connectors.get('c0')!, flow);
  ticket?.attach({ passed: () => {}, turnedAway: () => {} });
  ticket?.leave();
}

describe('a scrape of a router', () => {
  it('is bounded by services, not by how many there are', () => {
    for (let i = 0; i < COUNT; i++) bridge.addConnector(`c${i}`, `service-${i}.of.some.namespace`);
    const series = seriesOf(scrape());
    expect(series.get('skuprt_router_service_flows_opened_total')).toBe(SERVICE_COUNT_MAX + 1);
    expect(series.get('skuprt_router_service_octets_total')).toBe(2 * (SERVICE_COUNT_MAX + 1));
  });

  it('is bounded by policies, not by how many there are', () => {
    const limits = { concurrentConnections: 5, per: 'Workload' } as const;
    for (let i = 0; i < COUNT; i++) {
      const name = `policy-${i}`;
      const spec = { services: [{ names: [`c${i}`] }], rules: [{ action: 'Limit' as const, limits }] };
      bridge.policies.table.set(`ClusterAccessPolicy/${name}`, { kind: 'ClusterAccessPolicy', name, spec });
      bridge.policies.table.count({ policy: `ClusterAccessPolicy/${name}`, rule: 0 }, 'limited');
    }
    const series = seriesOf(scrape());
    expect(series.get('skuprt_router_policies')).toBe(1);
    expect(series.get('skuprt_router_policy_decisions_total')).toBe(4 * (POLICIES_TOLD_MAX + 1));
  });

  it('is the same whoever its clients are', () => {
    const before = seriesOf(scrape());
    const workload = (host: number) => ({ namespace: 'shop', workload: `workload-${host}`, pod: `pod-${host}` });
    const set = new Map(Array.from({ length: COUNT }, (_, i) => [`10.1.${i >> 8}.${i & 255}`, workload(i)]));
    expect(router.workloads.change({ revision: 1, replace: false, set, gone: [] })).toBeUndefined();
    for (let i = 0; i < COUNT; i++) comes(i);
    const text = scrape();
    expect(seriesOf(text)).toEqual(before);
    expect(text).not.toMatch(/site-\d|workload-\d|pod-\d|10\.1\./);
    expect(bridge.policies.measures.size).toBeGreaterThan(0);
    expect(bridge.policies.measures.size).toBeLessThanOrEqual(MEASURES_MAX);
  });

  it('is bounded by site links, of which those that this router dials are told first', () => {
    for (let i = 0; i < COUNT; i++) router.peers.set(i, peerOf(`edge-${i}`));
    connectors.set('up', { entity: { role: 'inter-router', cost: 1 } });
    connectors.set('down', { entity: { role: 'inter-router', cost: 7 } });
    const hub = peerOf('hub', 'up', 'inter-router');
    hub.linked = true;
    router.peers.set(COUNT, hub);
    const text = scrape();
    const lines = new Set(text.split('\n'));
    expect(seriesOf(text).get('skuprt_router_link_up')).toBe(SITE_LINKS_TOLD_MAX + 1);
    expect(lines).toContain('skuprt_router_link_up{link="up",peer="hub"} 1');
    expect(lines).toContain('skuprt_router_link_up{link="down",peer=""} 0');
    expect(lines).toContain('skuprt_router_link_up{link="",peer=""} 1');
    // All of it together, with names of usual length.
    expect(text.split('\n').length).toBeLessThan(16_000);
    expect(text.length).toBeLessThan(2_000_000);
  });
});

describe('site links as they are told', () => {
  const told = (...peers: Peer[]) => siteLinks(peers, connectors);

  it('have a name of a peer that is not longer than it should be', () => {
    const [link] = told(peerOf('x'.repeat(100_000)));
    expect(link!.peer).toHaveLength(PEER_LABEL_LENGTH_MAX);
  });

  it('are one while a new connection takes the place of the old one, with the octets of both', () => {
    const [old, young] = [peerOf('hub', 'up', 'inter-router'), peerOf('hub', 'up', 'inter-router')];
    const { octetsIn } = old.connection.stats;
    const links = told(old, young).filter(({ link }) => link === 'up');
    expect(links).toMatchObject([{ peer: 'hub', up: false, octetsIn: 2 * octetsIn }]);
    young.linked = true;
    expect(told(old, young)[0]).toMatchObject({ up: true });
  });

  it('that are too many to be told are down together when any of them is', () => {
    const edges = Array.from({ length: SITE_LINKS_TOLD_MAX + 5 }, (_, i) => peerOf(`edge-${i}`));
    const rest = () => told(...edges).at(-1);
    expect(rest()).toMatchObject({ link: '', up: true });
    edges.at(-1)!.openedAt = undefined;
    expect(rest()).toMatchObject({ link: '', up: false });
  });
});
