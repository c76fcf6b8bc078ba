/** Services of a cluster set on two API servers with `skuprt dev`: exported in one, there in the other, and nothing left in the end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectClient } from '../../cli/places/cluster-connection.ts';
import { runCommandLine } from '../../cli/program.ts';
import { asSpan } from '../../cli/tracing.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { connectCluster } from '../../lib/kube/config.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { TYPES } from '../../service-controller/platform/kubernetes/watched.ts';
import { stopChild } from '../support/child-process.ts';
import { surroundings } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { startApiServers } from '../support/kube/api-server.ts';
import { kubeAssets } from '../support/kube/assets.ts';
import { DevProcess } from '../support/kube/dev-process.ts';
import { type ReceivedSpan, SpanCollector } from '../support/monitoring.ts';
import { MadeSpans } from '../support/spans.ts';

const NAMESPACE = 'shop';
/** For what comes by itself, soon on a machine that has nothing else to do. */
const SEEN_MS = 40_000;
const QUIET_MS = 8000;
type Kind = keyof typeof TYPES;

describe.runIf(kubeAssets() !== undefined)('services of two clusters', () => {
  let kubeconfig: string;
  let stop: () => Promise<void>;
  let a: KubeClient;
  let b: KubeClient;
  let dev: DevProcess;
  let collector: SpanCollector;

  beforeAll(async () => {
    collector = await SpanCollector.start();
    ({ kubeconfig, stop } = await startApiServers(['a', 'b']));
    const open = async (context: string) => (await connectCluster({ kubeconfig, context, env: {} })).client;
    [a, b] = (await Promise.all(['a', 'b'].map(open))) as [KubeClient, KubeClient];
    // Without a controller manager a namespace never ends; what is there already is not the command's to remove.
    for (const client of [a, b]) for (const name of ['skuprt-system', NAMESPACE]) await make(client, 'Namespace', name);
    dev = new DevProcess(kubeconfig, ['--contexts', 'a,b', '--link'], collector.environment);
    await dev.ready(['a', 'b']);
  });

  afterAll(async () => {
    if (dev !== undefined) await stopChild(dev.child);
    collector?.stop();
    for (const client of [a, b]) client?.close();
    await stop?.();
  });

  const make = (client: KubeClient, kind: Kind, name: string, members: object = {}) => {
    const { metadata, ...rest } = members as { metadata?: object };
    const { apiVersion } = TYPES[kind];
    const namespace = kind === 'Namespace' ? undefined : NAMESPACE;
    return client.create(TYPES[kind], { apiVersion, kind, metadata: { name, namespace, ...metadata }, ...rest });
  };
  const seen = <T>(what: string, look: () => Promise<T | undefined | false>) => eventually(what, look, SEEN_MS);
  const find = (client: KubeClient, kind: Kind, name: string) => client.find(TYPES[kind], NAMESPACE, name);
  const slices = async (client: KubeClient, name: string): Promise<KubeObject[]> => {
    const labelSelector = `multicluster.kubernetes.io/service-name=${name}`;
    return (await client.list(TYPES.EndpointSlice, { namespace: NAMESPACE, labelSelector })).items;
  };
  const isServed = async (client: KubeClient, name: string, source: string): Promise<boolean> =>
    (await slices(client, name)).some(({ metadata, endpoints }) => {
      const isFrom = metadata.labels!['multicluster.kubernetes.io/source-cluster'] === source;
      return (
        isFrom && ((endpoints ?? []) as { conditions: { ready: boolean } }[]).some(({ conditions }) => conditions.ready)
      );
    });
  const clustersOf = (made: KubeObject | undefined) =>
    ((made?.status as { clusters?: { cluster: string }[] } | undefined)?.clusters ?? [])
      .map(({ cluster }) => cluster)
      .sort();

  async function offer(client: KubeClient, name: string): Promise<void> {
    await make(client, 'Service', name, { spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] } });
    await make(client, 'EndpointSlice', name, {
      metadata: { labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      endpoints: [{ addresses: ['10.99.0.1'], conditions: { ready: true } }],
    });
    await make(client, 'ServiceExport', name);
  }

  it('names the clusters after their contexts', async () => {
    for (const [client, name] of [
      [a, 'a'],
      [b, 'b'],
    ] as const) {
      const property = await client.get(TYPES.ClusterProperty, undefined, 'cluster.clusterset.k8s.io');
      expect(property.spec).toEqual({ value: name });
    }
  });

  it('gives a service of one to both, with an address of its own and endpoints', async () => {
    await offer(a, 'web');
    for (const client of [a, b]) {
      const made = await seen('an import with an address', async () => {
        const found = await find(client, 'ServiceImport', 'web');
        return ((found?.spec as { ips?: string[] } | undefined)?.ips ?? []).length > 0 && found;
      });
      expect(made.spec).toMatchObject({ type: 'ClusterSetIP', ports: [{ name: 'http', protocol: 'TCP', port: 80 }] });
      await seen('an endpoint', () => isServed(client, 'web', 'a'));
      await seen('its cluster', async () => clustersOf(await find(client, 'ServiceImport', 'web')).join() === 'a');
    }
  });

  it('joins what both export, and takes back only what one takes back', async () => {
    await offer(b, 'web');
    const uid = (await find(a, 'ServiceImport', 'web'))!.metadata.uid;
    for (const client of [a, b]) {
      await seen('both', async () => clustersOf(await find(client, 'ServiceImport', 'web')).join() === 'a,b');
      await seen('endpoints of b', () => isServed(client, 'web', 'b'));
    }
    await b.delete(TYPES.ServiceExport, NAMESPACE, 'web');
    for (const client of [a, b]) {
      await seen('a alone', async () => clustersOf(await find(client, 'ServiceImport', 'web')).join() === 'a');
      await seen('no endpoints of b', async () => !(await isServed(client, 'web', 'b')));
    }
    expect((await find(a, 'ServiceImport', 'web'))!.metadata.uid).toBe(uid);
  });

  it('withdraws a service without ready endpoints from the other, and brings it back', async () => {
    for (const isReady of [false, true]) {
      const endpoints = [{ addresses: ['10.99.0.1'], conditions: { ready: isReady } }];
      await a.patch(TYPES.EndpointSlice, NAMESPACE, 'web', { endpoints });
      await seen(`ready: ${isReady}`, async () => (await isServed(b, 'web', 'a')) === isReady);
    }
    expect(await find(b, 'ServiceImport', 'web')).toBeDefined();
  });

  it('writes nothing while nothing changes', async () => {
    const versions = async () => {
      const kinds: Kind[] = ['ServiceImport', 'Service', 'EndpointSlice', 'Connector', 'Listener', 'MultiKeyListener'];
      const lists = await Promise.all([a, b].flatMap((client) => kinds.map((kind) => client.list(TYPES[kind]))));
      return lists.flatMap(({ items }) =>
        items.map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`),
      );
    };
    // What the changes before led to may go on for a while.
    let before: string[] = [];
    await seen('quiet', async () => {
      before = await versions();
      await sleep(QUIET_MS);
      return isDeepStrictEqual(await versions(), before);
    });
    expect(before).not.toEqual([]);
  });

  it('goes everywhere with the last export, and leaves nothing', async () => {
    await a.delete(TYPES.ServiceExport, NAMESPACE, 'web');
    for (const client of [a, b]) {
      await seen('no import', async () => (await find(client, 'ServiceImport', 'web')) === undefined);
      await seen('nothing of it', async () => {
        const labelSelector = 'app.kubernetes.io/managed-by=skuprt-service-controller';
        const kinds: Kind[] = ['Service', 'EndpointSlice', 'Connector', 'Listener', 'MultiKeyListener'];
        const lists = await Promise.all(kinds.map((kind) => client.list(TYPES[kind], { labelSelector })));
        return lists.every(({ items }) => items.length === 0);
      });
    }
  });

  it('is in the trace of the command that exports it, or takes it back, in both clusters', async () => {
    const spans = new MadeSpans();
    const env = { KUBECONFIG: kubeconfig, SKUPRT_PLATFORM: 'kubernetes' };
    const run = async (line: string): Promise<void> => {
      const words = line.split(' ');
      const all = ['--context', 'a', '-n', NAMESPACE, ...words];
      const around = surroundings({ env, connect: connectClient });
      const code = await asSpan(words.slice(0, 2), around, spans.tracer, (seen) => runCommandLine(all, seen));
      expect(code).toBe(0);
    };
    /** In the trace of that command: looks that do so, where it was typed and behind a merge in the other cluster. */
    const isLedTo = (command: string, what: string): boolean => {
      const { traceId } = spans.one(`skuprt ${command}`);
      const made = collector.spans.filter((span) => span.traceId === traceId);
      const parentOf = ({ parentSpanId }: ReceivedSpan) => made.find(({ spanId }) => spanId === parentSpanId);
      const looks = made.filter(({ name }) => name === what).map((span) => parentOf(span));
      const isElsewhere = looks.map((look) => look && parentOf(look)?.name === 'merge');
      return isElsewhere.includes(true) && isElsewhere.includes(false);
    };
    await run('service export web --wait none');
    await seen('the trace of an export', async () => isLedTo('service export', 'apply ServiceImport'));
    await run('service unexport web --yes');
    await seen('the trace of its end', async () => isLedTo('service unexport', 'delete ServiceImport'));
  });

  it('leaves nothing of a service that is exported when the clusters are given up', async () => {
    await make(a, 'ServiceExport', 'web');
    await seen('an import', async () => (await find(b, 'ServiceImport', 'web')) !== undefined);
    dev.child.kill('SIGINT');
    expect(await dev.exit()).toBe(0);
    for (const client of [a, b]) {
      const left = (await client.list(TYPES.Service, { namespace: NAMESPACE })).items.map(
        ({ metadata }) => metadata.name,
      );
      expect(left.filter((name) => name.startsWith('derived-'))).toEqual([]);
      expect(await slices(client, 'web')).toEqual([]);
      expect([...(await client.kindsOf('multicluster.x-k8s.io/v1beta1'))]).toEqual([]);
    }
  });
});
