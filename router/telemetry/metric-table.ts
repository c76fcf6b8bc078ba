/** How a router's metrics are written down: a name, and how its samples come from the counters. */
import type { MetricFamily, Sample } from '../../lib/openmetrics.ts';
import type { RouterCounters } from './router-counters.ts';

export type Kind = 'counter' | 'gauge';
export type Metric = (counters: RouterCounters) => MetricFamily;

/** One sample. */
export function metric(kind: Kind, name: string, help: string, value: (counters: RouterCounters) => number): Metric {
  return (counters) => ({ kind, name, help, samples: [{ value: value(counters) }] });
}

/** One sample for each value of a label, or none. */
export function labelled(
  kind: Kind,
  name: string,
  help: string,
  samples: (counters: RouterCounters) => readonly Sample[],
): Metric {
  return (counters) => ({ kind, name, help, samples: samples(counters) });
}
