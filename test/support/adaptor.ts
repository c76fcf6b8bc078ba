/** An adaptor's cluster in memory, and the ConfigMap and Secrets of one router as a site-controller writes them. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Secret } from '../../config/api/secret.ts';
import { SkuprtError } from '../../lib/errors.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import type { AdaptorCluster } from '../../site-controller/adaptor/cluster.ts';
import type { AdaptorOptions } from '../../site-controller/adaptor/options.ts';
import { secretDigest, tlsSecret } from '../../site-controller/pki/secret.ts';
import type { Workloads } from '../../site-controller/reconcile/policy/workload-document.ts';
import { type Certificates, makeCertificates } from './certificates.ts';
import { remoteSite } from './observed.ts';
import { unusedPort } from './tcp.ts';

export type Section = readonly [type: string, attributes: Record<string, string | number | boolean>];

class AwayError extends SkuprtError {
  readonly code = 'TEST_AWAY';
  readonly fault = 'environment';
}

export class MemoryCluster implements AdaptorCluster {
  isSynced = true;
  /** Nothing is heard and nothing can be written. */
  isAway = false;
  readonly applied = new Map<string, KubeObject>();
  writeCount = 0;
  private map: KubeObject | undefined;
  private heardMap: KubeObject | undefined;
  private readonly known = new Map<string, Secret>();
  private heardSecrets = new Map<string, Secret>();
  private readonly listeners = new Set<() => void>();
  private version = 0;
  private knownWorkloads: Workloads | undefined;

  configMap(): KubeObject | undefined {
    return this.heardMap;
  }

  secrets(): ReadonlyMap<string, Secret> {
    return this.heardSecrets;
  }

  workloads(): Workloads | undefined {
    return this.knownWorkloads;
  }

  putWorkloads(workloads: Workloads): void {
    this.knownWorkloads = workloads;
    this.tell();
  }

  putConfigMap(data: Record<string, string>): void {
    this.version += 1;
    const owner = { apiVersion: 'skupper.io/v2alpha1', kind: 'Site', name: 'west', uid: 'site-uid', controller: true };
    const metadata = { name: 'skupper-router', resourceVersion: String(this.version), ownerReferences: [owner] };
    this.map = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data };
    this.tell();
  }

  putSecret(secret: Secret): void {
    this.known.set(secret.metadata.name, secret);
    this.tell();
  }

  away(isAway: boolean): void {
    this.isAway = isAway;
    this.tell();
  }

  async run(onChange: () => void, signal: AbortSignal): Promise<void> {
    this.listeners.add(onChange);
    onChange();
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.listeners.delete(onChange);
  }

  async apply(configMap: KubeObject): Promise<void> {
    if (this.isAway) throw new AwayError('the API server is away');
    this.writeCount += 1;
    this.applied.set(configMap.metadata.name, configMap);
  }

  async remove(name: string): Promise<boolean> {
    if (this.isAway) throw new AwayError('the API server is away');
    return this.applied.delete(name);
  }

  async elect(onChange: (isLeading: boolean) => void, signal: AbortSignal): Promise<void> {
    onChange(true);
    await this.run(() => undefined, signal);
  }

  data(name: string): Record<string, string> {
    return (this.applied.get(name)?.data ?? {}) as Record<string, string>;
  }

  private tell(): void {
    if (this.isAway) return;
    this.heardMap = this.map;
    this.heardSecrets = new Map(this.known);
    for (const listener of this.listeners) listener();
  }
}

/** Files and ports of one pod. */
export class TestPod {
  readonly directory = mkdtempSync(join(tmpdir(), 'skuprt-adaptor-'));
  readonly certificates: Certificates = makeCertificates(this.directory);
  readonly options: AdaptorOptions;
  private readonly amqpPort: number;
  private readonly httpPort: number;

  private constructor(pod: string, configMap: string, amqpPort: number, httpPort: number) {
    this.amqpPort = amqpPort;
    this.httpPort = httpPort;
    this.options = {
      namespace: 'ns-west',
      configMap,
      pod,
      certs: join(this.directory, 'certs'),
      proxies: join(this.directory, 'proxies'),
      bind: '127.0.0.1',
      routerConfig: join(this.directory, 'skrouterd.json'),
      kubeconfig: undefined,
      context: undefined,
      healthPort: 0,
      metricsPort: 0,
      logLevel: 'silent',
    };
  }

  static async make(pod = 'router-a', configMap = 'skupper-router'): Promise<TestPod> {
    return new TestPod(pod, configMap, await unusedPort(), await unusedPort());
  }

  /** As the site-controller writes it, with these sections beyond those that every router has. */
  data(sections: readonly Section[], adaptor: object = {}): Record<string, string> {
    const all: Section[] = [
      ['router', { id: `west-\${HOSTNAME}`, mode: 'interior', helloMaxAgeSeconds: 3 }],
      ['site', { name: 'west', platform: 'kubernetes', namespace: 'ns-west', version: '1.2.3' }],
      ['address', { prefix: 'mc', distribution: 'multicast' }],
      [
        'listener',
        { name: '@9090', role: 'normal', host: '', port: this.httpPort, http: true, healthz: true, metrics: true },
      ],
      ['listener', { name: 'amqp', role: 'normal', host: 'localhost', port: this.amqpPort }],
      ...sections,
    ];
    const site = remoteSite('west');
    return {
      'skrouterd.json': JSON.stringify(all),
      'adaptor.json': JSON.stringify(adaptor),
      'site.json': JSON.stringify({ ...site, site: { ...site.site, platform: 'kubernetes' } }),
    };
  }

  /** A Secret of this pod's certificates; a `mark` makes its content another. */
  secret(name: string, mark = ''): Secret {
    const text = (file: string) => readFileSync(file, 'utf8');
    const { caFile, certFile, keyFile } = this.certificates;
    const ca = `${text(caFile)}${mark}`;
    return tlsSecret(name, { ca, certificate: text(certFile), privateKey: text(keyFile) });
  }

  /** How adaptor.json names a Secret for a profile. */
  source(secret: Secret, ordinal = 0): object {
    return { secret: secret.metadata.name, parts: 'all', digest: secretDigest(secret), ordinal, oldestValidOrdinal: 0 };
  }
}

/** An sslProfile as in a ConfigMap. */
export function profileSection(name: string, ordinal = 0): Section {
  const file = (part: string) => `/etc/skupper-router-certs/${name}/${part}`;
  const files = { caCertFile: file('ca.crt'), certFile: file('tls.crt'), privateKeyFile: file('tls.key') };
  return ['sslProfile', { name, ...files, ordinal, oldestValidOrdinal: 0 }];
}
