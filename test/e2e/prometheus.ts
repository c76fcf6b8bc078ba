/**
 * A Prometheus in a pod of a cluster, with the files of config/monitoring: discovery, rules and rights are those that users have, their
 * times are seconds instead of minutes.
 */
import { readFileSync } from 'node:fs';
import { ALERTS } from '../../config/monitoring/rules.ts';
import { eventually, newNamespace, type Place } from './world.ts';

export const PROMETHEUS_IMAGE = process.env.SKUPRT_E2E_PROMETHEUS_IMAGE;
const NAME = 'prometheus';
const PORT = 9090;
const SCRAPE = '5s';
const RBAC = 'rbac.authorization.k8s.io/v1';
const read = (name: string) => readFileSync(`config/monitoring/${name}`, 'utf8');

export interface Target {
  health: string;
  lastError: string;
  labels: Record<string, string>;
}

export interface Series {
  metric: Record<string, string>;
  value: [number, string];
}

export class ClusterPrometheus {
  private readonly place: Place;
  private readonly role: string;

  constructor(place: Place) {
    this.place = place;
    this.role = place.namespace;
  }

  async start(): Promise<void> {
    await newNamespace(this.place);
    await this.place.apply(...this.rights(), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: NAME },
      data: { 'prometheus.yaml': hurried(read('prometheus.yaml')), 'rules.yaml': hurried(read('rules.yaml')) },
    });
    const labels = { app: NAME };
    const container = {
      name: NAME,
      image: PROMETHEUS_IMAGE,
      args: ['--config.file=/etc/prometheus/prometheus.yaml', '--storage.tsdb.path=/data'],
      ports: [{ containerPort: PORT }],
      readinessProbe: { httpGet: { path: '/-/ready', port: PORT }, periodSeconds: 1 },
      volumeMounts: [
        { name: 'config', mountPath: '/etc/prometheus' },
        { name: 'data', mountPath: '/data' },
      ],
    };
    const volumes = [
      { name: 'config', configMap: { name: NAME } },
      { name: 'data', emptyDir: {} },
    ];
    const spec = { serviceAccountName: NAME, terminationGracePeriodSeconds: 1, volumes, containers: [container] };
    await this.place.apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: NAME, labels }, spec });
    await this.place.kubectl(['wait', '--for=condition=Ready', `pod/${NAME}`, '--timeout=60s'], { timeoutMs: 70_000 });
  }

  async stop(): Promise<void> {
    await this.place.remove('namespace', this.place.namespace, '--wait=false');
    for (const kind of ['clusterrole', 'clusterrolebinding']) await this.place.remove(kind, this.role);
  }

  async targets(): Promise<Target[]> {
    const { activeTargets } = await this.ask<{ activeTargets: Target[] }>('targets?state=active');
    return activeTargets.filter(({ labels }) => labels.job === 'skuprt-pods');
  }

  async query(expr: string): Promise<Series[]> {
    return (await this.ask<{ result: Series[] }>(`query?query=${encodeURIComponent(expr)}`)).result;
  }

  /** Labels of those of that name that fire. */
  async firing(name: string): Promise<Record<string, string>[]> {
    return (await this.query(`ALERTS{alertname="${name}", alertstate="firing"}`)).map(({ metric }) => metric);
  }

  /** Until one fires with these labels, and with none after `isOver`. */
  async untilFiring(name: string, labels: Record<string, string>, isOver = false): Promise<void> {
    if (!ALERTS.some(({ alert }) => alert === name)) throw new Error(`no alert ${name}`);
    const isMeant = (each: Record<string, string>) =>
      Object.entries(labels).every(([key, value]) => each[key] === value);
    const what = `${name} ${JSON.stringify(labels)} ${isOver ? 'ends' : 'fires'}`;
    await eventually(what, async () => (await this.firing(name)).some(isMeant) !== isOver, 120_000, 1000);
  }

  /** By way of the API server, which reaches pods wherever the clusters are. */
  private async ask<T>(what: string): Promise<T> {
    const path = `/api/v1/namespaces/${this.place.namespace}/pods/${NAME}:${PORT}/proxy/api/v1/${what}`;
    return (JSON.parse(await this.place.kubectl(['get', '--raw', path])) as { data: T }).data;
  }

  /** As docs/guide/observability.md has them. */
  private rights(): object[] {
    const subjects = [{ kind: 'ServiceAccount', name: NAME, namespace: this.place.namespace }];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: this.role };
    const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list', 'watch'] }];
    return [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME } },
      { apiVersion: RBAC, kind: 'ClusterRole', metadata: { name: this.role }, rules },
      { apiVersion: RBAC, kind: 'ClusterRoleBinding', metadata: { name: this.role }, roleRef, subjects },
    ];
  }
}

/** Every 5 s, alerts after as long, rates over half a minute. */
function hurried(text: string): string {
  return text
    .replaceAll(/(scrape|evaluation)_interval: \w+/g, `$1_interval: ${SCRAPE}`)
    .replaceAll(/\bfor: \d+m/g, `for: ${SCRAPE}`)
    .replaceAll(/\[\d+m\]/g, '[30s]');
}
