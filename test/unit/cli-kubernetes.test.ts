/** Commands on a cluster: what they write, print and refuse. The cluster is a map of objects; the test is the controller. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Surroundings } from '../../cli/context.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { argumentsOf, runHere } from '../support/cli.ts';
import { FakeCluster, settleAll, withController } from '../support/cli-cluster.ts';

let home: string;
let cluster: FakeCluster;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'skuprt-cli-kube-'));
  const kubeconfig = join(home, 'config');
  writeFileSync(kubeconfig, JSON.stringify(KUBECONFIG));
  env = { XDG_DATA_HOME: join(home, 'data'), KUBECONFIG: kubeconfig };
  cluster = new FakeCluster();
  withController(cluster);
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

const KUBECONFIG = {
  'current-context': 'west',
  contexts: [
    { name: 'west', context: { namespace: 'shop' } },
    { name: 'east', context: {} },
  ],
};

const run = (line: string, given: Partial<Surroundings> = {}) =>
  runHere(argumentsOf(line), { env, connect: () => Promise.resolve(cluster), ...given });

function site(namespace = 'shop', more: Partial<KubeObject> = {}): KubeObject {
  return cluster.put('sites', { metadata: { name: 'west', namespace }, spec: {}, ...more });
}

describe('the platform', () => {
  it('is kubernetes where a kubeconfig is, with the namespace of its context', async () => {
    site();
    expect((await run('site status -o name')).out).toBe('site/west\n');
    expect((await run('-n other site status -o name')).out).toBe('');
    expect((await run('--context east site status -o name')).out).toBe('');
  });

  it('is local where flags or environment say so, and where no kubeconfig is', async () => {
    for (const given of [
      { SKUPRT_PLATFORM: 'local' },
      { SKUPPER_PLATFORM: 'local' },
      { KUBECONFIG: join(home, 'none') },
    ]) {
      const { out, err } = await run('site status', { env: { ...env, ...given } });
      expect({ out, err }).toEqual({ out: '', err: expect.stringContaining('There is no site') });
    }
    expect((await run('-p local site status')).err).toContain('There is no site');
    expect(cluster.writes).toEqual([]);
  });

  it('is local for a namespace that has a local site, and says how to reach the cluster', async () => {
    mkdirSync(join(home, 'data/skuprt/namespaces/default'), { recursive: true });
    expect((await run('site status')).err).toMatch(/local site of namespace "default".*-p kubernetes/);
    site();
    expect((await run('-p kubernetes site status -o name')).out).toBe('site/west\n');
  });

  it('names the contexts there are when one is not', async () => {
    expect(await run('--context north status')).toMatchObject({ code: 2, err: expect.stringContaining('east, west') });
  });

  it('is not asked for by what is always on this machine', async () => {
    const { code } = await run('version', { connect: () => Promise.reject(new Error('asked')) });
    expect(code).toBe(0);
  });
});

describe('a cluster that is not ready for sites', () => {
  it('without the kinds is told from one without a site', async () => {
    for (const plural of ['sites', 'links', 'listeners', 'accessgrants']) cluster.unknown.add(plural);
    for (const line of ['site status', 'link status', 'listener create a 80', 'token issue f']) {
      expect(await run(line)).toMatchObject({
        code: 1,
        err: expect.stringMatching(/not installed[\s\S]*skuprt install/),
      });
    }
  });

  it('is not changed by init when it was only found, not named', async () => {
    cluster.objects.clear();
    expect(await run('init')).toMatchObject({ code: 1, err: expect.stringContaining('--install') });
    expect(await run('--context west init --no-install')).toMatchObject({ code: 1 });
    expect(cluster.writes).toEqual([]);
  });

  it('ends a wait at once when nobody acts, and says who is missing', async () => {
    cluster.objects.clear();
    site();
    const { code, err } = await run('listener create a 80');
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/no controller serves[\s\S]*install/) });
  });

  it("knows Skupper's own controller, whose Deployment has no label", async () => {
    cluster.objects.clear();
    withController(cluster);
    for (const deployment of cluster.objects.values()) delete deployment.metadata.labels;
    site();
    expect((await run('connector status')).err).not.toMatch(/no controller/);
  });

  it('says that the controller is not ready', async () => {
    cluster.objects.clear();
    withController(cluster, 0);
    site();
    expect((await run('connector status')).err).toMatch(/"skupper-controller" of namespace "skupper" is not ready/);
  });

  it('that refuses something ends with exit 5, and says what to ask for', async () => {
    cluster.forbidden.add('list sites');
    expect(await run('status')).toMatchObject({ code: 5, err: expect.stringMatching(/list sites[\s\S]*Ask for/) });
  });

  it('does not guess where this user may not look', async () => {
    cluster.objects.clear();
    cluster.forbidden.add('list deployments');
    site();
    cluster.act = settleAll;
    expect(await run('listener create a 80')).toMatchObject({ code: 0 });
  });
});

describe('sites of a cluster', () => {
  it('are made in a namespace that is made too', async () => {
    cluster.act = settleAll;
    expect(await run('-n new init west --enable-ha')).toEqual({
      code: 0,
      out: '',
      err: expect.stringMatching(/Namespace "new" is made[\s\S]*Site "west" is ready/),
    });
    expect(cluster.find('sites', 'west', 'new')?.spec).toEqual({ linkAccess: 'default', ha: true });
  });

  it.each([
    ['init --host a.example', '--host'],
    ['init --systemd', '--systemd'],
    ['site create a --edge --enable-link-access', 'edge'],
    ['site stop', ''],
  ])('refuse %s before anything is written', async (line, what) => {
    const { code, err } = await run(`-p kubernetes ${line}`);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(what) });
    expect(cluster.writes).toEqual([]);
  });

  it('change by what was given only', async () => {
    site('shop', { spec: { linkAccess: 'route', settings: { other: 'x' } } });
    cluster.act = settleAll;
    expect(await run('site update --enable-ha')).toMatchObject({ code: 0 });
    expect(cluster.writes).toEqual(['patch sites/west {"spec":{"ha":true}}']);
  });

  it('are one in a namespace', async () => {
    site();
    expect(await run('init other')).toMatchObject({ code: 1, err: expect.stringContaining('a site already: "west"') });
  });

  it('go alone, or with every other resource of ours', async () => {
    site();
    cluster.put('listeners', { metadata: { name: 'a', namespace: 'shop' }, spec: {} });
    cluster.put('accesspolicies', { metadata: { name: 'own', namespace: 'shop' }, spec: {} });
    cluster.put('accesspolicies', { metadata: { name: 'other', namespace: 'lab' }, spec: {} });
    cluster.put('clusteraccesspolicies', { metadata: { name: 'all' }, spec: {} });
    expect(await run('delete --yes')).toMatchObject({
      code: 0,
      err: expect.stringContaining('Site "west" is deleted.'),
    });
    expect(cluster.find('listeners', 'a', 'shop')).toBeDefined();
    expect(await run('delete --all --yes')).toMatchObject({
      code: 0,
      err: expect.stringContaining('2 other resources'),
    });
    expect(cluster.find('listeners', 'a', 'shop')).toBeUndefined();
    expect(cluster.find('accesspolicies', 'own', 'shop')).toBeUndefined();
    expect(cluster.find('accesspolicies', 'other', 'lab')).toBeDefined();
    expect(cluster.objects.has('clusteraccesspolicies//all')).toBe(true);
    // What holds clients back goes after what they could connect to.
    expect(cluster.writes.slice(-2)).toEqual(['delete listeners/a', 'delete accesspolicies/own']);
    expect(await run('delete --yes')).toMatchObject({ code: 3 });
    cluster.unknown.add('accesspolicies');
    expect(await run('delete --all --yes')).toMatchObject({ code: 0 });
  });

  it('print as the API server has them, without what only machines read', async () => {
    site('shop', { metadata: { name: 'west', namespace: 'shop', managedFields: [{}] } as KubeObject['metadata'] });
    const { out } = await run('site status -o json');
    expect(JSON.parse(out)).toEqual({
      apiVersion: 'v1',
      kind: 'List',
      items: [
        {
          apiVersion: 'skupper.io/v2alpha1',
          kind: 'Site',
          metadata: { name: 'west', namespace: 'shop', uid: 'u-2', generation: 1 },
          spec: {},
        },
      ],
    });
  });
});

describe('expose', () => {
  const dryRun = async (line: string) => (await run(`${line} --dry-run -o json`)).out;
  beforeEach(() => {
    const selector = {
      matchLabels: { app: 'backend' },
      matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }],
    };
    const metadata = (name: string) => ({ name, namespace: 'shop' });
    cluster.put('deployments', { metadata: metadata('backend'), spec: { selector } });
    cluster.put('statefulsets', { metadata: metadata('db'), spec: { selector: { matchLabels: { app: 'db' } } } });
    cluster.put('services', {
      metadata: metadata('web'),
      spec: {
        selector: { app: 'web' },
        ports: [
          { port: 80, targetPort: 'http' },
          { port: 443, targetPort: 8443 },
        ],
      },
    });
    cluster.put('services', {
      metadata: metadata('elsewhere'),
      spec: { type: 'ExternalName', externalName: 'a.example' },
    });
    cluster.put('pods', {
      metadata: { ...metadata('web-1'), labels: { app: 'web' } },
      spec: { containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }] },
    });
  });

  it('a deployment selects its pods and is known to the network', async () => {
    expect(JSON.parse(await dryRun('expose deployment/backend --port 8080'))).toEqual({
      apiVersion: 'skupper.io/v2alpha1',
      kind: 'Connector',
      metadata: { name: 'backend', annotations: { 'skuprt.io/exposes': 'deployment/backend' } },
      spec: {
        routingKey: 'backend',
        selector: 'app=backend,tier in (a,b)',
        port: 8080,
        settings: { 'skuprt.io/advertise': 'true' },
      },
    });
  });

  it.each([
    ['statefulset/db --port 5432', [{ selector: 'app=db', exposePodsByName: true, port: 5432 }]],
    ['service/web --port 80', [{ selector: 'app=web', port: 8080, settings: { 'skuprt.io/service-port': '80' } }]],
    ['service/web --port 443', [{ selector: 'app=web', port: 8443 }]],
    ['service/elsewhere --port 80', [{ host: 'elsewhere.shop.svc', port: 80 }]],
    ['pods/app=x --port 80 --address x', [{ selector: 'app=x', port: 80 }]],
    [
      'service/web --port 80 --port 443',
      [
        { routingKey: 'web-80', port: 8080 },
        { routingKey: 'web-443', port: 8443 },
      ],
    ],
  ])('%s', async (line, specs) => {
    const printed = JSON.parse(await dryRun(`expose ${line}`)) as KubeObject & { items?: KubeObject[] };
    const found = (printed.items ?? [printed]).map(({ spec }) => spec);
    expect(found).toEqual(
      specs.map((spec) =>
        expect.objectContaining(
          'settings' in spec ? { ...spec, settings: expect.objectContaining(spec.settings) } : spec,
        ),
      ),
    );
  });

  it.each([
    ['expose deployment/none --port 80', 3, 'no Deployment "none"'],
    ['expose job/x --port 80', 2, 'job'],
    ['expose pods/web-1 --port 80', 2, 'not a selector'],
    ['expose deployment/backend --port 99999', 2, '65535'],
    ['expose deployment/backend --port 80 --port 81 --target-port 8080', 2, 'once for each'],
  ])('%s is refused before anything is written', async (line, code, what) => {
    expect(await run(line)).toMatchObject({ code, err: expect.stringContaining(what) });
    expect(cluster.writes).toEqual([]);
  });

  it('is taken back by the workload or by the address, all ports of it', async () => {
    site();
    cluster.act = settleAll;
    expect(await run('expose service/web --port 80 --port 443')).toMatchObject({ code: 0 });
    expect(await run('unexpose deployment/web')).toMatchObject({ code: 3 });
    expect(await run('unexpose --address web')).toMatchObject({ code: 0 });
    expect((await run('connector status -o name')).out).toBe('');
  });
});

describe('listeners and connectors of a cluster', () => {
  it('have the defaults of Skupper: a Service of the name, pods by label', async () => {
    const generated = async (line: string) => (JSON.parse((await run(`${line} -o json`)).out) as KubeObject).spec;
    expect(await generated('listener generate a 80')).toEqual({ routingKey: 'a', port: 80, host: 'a' });
    expect(await generated('connector generate a 80')).toEqual({ routingKey: 'a', port: 80, selector: 'app=a' });
    expect(await generated('connector generate a 80 --host h')).toEqual({ routingKey: 'a', port: 80, host: 'h' });
    expect(await generated('connector generate a 80 --selector x=y --include-not-ready')).toEqual({
      routingKey: 'a',
      port: 80,
      selector: 'x=y',
      includeNotReadyPods: true,
    });
  });

  it('are generated without any cluster', async () => {
    const alone = { env: { XDG_DATA_HOME: env.XDG_DATA_HOME }, connect: () => Promise.reject(new Error('asked')) };
    expect(await run('-p kubernetes connector generate a 80', alone)).toMatchObject({ code: 0 });
    expect(await run('-p kubernetes site generate a --enable-ha', alone)).toMatchObject({ code: 0 });
  });

  it('change from pods to a host and leave what others set', async () => {
    site();
    cluster.put('connectors', {
      metadata: { name: 'a', namespace: 'shop', labels: { team: 'x' }, resourceVersion: '7' },
      spec: { routingKey: 'a', selector: 'app=a', port: 80 },
    });
    cluster.act = settleAll;
    expect(await run('connector update a --host h')).toMatchObject({ code: 0 });
    expect(cluster.writes).toEqual(['patch connectors/a {"spec":{"selector":null,"host":"h"}}']);
  });

  const refuseListener = (message: string) => {
    settleAll(cluster);
    const status = cluster.find('listeners', 'a', 'shop')?.status as { conditions: object[] } | undefined;
    for (const one of status?.conditions ?? []) Object.assign(one, { status: 'False', reason: 'Error', message });
  };

  it('with an error that passes are waited for', async () => {
    site();
    cluster.act = () => {
      refuseListener('its Secret is not there');
      setTimeout(() => settleAll(cluster), 200);
    };
    expect(await run('listener create a 80')).toMatchObject({ code: 0 });
  });

  it('that have an error stay, and the error says so', async () => {
    site();
    cluster.act = () => refuseListener('taken');
    const { code, err } = await run('listener create a 80');
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/taken[\s\S]*listener delete a/) });
    expect(cluster.find('listeners', 'a', 'shop')).toBeDefined();
  });

  it('show selectors and pods', async () => {
    site();
    cluster.put('connectors', {
      metadata: { name: 'a', namespace: 'shop' },
      spec: { routingKey: 'a', selector: 'app=a', port: 80 },
      status: { status: 'Ready', message: 'OK', selectedPods: [{ name: 'a-1' }], hasMatchingListener: true },
    });
    expect((await run('connector status')).out).toMatchInlineSnapshot(`
      "NAME   STATUS   ROUTING-KEY   SELECTOR   HOST   PORT   MATCHING-LISTENER   MESSAGE
      a      Ready    a             app=a             80     true                OK
      "
    `);
    expect((await run('connector status a')).out).toMatchInlineSnapshot(`
      "Name:                  a
      Status:                Ready
      Routing key:           a
      Selector:              app=a
      Pods:                  a-1
      Port:                  80
      Has matching listener: true
      Message:               OK
      "
    `);
  });
});

describe('tokens and links of a cluster', () => {
  it('a token is issued into a file of any name and can be given to Skupper', async () => {
    site('shop', { spec: { linkAccess: 'default' } });
    cluster.act = () => {
      settleAll(cluster);
      for (const [key, { status }] of cluster.objects) {
        if (!key.startsWith('accessgrants/')) continue;
        Object.assign(status as object, {
          url: 'https://h:9090/u',
          code: 'c0de',
          ca: 'pem',
          expirationTime: '2026-01-01T00:15:00Z',
        });
      }
    };
    const file = join(home, 'a_token_file');
    expect(await run(`token issue '${file}'`)).toMatchObject({ code: 0, out: '' });
    expect(readFileSync(file, 'utf8')).toMatch(/kind: AccessToken[\s\S]*url: https:\/\/h:9090\/u/);
  });

  it('a link is generated alike each time, with a certificate that goes with the site', async () => {
    const owner = site('shop', {
      spec: { linkAccess: 'default' },
      status: { endpoints: [{ name: 'inter-router', host: 'h', port: '55671', group: 'skupper-router' }] },
    });
    cluster.put('secrets', {
      metadata: { name: 'link-west', namespace: 'shop', uid: 'x', annotations: { some: 'thing' } },
      data: { 'tls.key': 'aw==', 'ca.crt': 'Yw==', 'tls.crt': 'dA==' },
    });
    cluster.act = settleAll;
    const first = await run('link generate');
    expect(first).toMatchObject({ code: 0, err: expect.any(String) });
    expect((await run('link generate')).out).toBe(first.out);
    expect(first.out).toMatchInlineSnapshot(`
      "---
      apiVersion: v1
      kind: Secret
      metadata:
        name: link-west
      type: kubernetes.io/tls
      data:
        ca.crt: Yw==
        tls.crt: dA==
        tls.key: aw==
      ---
      apiVersion: skupper.io/v2alpha1
      kind: Link
      metadata:
        name: link-west
      spec:
        endpoints:
          - name: inter-router
            host: h
            port: "55671"
            group: skupper-router
        tlsCredentials: link-west
        cost: 1
      "
    `);
    expect(cluster.find('certificates', 'link-west', 'shop')?.metadata.ownerReferences?.[0]?.uid).toBe(
      owner.metadata.uid,
    );
    expect(cluster.writes).toHaveLength(1);
  });

  it('a link is generated for a certificate that comes from elsewhere', async () => {
    site('shop', { status: { endpoints: [{ name: 'edge', host: 'h', port: '45671' }] } });
    const { out } = await run('link generate east --no-generate-credential --tls-credentials mine');
    expect(out).not.toContain('Secret');
    expect(out).toContain('tlsCredentials: mine');
    expect(cluster.writes).toEqual([]);
  });
});
