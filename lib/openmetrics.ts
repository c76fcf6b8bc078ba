/**
 * Metrics as text, in the two forms that Prometheus scrapes: its own, and OpenMetrics, which it asks for first and in which histograms
 * have exemplars. Who is asked says by `Accept` which one. Pure.
 */
import type { DurationHistogram, Exemplar } from './histogram.ts';

export type MetricsFormat = 'prometheus' | 'openmetrics';

export const METRICS_TYPE: Readonly<Record<MetricsFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
  /** What the family's name is followed by: `_bucket`, `_sum`, `_count`. */
  readonly suffix?: string;
  readonly exemplar?: Exemplar;
}

export interface MetricFamily {
  readonly name: string;
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Last line of an answer in OpenMetrics. */
const END = '# EOF\n';

/** @param accept the header of the request */
export function formatOf(accept: string | undefined): MetricsFormat {
  return accept?.includes('application/openmetrics-text') ? 'openmetrics' : 'prometheus';
}

/** Several renderings as one answer. */
export function joinMetrics(texts: readonly string[], format: MetricsFormat): string {
  const parts = texts.map((text) => (text.endsWith(END) ? text.slice(0, -END.length) : text));
  return parts.join('') + (format === 'openmetrics' ? END : '');
}

/** Without the end of an answer: see `joinMetrics`. */
export function renderFamilies(families: Iterable<MetricFamily>, format: MetricsFormat): string {
  const lines: string[] = [];
  for (const { name, kind, help, samples } of families) {
    // OpenMetrics has the counter's suffix at its samples alone.
    const familyName = format === 'openmetrics' && kind === 'counter' ? name.replace(/_total$/, '') : name;
    lines.push(`# HELP ${familyName} ${escaped(help)}`, `# TYPE ${familyName} ${kind}`);
    for (const { labels, value, suffix = '', exemplar } of samples) {
      const line = `${name}${suffix}${labelText(labels)} ${value}`;
      const isLinked = format === 'openmetrics' && exemplar !== undefined;
      lines.push(isLinked ? `${line} # {trace_id="${exemplar.traceId}"} ${exemplar.seconds}` : line);
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Of a family of kind histogram. */
export function histogramSamples(histogram: DurationHistogram, labels?: Labels): Sample[] {
  const { bounds, counts, exemplars, sumSeconds } = histogram;
  let sum = 0;
  const buckets = counts.map((count, index): Sample => {
    sum += count;
    const le = String(bounds[index] ?? '+Inf');
    return { suffix: '_bucket', labels: { ...labels, le }, value: sum, exemplar: exemplars[index] };
  });
  return [...buckets, { suffix: '_sum', labels, value: sumSeconds }, { suffix: '_count', labels, value: sum }];
}

function labelText(labels: Labels | undefined): string {
  if (labels === undefined) return '';
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${escaped(value).replaceAll('"', '\\"')}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
