import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { installController, upgradeController } from '../../cli/commands/install/install.ts';
import { installManifests } from '../../cli/commands/install/manifests.ts';
import { definitionPending, deploymentPending } from '../../cli/commands/install/readiness.ts';
import { uninstallController } from '../../cli/commands/install/uninstall.ts';
import { compareVersions, nextImage } from '../../cli/commands/install/version.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { readVersion } from '../../lib/version.ts';
import type { FakeCluster } from '../support/cli-cluster.ts';
import { ESTABLISHED, livingCluster, present, READY, run } from '../support/installation.ts';

const RELEASE = readVersion();
const WANTED = installManifests({ scope: 'cluster', namespace: 'skupper' });
const DEPLOYMENT = WANTED.find(
  ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'skupper-controller',
)!;

const install = (cluster: FakeCluster, flags: object = {}) =>
  run(cluster, (context) => installController(context, flags));
const uninstall = (cluster: FakeCluster, flags: object = {}) =>
  run(cluster, (context) => uninstallController(context, { yes: true, ...flags }));
const keys = (cluster: FakeCluster) => [...cluster.objects.keys()].sort();
const imageOf = (cluster: FakeCluster) =>
  JSON.stringify(cluster.find('deployments', 'skupper-controller', 'skupper')!.spec).match(/"image":"([^"]+)"/)![1];

describe('install', () => {
  it('makes namespace and kinds first, and everything of the manifests', async () => {
    const cluster = livingCluster();
    const { err } = await install(cluster);
    expect(cluster.objects.size).toBe(WANTED.length);
    expect(cluster.writes.slice(0, 2)).toEqual([
      'apply namespaces/skupper',
      'apply customresourcedefinitions/accessgrants.skupper.io',
    ]);
    expect(cluster.writes.slice(-3)).toEqual([
      'apply deployments/skupper-controller',
      'apply deployments/skuprt-service-controller',
      'apply deployments/skuprt-dns',
    ]);
    expect(err).toContain(
      `Installed version ${RELEASE}: the controller in namespace skupper of cluster "east" is there and ready.`,
    );
  });

  it('changes nothing the second time', async () => {
    const cluster = livingCluster();
    await install(cluster);
    cluster.writes.length = 0;
    expect((await install(cluster)).err).toContain('Nothing to do');
    expect(cluster.writes).toEqual([]);
  });

  it('repairs what was changed by hand, and only that', async () => {
    const cluster = livingCluster();
    await install(cluster);
    const role = cluster.objects.get('clusterroles//skupper-controller') as KubeObject & { rules: unknown[] };
    role.rules.pop();
    cluster.writes.length = 0;
    expect((await install(cluster)).err).toContain('Changed the controller');
    expect(cluster.writes).toEqual(['apply clusterroles/skupper-controller']);
  });

  it('for one namespace makes no right beyond it', async () => {
    const cluster = livingCluster();
    await run(cluster, (context) => installController(context, { namespaceScope: true }), { namespace: 'west' });
    expect(keys(cluster).filter((key) => key.startsWith('clusterrole'))).toEqual([]);
    expect(cluster.find('deployments', 'skupper-controller', 'west')).toBeDefined();
    expect(cluster.find('configmaps', 'skupper', 'west')).toMatchObject({ data: { controller: 'skupper-controller' } });
  });

  it('for one namespace works without a right to see what is of the cluster', async () => {
    const cluster = livingCluster();
    cluster.forbidden.add('get namespaces').add('get customresourcedefinitions');
    await run(cluster, (context) => installController(context, { namespaceScope: true }), { namespace: 'west' });
    expect(keys(cluster).filter((key) => /^(namespaces|customresource)/.test(key))).toEqual([]);
    cluster.unknown.add('sites');
    await expect(
      run(cluster, (context) => installController(context, { namespaceScope: true }), { namespace: 'west' }),
    ).rejects.toMatchObject({ message: expect.stringContaining('kinds are not in cluster "east"') });
  });

  it('prints manifests without a cluster', async () => {
    const image = 'registry.example/skuprt:9';
    const { out } = await run(undefined, (context) =>
      installController(context, { dryRun: true, output: 'yaml', image }),
    );
    const documents = parseAllDocuments(out).map((document) => document.toJS() as KubeObject);
    expect(documents.map(({ kind }) => kind)).toEqual(WANTED.map(({ kind }) => kind));
    expect(out).toContain(`image: ${image}`);
    const names = await run(undefined, (context) => installController(context, { dryRun: true, output: 'name' }));
    expect(names.out.split('\n')).toContain('deployment/skupper-controller');
  });

  it('times out with what it waits for', async () => {
    const cluster = livingCluster();
    const { act } = cluster;
    cluster.act = (it) => {
      act(it);
      const deployment = it.find('deployments', 'skupper-controller', 'skupper');
      if (deployment) deployment.status = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 0 };
    };
    cluster.put('pods', {
      metadata: { name: 'p', namespace: 'skupper', labels: { application: 'skupper-controller' } },
      status: { containerStatuses: [{ state: { waiting: { reason: 'ErrImagePull', message: 'no such image' } } }] },
    });
    await expect(install(cluster, { timeout: 1 })).rejects.toMatchObject({
      code: 'SKUPRT_CLI_TIMED_OUT',
      message: expect.stringContaining('0 of 2 ready; ErrImagePull: no such image'),
    });
  });
});

describe('install, over what is there', () => {
  const other = { labels: { application: 'skupper-controller' }, annotations: {} };
  const newer = { annotations: { 'skuprt.io/version': '99.0.0' } };
  const binding = WANTED.find(({ kind }) => kind === 'ClusterRoleBinding')!;
  const elsewhere = {
    ...binding,
    subjects: [{ kind: 'ServiceAccount', name: 'skupper-controller', namespace: 'other' }],
  };

  it.each([
    ["somebody else's controller", DEPLOYMENT, other, "somebody else's"],
    ['a newer controller', DEPLOYMENT, newer, 'newer version 99.0.0'],
    ['one of Helm', DEPLOYMENT, { labels: { 'app.kubernetes.io/managed-by': 'Helm' } }, 'helm upgrade'],
    ['one in another namespace', elsewhere, {}, 'namespace other'],
  ])('refuses %s and changes nothing, but by force', async (_, object, metadata, reason) => {
    const cluster = livingCluster();
    present(cluster, object, metadata);
    await expect(install(cluster)).rejects.toMatchObject({
      code: 'SKUPRT_CLI_FAILED',
      message: expect.stringContaining(reason),
    });
    expect(cluster.writes).toEqual([]);
    await install(cluster, { force: true });
    expect(cluster.objects.size).toBe(WANTED.length);
  });

  it("leaves nothing of somebody else's Deployment", async () => {
    const cluster = livingCluster();
    present(
      cluster,
      { ...DEPLOYMENT, spec: { template: { spec: { containers: [{ name: 'old', command: ['/app'] }] } } } },
      other,
    );
    await install(cluster, { force: true });
    expect(cluster.writes).toContain('delete deployments/skupper-controller');
    expect(JSON.stringify(cluster.find('deployments', 'skupper-controller', 'skupper'))).not.toContain('/app');
  });

  it('leaves a namespace that was there before to its owner', async () => {
    const cluster = livingCluster();
    cluster.put('namespaces', { metadata: { name: 'skupper' } });
    await install(cluster);
    await uninstall(cluster);
    expect(cluster.objects.has('namespaces//skupper')).toBe(true);
  });

  const sites = WANTED.find(({ metadata }) => metadata.name === 'sites.skupper.io')!;

  it('keeps a newer kind, and says so', async () => {
    const cluster = livingCluster();
    present(cluster, sites, newer);
    const { err } = await install(cluster);
    expect(err).toContain('Kept sites.skupper.io as it is: it is of the newer version 99.0.0');
    expect(cluster.writes).not.toContain('apply customresourcedefinitions/sites.skupper.io');
  });

  it("replaces Skupper's kinds, unless they have members that would be lost", async () => {
    const cluster = livingCluster();
    const foreign = structuredClone(sites);
    foreign.metadata = { name: foreign.metadata.name };
    cluster.put('customresourcedefinitions', foreign);
    await install(cluster);
    expect(cluster.writes).toContain('apply customresourcedefinitions/sites.skupper.io');

    const text = JSON.stringify(foreign).replace('"linkAccess":', '"novelty":{"type":"string"},"linkAccess":');
    const another = livingCluster();
    another.put('customresourcedefinitions', JSON.parse(text) as KubeObject);
    expect((await install(another)).err).toContain('members that this version does not know: spec.novelty');
    expect(another.writes).not.toContain('apply customresourcedefinitions/sites.skupper.io');
  });
});

describe('install, with settings of the controller', () => {
  const NODEPORT = { enabledAccessTypes: 'local,nodeport', defaultAccessType: 'nodeport', clusterHost: '192.0.2.10' };
  const variables = (cluster: FakeCluster) => {
    const { template } = cluster.find('deployments', 'skupper-controller', 'skupper')!.spec as {
      template: { spec: { containers: [{ env: { name: string; value?: string }[] }] } };
    };
    const { env } = template.spec.containers[0];
    return Object.fromEntries(
      env.filter(({ name }) => /ACCESS|HOST/.test(name)).map(({ name, value }) => [name, value]),
    );
  };
  const WANTED_VARIABLES = {
    SKUPPER_ENABLED_ACCESS_TYPES: 'local,nodeport',
    SKUPPER_DEFAULT_ACCESS_TYPE: 'nodeport',
    SKUPPER_CLUSTER_HOST: '192.0.2.10',
  };

  it('gives them to the controller as variables', async () => {
    const cluster = livingCluster();
    await install(cluster, NODEPORT);
    expect(variables(cluster)).toEqual(WANTED_VARIABLES);
  });

  it('keeps those that are not given the next time', async () => {
    const cluster = livingCluster();
    await install(cluster, NODEPORT);
    expect((await install(cluster)).err).toContain('Nothing to do');
    await run(cluster, (context) => upgradeController(context, { clusterHost: '192.0.2.11' }));
    expect(variables(cluster)).toEqual({ ...WANTED_VARIABLES, SKUPPER_CLUSTER_HOST: '192.0.2.11' });
  });

  it.each([
    [{ enabledAccessTypes: 'local,nodeprot' }, '--enabled-access-types: "nodeprot" is not an access type'],
    [{ enabledAccessTypes: 'nodeport' }, '--cluster-host: must be given for access type nodeport'],
    [{ defaultAccessType: 'gateway' }, '--default-access-type: "gateway" is not among the enabled access types'],
  ])('refuses %j, with which it would not start, before anything is changed', async (flags, message) => {
    const cluster = livingCluster();
    await expect(install(cluster, flags)).rejects.toThrow(message);
    expect(cluster.writes).toEqual([]);
  });
});

describe('upgrade', () => {
  it('needs an installation', async () => {
    await expect(run(livingCluster(), (context) => upgradeController(context))).rejects.toMatchObject({
      code: 'SKUPRT_CLI_NOT_FOUND',
    });
  });

  it('goes on from the version and the registry that are there', async () => {
    const cluster = livingCluster();
    await install(cluster, { image: 'registry.example:5000/mirror/skuprt:0.0.1' });
    cluster.find('deployments', 'skupper-controller', 'skupper')!.metadata.annotations!['skuprt.io/version'] = '0.0.1';
    const { err } = await run(cluster, (context) => upgradeController(context));
    expect(err).toContain(`from version 0.0.1 to ${RELEASE}`);
    expect(imageOf(cluster)).toBe(`registry.example:5000/mirror/skuprt:${RELEASE}`);
  });

  it('keeps to the namespace of a controller that serves one', async () => {
    const cluster = livingCluster();
    const inWest = { namespace: 'west' };
    await run(cluster, (context) => installController(context, { namespaceScope: true }), inWest);
    await run(cluster, (context) => upgradeController(context, { namespaceScope: true }), inWest);
    expect(keys(cluster).filter((key) => key.startsWith('clusterrole'))).toEqual([]);
  });
});

describe('uninstall', () => {
  it('removes what was made and leaves the kinds', async () => {
    const cluster = livingCluster();
    await install(cluster);
    cluster.put('secrets', { metadata: { name: 'skupper-grant-server', namespace: 'skupper' } });
    expect((await uninstall(cluster)).err).toContain('Its kinds stay.');
    expect(keys(cluster).filter((key) => !key.startsWith('customresourcedefinitions/'))).toEqual([]);
    expect(cluster.objects.size).toBe(WANTED.filter(({ kind }) => kind === 'CustomResourceDefinition').length);
  });

  it('removes the kinds when asked', async () => {
    const cluster = livingCluster();
    await install(cluster);
    await uninstall(cluster, { crds: true });
    expect(keys(cluster)).toEqual([]);
  });

  it('is refused while there are sites, but by force', async () => {
    const cluster = livingCluster();
    await install(cluster);
    cluster.put('sites', { metadata: { name: 'east', namespace: 'apps' } });
    await expect(uninstall(cluster)).rejects.toMatchObject({ message: expect.stringContaining('apps/east') });
    expect(cluster.find('deployments', 'skupper-controller', 'skupper')).toBeDefined();
    expect((await uninstall(cluster, { force: true })).err).toContain('a site runs on without it');
    expect(cluster.find('sites', 'east', 'apps')).toBeDefined();
  });

  it('asks', async () => {
    const cluster = livingCluster();
    await install(cluster);
    await expect(uninstall(cluster, { yes: false })).rejects.toMatchObject({ next: 'Add --yes' });
    expect(cluster.objects.size).toBe(WANTED.length);
  });

  it("leaves the namespace when something of somebody else's runs in it", async () => {
    const cluster = livingCluster();
    await install(cluster);
    cluster.put('deployments', { metadata: { name: 'grafana', namespace: 'skupper' } });
    await uninstall(cluster);
    expect(keys(cluster).filter((key) => key.startsWith('namespaces/'))).toEqual(['namespaces//skupper']);
  });

  it('leaves what Helm made to Helm', async () => {
    const cluster = livingCluster();
    await install(cluster);
    cluster.find('deployments', 'skupper-controller', 'skupper')!.metadata.labels!['app.kubernetes.io/managed-by'] =
      'Helm';
    await expect(uninstall(cluster)).rejects.toMatchObject({ next: expect.stringContaining('helm uninstall') });
    expect(cluster.objects.size).toBe(WANTED.length);
  });

  it("leaves somebody else's controller", async () => {
    const cluster = livingCluster();
    present(cluster, DEPLOYMENT, { labels: {} });
    await expect(uninstall(cluster)).rejects.toMatchObject({ code: 'SKUPRT_CLI_NOT_FOUND' });
    expect(cluster.objects.size).toBe(1);
  });
});

describe('versions', () => {
  it.each([
    ['1.2.3', '1.2.3', 0],
    ['1.2.3', '1.10.0', -1],
    ['2.0.0', '1.9.9', 1],
    ['1.0.0-rc.2', '1.0.0', -1],
    ['1.0.0-rc.10', '1.0.0-rc.2', 1],
    ['1.0.0+build', '1.0.0', 0],
    ['unknown', '0.0.1', -1],
  ])('%s against %s', (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
    expect(Math.sign(compareVersions(b, a))).toBe(0 - sign);
  });

  it.each([
    ['the usual one', 'skuprt/skuprt:1.0.0', 'skuprt/skuprt:2.0.0'],
    ['of a mirror', 'reg.example:5000/m/skuprt:1.0.0', 'reg.example:5000/m/skuprt:2.0.0'],
    ["of one's own", 'localhost/skuprt:dev', 'localhost/skuprt:dev'],
    ['without a tag', 'reg.example:5000/skuprt', 'reg.example:5000/skuprt'],
  ])('the image of an upgrade: %s', (_, image, expected) => {
    expect(nextImage(image, '1.0.0', 'skuprt/skuprt:2.0.0', '2.0.0')).toBe(expected);
  });
});

describe('readiness', () => {
  const deployment = (status: object, generation = 1): KubeObject => ({
    ...DEPLOYMENT,
    metadata: { ...DEPLOYMENT.metadata, generation },
    status,
  });

  it.each([
    ['all run the wanted version', READY, undefined],
    ['the change is not seen yet', { ...READY, observedGeneration: 0 }, '2 of 2 ready'],
    ['an old one is still there', { ...READY, replicas: 3 }, '2 of 2 ready'],
    ['one is new', { ...READY, updatedReplicas: 1 }, '1 of 2 ready'],
    ['nothing is known', {}, '0 of 2 ready'],
    [
      'pods are refused',
      { conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'exceeded quota' }] },
      '0 of 2 ready; exceeded quota',
    ],
  ])('of a Deployment when %s', (_, status, pending) => {
    expect(deploymentPending(deployment(status), [])).toBe(pending);
  });

  it('of a Deployment says why a pod has no node', () => {
    const conditions = [{ type: 'PodScheduled', status: 'False', message: '0/3 nodes are available' }];
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, status: { conditions } };
    expect(deploymentPending(deployment({}), [pod])).toContain('0/3 nodes are available');
  });

  it('of a kind', () => {
    const definition = (status: object): KubeObject => ({ ...WANTED[1]!, status });
    expect(definitionPending(definition(ESTABLISHED))).toBeUndefined();
    expect(definitionPending(definition({}))).toContain('not served yet');
    const conflict = { conditions: [{ type: 'NamesAccepted', status: 'False', message: '"gr" is taken' }] };
    expect(definitionPending(definition(conflict))).toContain('"gr" is taken');
  });
});
