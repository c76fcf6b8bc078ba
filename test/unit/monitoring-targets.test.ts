/** What Prometheus is told to scrape, with the operator and without it, is just the ports of our pods that tell metrics. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { planWorkload } from '../../site-controller/reconcile/site/workload.ts';
import { cluster } from '../support/cluster.ts';
import { observed, site } from '../support/observed.ts';

interface Pod {
  labels: Readonly<Record<string, string>>;
  ports: readonly { name: string; containerPort: number }[];
}

interface PodMonitor {
  metadata: { name: string };
  spec: {
    namespaceSelector?: { any?: boolean };
    selector: {
      matchLabels?: Record<string, string>;
      matchExpressions?: { key: string; operator: string; values: string[] }[];
    };
    podMetricsEndpoints: { port: string; path: string; interval: string }[];
  };
}

interface Relabeling {
  source_labels: string[];
  regex?: string;
  action?: string;
  target_label?: string;
}

interface Template {
  metadata: { labels: Record<string, string> };
  spec: { containers: { ports?: Pod['ports'] }[] };
}

const documents = (file: string): unknown[] => parseAllDocuments(readFileSync(file, 'utf8')).map((each) => each.toJS());

function podOf(deployment: unknown): Pod {
  const { metadata, spec } = (deployment as { spec: { template: Template } }).spec.template;
  return { labels: metadata.labels, ports: spec.containers.flatMap(({ ports = [] }) => ports) };
}

/** Of a site with a console, and of the control plane. */
const pods: readonly Pod[] = [
  ...planWorkload(
    observed([site({ settings: { 'skuprt.io/console': 'true' } })], { cluster: cluster({ settings: {} }) }),
  ).objects,
  ...documents('config/manager/deployment.yaml'),
  ...documents('config/services/service-controller.yaml'),
  ...documents('config/services/dns.yaml'),
]
  .filter((object) => (object as { kind?: string } | null)?.kind === 'Deployment')
  .map(podOf);

const nameOf = ({ labels }: Pod) => labels['skupper.io/component'] ?? labels.application;

/** `router 9090`, ... */
const WANTED = [
  'console 9000',
  'controller 9000',
  'router 9000',
  'router 9090',
  'skuprt-dns 9000',
  'skuprt-service-controller 9000',
];

function selects({ selector }: PodMonitor['spec'], { labels }: Pod): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => operator === 'In' && values.includes(labels[key] ?? ''))
  );
}

/** The labels by which Kubernetes' discovery of pods tells a port. */
function discovered({ labels }: Pod, { name, containerPort }: Pod['ports'][number]): Map<string, string> {
  const meta = Object.entries(labels).map(
    ([key, value]) => [`__meta_kubernetes_pod_label_${key.replaceAll(/[^a-zA-Z0-9_]/g, '_')}`, value] as const,
  );
  return new Map([
    ...meta,
    ['__meta_kubernetes_pod_container_port_name', name],
    ['__meta_kubernetes_pod_container_port_number', String(containerPort)],
  ]);
}

function isKept(labels: ReadonlyMap<string, string>, relabelings: readonly Relabeling[]): boolean {
  return relabelings
    .filter(({ action }) => action === 'keep')
    .every(({ source_labels, regex }) => {
      const text = source_labels.map((name) => labels.get(name) ?? '').join(';');
      return new RegExp(`^(?:${regex})$`).test(text);
    });
}

describe('what is scraped', () => {
  it('by PodMonitors of all namespaces is each port with metrics once', () => {
    const monitors = documents('config/monitoring/operator/pod-monitor.yaml') as PodMonitor[];
    const scraped = monitors.flatMap(({ spec }) =>
      pods
        .filter((pod) => selects(spec, pod))
        .flatMap((pod) =>
          spec.podMetricsEndpoints.map(({ port }) => {
            const found = pod.ports.filter(({ name }) => name === port);
            expect(found, `${nameOf(pod)} ${port}`).toHaveLength(1);
            return `${nameOf(pod)} ${found[0]!.containerPort}`;
          }),
        ),
    );
    expect(scraped.sort()).toEqual(WANTED);
    for (const { spec } of monitors) {
      expect(spec.namespaceSelector).toEqual({ any: true });
      for (const { path, interval } of spec.podMetricsEndpoints) expect([path, interval]).toEqual(['/metrics', '30s']);
    }
  });

  it('without the operator is the same', () => {
    const { scrape_configs: jobs } = parse(readFileSync('config/monitoring/prometheus.yaml', 'utf8')) as {
      scrape_configs: { job_name: string; relabel_configs?: Relabeling[] }[];
    };
    const { relabel_configs: relabelings = [] } = jobs.find(({ job_name }) => job_name === 'skuprt-pods')!;
    const kept = pods.flatMap((pod) =>
      pod.ports
        .filter((port) => isKept(discovered(pod, port), relabelings))
        .map(({ containerPort }) => `${nameOf(pod)} ${containerPort}`),
    );
    expect(kept.sort()).toEqual(WANTED);
    const foreign = { labels: { app: 'web' }, ports: [{ name: 'metrics', containerPort: 9000 }] };
    expect(isKept(discovered(foreign, foreign.ports[0]!), relabelings)).toBe(false);
    // Alerts and dashboards group by them.
    expect(relabelings.map(({ target_label }) => target_label).filter(Boolean)).toEqual(['namespace', 'pod']);
  });

  it('of kustomizations are files that there are', () => {
    for (const folder of ['config/monitoring/operator', 'config/monitoring/dashboards']) {
      const { resources = [], configMapGenerator = [] } = parse(
        readFileSync(`${folder}/kustomization.yaml`, 'utf8'),
      ) as { resources?: string[]; configMapGenerator?: { files: string[] }[] };
      const files = [
        ...resources.filter((name) => name.endsWith('.yaml')),
        ...configMapGenerator.flatMap((each) => each.files),
      ];
      expect(files.length).toBeGreaterThan(1);
      for (const file of files) expect(readFileSync(`${folder}/${file}`, 'utf8').length).toBeGreaterThan(10);
    }
  });
});
