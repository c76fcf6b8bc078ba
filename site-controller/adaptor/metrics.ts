/** The adaptor's metrics as Prometheus text: few, so they are written by hand. Pure. */
import { joinMetrics, type MetricsFormat, renderFamilies } from '../../lib/openmetrics.ts';
import type { NetworkPublisher } from './network-publisher.ts';
import type { RouterKeeper } from './router-keeper.ts';

export interface MetricSources {
  keeper: Pick<RouterKeeper, 'stats' | 'isReady' | 'refusals'>;
  publisher: Pick<NetworkPublisher, 'stats'>;
  client: { readonly isUp: boolean };
}

export function renderMetrics(
  { keeper, publisher, client }: MetricSources,
  format: MetricsFormat = 'prometheus',
): string {
  const { passes, operations, failures } = keeper.stats;
  const rows: [name: string, kind: 'counter' | 'gauge', help: string, value: number][] = [
    ['skuprt_adaptor_router_connected', 'gauge', 'Whether the router answers.', Number(client.isUp)],
    ['skuprt_adaptor_ready', 'gauge', 'Whether the configuration is applied.', Number(keeper.isReady)],
    ['skuprt_adaptor_passes_total', 'counter', 'Times the router was compared with its configuration.', passes],
    ['skuprt_adaptor_operations_total', 'counter', 'Changes of the router over management.', operations],
    [
      'skuprt_adaptor_failures_total',
      'counter',
      'Passes that did not come to an end, configurations not read.',
      failures,
    ],
    ['skuprt_adaptor_refused_entities', 'gauge', 'Entities that the router refuses at present.', keeper.refusals.size],
    ['skuprt_adaptor_network_writes_total', 'counter', 'ConfigMaps of the network written.', publisher.stats.writes],
    ['skuprt_adaptor_network_size_bytes', 'gauge', 'Size of the network as written last.', publisher.stats.sizeBytes],
  ];
  const families = rows.map(([name, kind, help, value]) => ({ name, kind, help, samples: [{ value }] }));
  return joinMetrics([renderFamilies(families, format)], format);
}
