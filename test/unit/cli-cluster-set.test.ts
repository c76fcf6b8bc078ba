/** `service export` and its siblings on a cluster: what they write, wait for, print and refuse. The test is the service-controller. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PodPort } from '../../cli/places/cluster-client.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { PortForwardError } from '../../lib/kube/port-forward.ts';
import type { Told } from '../../service-controller/platform/tell.ts';
import { runHere } from '../support/cli.ts';
import { FakeCluster } from '../support/cli-cluster.ts';

let home: string;
let env: NodeJS.ProcessEnv;
let cluster: FakeCluster;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'skuprt-cli-set-'));
  const kubeconfig = join(home, 'config');
  const contexts = [{ name: 'west', context: { namespace: 'shop' } }];
  writeFileSync(kubeconfig, JSON.stringify({ 'current-context': 'west', contexts }));
  env = { XDG_DATA_HOME: join(home, 'data'), KUBECONFIG: kubeconfig };
  cluster = new FakeCluster();
  cluster.put('services', { metadata: { name: 'web', namespace: 'shop' } });
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

const run = (line: string) => runHere(line.split(' '), { env, connect: () => Promise.resolve(cluster) });
const made = () => cluster.find('serviceexports', 'web', 'shop');
const condition = (type: string, status: string, more: object = {}) => ({
  type,
  status,
  reason: 'R',
  message: '',
  ...more,
});
const exported = [condition('Valid', 'True'), condition('Ready', 'True')];

/** A controller that finds this of every export. */
function finds(...conditions: object[]): void {
  cluster.act = () => {
    const object = made();
    if (object !== undefined) object.status = { conditions };
  };
}

function putImport(more: Partial<KubeObject> = {}, clusters = ['east', 'west']): void {
  cluster.put('serviceimports', {
    metadata: {
      name: 'web',
      namespace: 'shop',
      annotations: { 'skuprt.io/exporting-clusters': 'east,north,west' },
    },
    spec: {
      type: 'ClusterSetIP',
      ips: ['10.0.0.7'],
      ports: [
        { port: 80, protocol: 'TCP' },
        { port: 53, protocol: 'UDP' },
      ],
    },
    status: { clusters: clusters.map((id) => ({ cluster: id })), conditions: [condition('Ready', 'True')] },
    ...more,
  });
}

describe('service export', () => {
  it('makes a ServiceExport of the flags, and keeps what later flags do not name', async () => {
    finds(...exported);
    const first = await run('service export web --label tier=gold --priority 10 --locality none');
    expect(first).toEqual({ code: 0, out: '', err: expect.stringContaining('as web.shop.supercluster.local') });
    const spec = { exportedLabels: { tier: 'gold' } };
    const annotations = { 'skuprt.io/priority': '10', 'skuprt.io/locality': 'none' };
    expect(made()).toMatchObject({ spec, metadata: { annotations } });
    expect((await run('service export web --priority 20 --weight 5 --annotation a=b')).code).toBe(0);
    expect(made()!.spec).toEqual({ ...spec, exportedAnnotations: { a: 'b' } });
    expect(made()!.metadata.annotations).toEqual({
      ...annotations,
      'skuprt.io/priority': '20',
      'skuprt.io/weight': '5',
    });
  });

  it('writes nothing with --dry-run, and prints what it would', async () => {
    const { out, code } = await run('service export web --weight 50 --dry-run -o json');
    expect({ code, writes: cluster.writes }).toEqual({ code: 0, writes: [] });
    expect(JSON.parse(out)).toEqual({
      apiVersion: 'multicluster.x-k8s.io/v1beta1',
      kind: 'ServiceExport',
      metadata: { name: 'web', annotations: { 'skuprt.io/weight': '50' } },
    });
  });

  it('is refused without a Service', async () => {
    const { code, err } = await run('service export nobody');
    expect({ code, err }).toMatchObject({
      code: 3,
      err: expect.stringContaining('no Service "nobody" in namespace "shop"'),
    });
    expect(cluster.writes).toEqual([]);
  });

  it('is refused where the kinds are not known', async () => {
    cluster.unknown.add('serviceexports');
    const { code, err } = await run('service export web');
    expect({ code, err }).toMatchObject({
      code: 1,
      err: expect.stringMatching(/does not know the kind .*\n.*skuprt install/),
    });
  });

  it('waits, and says after the timeout what it waited for', async () => {
    const { code, err } = await run('service export web --timeout 200ms');
    expect({ code, err }).toMatchObject({ code: 4, err: expect.stringContaining('nobody has acted on it yet') });
    expect(made()).toBeDefined();
    finds(
      condition('Valid', 'True'),
      condition('Ready', 'False', { reason: 'Pending', message: 'waits for the others' }),
    );
    expect((await run('service export web --timeout 200ms')).err).toContain('waits for the others');
    expect((await run('service export web --wait configured')).code).toBe(0);
    cluster.act = () => {};
    expect((await run('service export web --wait none')).err).toContain('is to be exported');
  });

  it('says why an export is not valid', async () => {
    finds(condition('Valid', 'False', { message: 'Service shop/web is of type ExternalName' }));
    const { code, err } = await run('service export web');
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('is of type ExternalName') });
  });

  it('does not take what was said of an earlier spec for an answer', async () => {
    finds(...exported.map((one) => ({ ...one, observedGeneration: 0 })));
    expect((await run('service export web --timeout 200ms')).code).toBe(4);
  });

  it('warns of a conflict, and exports all the same', async () => {
    finds(...exported, condition('Conflict', 'True', { message: 'east has another port' }));
    const { code, err } = await run('service export web');
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('Warning: east has another port') });
  });
});

describe('service unexport', () => {
  beforeEach(() => {
    cluster.put('serviceexports', { metadata: { name: 'web', namespace: 'shop' } });
    cluster.put('clusterproperties', { metadata: { name: 'cluster.clusterset.k8s.io' }, spec: { value: 'west' } });
  });

  it('asks, or wants --yes', async () => {
    expect((await run('service unexport web')).code).toBe(2);
    expect(made()).toBeDefined();
    expect(await run('service unexport web --yes')).toMatchObject({ code: 0 });
    expect(made()).toBeUndefined();
    expect((await run('service unexport web --yes')).code).toBe(3);
  });

  it('waits until this cluster has left the import', async () => {
    putImport();
    const waiting = await run('service unexport web --yes --timeout 200ms');
    expect(waiting).toMatchObject({ code: 4, err: expect.stringContaining('still lists cluster west') });
    cluster.put('serviceexports', { metadata: { name: 'web', namespace: 'shop' } });
    cluster.act = () => putImport({}, ['east']);
    expect((await run('service unexport web --yes')).code).toBe(0);
  });

  it('waits for less where the id of the cluster may not be read', async () => {
    putImport();
    cluster.forbidden.add('get clusterproperties');
    expect((await run('service unexport web --yes --timeout 500ms')).code).toBe(0);
  });
});

describe('service status', () => {
  it('shows imports and exports of the namespace, with what is wrong', async () => {
    putImport();
    cluster.put('serviceexports', {
      metadata: { name: 'web', namespace: 'shop' },
      status: { conditions: [...exported, condition('Conflict', 'True', { message: 'east has another port' })] },
    });
    cluster.put('serviceexports', { metadata: { name: 'api', namespace: 'shop' } });
    const { code, out } = await run('service status');
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['NAME', 'TYPE', 'IP', 'PORTS', 'CLUSTERS', 'EXPORTED-HERE', 'STATE'],
      ['api', '-', '-', '-', '-', 'yes', 'nobody has acted on this ServiceExport yet'],
      [
        'web',
        'ClusterSetIP',
        '10.0.0.7',
        '80/TCP, 53/UDP',
        'east, west, north (silent)',
        'yes',
        'Conflict: east has another port',
      ],
      [''],
    ]);
  });

  it('is a contract as JSON', async () => {
    putImport();
    expect(JSON.parse((await run('service status web -o json')).out)).toMatchInlineSnapshot(`
      {
        "apiVersion": "skuprt.io/v1alpha1",
        "kind": "SetServiceStatus",
        "metadata": {
          "name": "web",
          "namespace": "shop",
        },
        "status": {
          "clusters": [
            "east",
            "west",
          ],
          "ips": [
            "10.0.0.7",
          ],
          "isExported": false,
          "ports": [
            "80/TCP",
            "53/UDP",
          ],
          "silentClusters": [
            "north",
          ],
          "trouble": "",
          "type": "ClusterSetIP",
        },
      }
    `);
  });

  it('knows a service of another namespace by NAME.NAMESPACE', async () => {
    putImport();
    expect((await run('-n other service status web.shop -o name')).out).toBe('serviceimport/web\n');
    expect((await run('-n other service status web')).code).toBe(3);
  });
});

describe('service explain', () => {
  const told: Told = {
    explanation: {
      service: 'shop/web',
      cluster: 'west',
      summary: 'Traffic goes to east.',
      exporters: [],
      conflicts: [],
      endpoints: [],
      choices: [],
    } as Told['explanation'],
    tests: [{ cluster: 'east', port: 80, isOk: true, message: 'a connection was made and stayed' }],
  };
  const pod = (name: string, ready: string) =>
    cluster.put('pods', {
      metadata: { name, namespace: 'skupper', labels: { 'app.kubernetes.io/name': 'skuprt-service-controller' } },
      status: { conditions: [condition('Ready', ready)] },
    });
  const servers: Server[] = [];

  /** Of a pod, or a process. */
  async function answering(answer: (url: string) => unknown): Promise<number> {
    const server = createServer(({ url = '' }, response) => {
      const found = answer(url);
      if (found === undefined) response.statusCode = 404;
      response.end(JSON.stringify(found ?? {}));
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await new Promise((resolve) => server.once('listening', resolve));
    return (server.address() as AddressInfo).port;
  }

  const podAnswers = async (name: string, found: Told | undefined) => {
    pod(name, 'True');
    const port = await answering((url) => (url.startsWith('/explain/shop/web?test=') ? found : undefined));
    cluster.podPorts.set(`${name}:9000`, port);
  };

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  it('asks a pod that is ready, by a port that the API server forwards', async () => {
    pod('a', 'False');
    await podAnswers('b', told);
    const { code, out } = await run('service explain web');
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringContaining('Traffic goes to east.') });
    expect(out).toContain('east, port 80: ok');
    const document = { apiVersion: 'skuprt.io/v1alpha1', kind: 'ServiceExplanation', ...told };
    expect(JSON.parse((await run('-n other service explain web.shop -o json')).out)).toEqual(document);
  });

  it('asks another pod when one does not answer', async () => {
    pod('a', 'True');
    await podAnswers('b', told);
    expect((await run('service explain web')).code).toBe(0);
  });

  it('ends with 1 when a connection fails, but not for scripts', async () => {
    await podAnswers('a', { ...told, tests: [{ ...told.tests[0]!, isOk: false, message: 'refused' }] });
    const { code, err } = await run('service explain web');
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('fails through east') });
    expect((await run('service explain web -o json')).code).toBe(0);
  });

  it('says that nobody exports it when the controller knows of none', async () => {
    await podAnswers('a', undefined);
    const { code, err } = await run('service explain web');
    expect({ code, err }).toMatchObject({
      code: 3,
      err: expect.stringContaining('No cluster exports a service "web"'),
    });
  });

  it('says why the port is not forwarded', async () => {
    await podAnswers('a', told);
    const forwardPort = async (_at: PodPort, onError: (error: Error) => void) => {
      onError(new PortForwardError('pods "a" is forbidden', { next: 'ask for the right' }));
      const port = await answering(() => undefined);
      servers.pop()!.close();
      return { port, close: () => undefined };
    };
    Object.assign(cluster, { forwardPort });
    const { code, err } = await run('service explain web');
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('pods "a" is forbidden') });
  });

  it('says when no controller runs', async () => {
    const { code, err } = await run('service explain web');
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('No service-controller runs') });
  });

  it('asks a controller outside of the cluster where its Lease says', async () => {
    const asked: string[] = [];
    const port = await answering((url) => {
      asked.push(url);
      return told;
    });
    const address = `http://127.0.0.1:${port}`;
    const annotations = { 'skuprt.io/address': address };
    cluster.put('leases', { metadata: { name: 'skuprt-service-controller', namespace: 'skupper', annotations } });
    expect((await run('service explain web --no-test')).code).toBe(0);
    expect(asked).toEqual(['/explain/shop/web?test=false']);
  });
});
