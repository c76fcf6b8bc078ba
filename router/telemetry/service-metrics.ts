/** What a router tells of its links, services, certificates and spans; names of ours, see docs/metrics.md. */
import { histogramSamples, type Labels } from '../../lib/openmetrics.ts';
import type { ServiceTotals } from '../bridge/service-totals.ts';
import { type Kind, labelled, type Metric } from './metric-table.ts';
import type { SiteLinkCounters } from './router-counters.ts';

interface More {
  readonly more?: Labels;
  readonly value: number;
}

/** One sample a site link and direction or state. */
function perLink(kind: Kind, name: string, help: string, samples: (link: SiteLinkCounters) => readonly More[]): Metric {
  return labelled(kind, name, help, ({ siteLinks }) =>
    siteLinks.flatMap((each) => {
      const { link, peer } = each;
      return samples(each).map(({ more, value }) => ({ labels: { link, peer, ...more }, value }));
    }),
  );
}

/** One sample an address, its side, and a direction or result. */
function perService(kind: Kind, name: string, help: string, samples: (of: ServiceTotals) => readonly More[]): Metric {
  return labelled(kind, `skuprt_router_service_${name}`, help, ({ services }) =>
    services.flatMap((each) => {
      const { side, address } = each;
      return samples(each).map(({ more, value }) => ({ labels: { side, address, ...more }, value }));
    }),
  );
}

const directions = (octetsIn: number, octetsOut: number): readonly More[] => [
  { more: { direction: 'in' }, value: octetsIn },
  { more: { direction: 'out' }, value: octetsOut },
];

export const SERVICE_METRICS: readonly Metric[] = [
  perLink('gauge', 'skuprt_router_link_up', '1 while the site link is up', ({ up }) => [{ value: up ? 1 : 0 }]),
  perLink('gauge', 'skuprt_router_link_cost', 'Cost of the site link', ({ cost }) => [{ value: cost }]),
  perLink('counter', 'skuprt_router_link_octets_total', 'Octets over the site link', ({ octetsIn, octetsOut }) =>
    directions(octetsIn, octetsOut),
  ),
  perService('gauge', 'entities', 'tcpListeners or tcpConnectors of the address', ({ entityCount }) => [
    { value: entityCount },
  ]),
  perService(
    'gauge',
    'fit',
    'Of these, listeners that listen and connectors whose backends are fit',
    ({ fitCount }) => [{ value: fitCount }],
  ),
  perService('gauge', 'flows_open', 'TCP flows open now', ({ openCount }) => [{ value: openCount }]),
  perService('counter', 'flows_opened_total', 'TCP flows opened', ({ counters }) => [
    { value: counters.connectionsOpened },
  ]),
  perService('counter', 'flows_refused_total', 'TCP flows that no backend took', ({ counters }) => [
    { value: counters.connectionsRefused },
  ]),
  perService('counter', 'flows_reset_total', 'TCP flows ended by a reset', ({ counters }) => [
    { value: counters.connectionsReset },
  ]),
  perService('counter', 'octets_total', 'Octets of TCP flows, from and to their sockets', ({ counters }) =>
    directions(counters.bytesIn, counters.bytesOut),
  ),
  ({ connectTimes }) => ({
    name: 'skuprt_router_connect_duration_seconds',
    kind: 'histogram',
    help: 'Time from when a client was accepted to when its backend was there',
    samples: histogramSamples(connectTimes),
  }),
  labelled(
    'gauge',
    'skuprt_router_certificate_expiry_timestamp_seconds',
    'When a certificate expires, seconds since 1970',
    ({ certificates }) =>
      certificates.map(({ profile, certificate, expirySeconds }) => ({
        labels: { profile, certificate },
        value: expirySeconds,
      })),
  ),
  labelled('counter', 'skuprt_router_spans_total', 'Spans of traces, by what became of them', ({ spans }) =>
    Object.entries(spans).map(([result, value]) => ({ labels: { result }, value })),
  ),
];
