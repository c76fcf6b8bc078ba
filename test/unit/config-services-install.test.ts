import { describe, expect, it } from 'vitest';
import { installController, upgradeController } from '../../cli/commands/install/install.ts';
import { installManifests, serviceManifests } from '../../cli/commands/install/manifests.ts';
import { uninstallController } from '../../cli/commands/install/uninstall.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import type { FakeCluster } from '../support/cli-cluster.ts';
import { livingCluster, present, run } from '../support/installation.ts';

const WANTED = installManifests({ scope: 'cluster', namespace: 'skupper' });
const SERVICES = serviceManifests('skupper');
const DEFINITIONS = SERVICES.filter(({ kind }) => kind === 'CustomResourceDefinition');
const EXPORTS = DEFINITIONS.find(({ metadata }) => metadata.name.startsWith('serviceexports.'))!;
const RELEASE = 'multicluster.x-k8s.io/release-version';
const REVISION = 'multicluster.x-k8s.io/crd-schema-revision';

const install = (cluster: FakeCluster, flags: object = {}) =>
  run(cluster, (context) => installController(context, flags));
const uninstall = (cluster: FakeCluster, flags: object = {}) =>
  run(cluster, (context) => uninstallController(context, { yes: true, ...flags }));

function argumentsOf(cluster: FakeCluster, name: string): string[] {
  const spec = cluster.find('deployments', name, 'skupper')?.spec as
    | { template: { spec: { containers: [{ args: string[] }] } } }
    | undefined;
  return spec?.template.spec.containers[0].args ?? [];
}

const settingsOf = (cluster: FakeCluster) =>
  ['skuprt-service-controller', 'skuprt-dns']
    .flatMap((name) => argumentsOf(cluster, name))
    .filter((text) => text.includes('=') && !text.startsWith('--metrics-port'));

const crdKey = (name: string) => `customresourcedefinitions//${name}`;
const hasServices = (cluster: FakeCluster) => cluster.find('deployments', 'skuprt-dns', 'skupper') !== undefined;

/** The official kind as somebody else installed it: of this release, with these versions served. */
function foreign(release: string | undefined, served = ['v1beta1', 'v1alpha1'], revision = '0'): KubeObject {
  const { spec } = structuredClone(EXPORTS) as KubeObject & { spec: { versions: { name: string }[] } };
  const versions = spec.versions
    .filter(({ name }) => served.includes(name))
    .map((version, index) => ({ ...version, storage: index === 0 }));
  const labels: Record<string, string> = release === undefined ? {} : { [RELEASE]: release, [REVISION]: revision };
  return { ...EXPORTS, metadata: { name: EXPORTS.metadata.name, labels }, spec: { ...spec, versions } };
}

describe('install, with services of a cluster set', () => {
  it('is what it does when nothing is said', async () => {
    const cluster = livingCluster();
    await install(cluster);
    expect(
      SERVICES.filter(
        ({ kind, metadata }) => !WANTED.some((it) => it.kind === kind && it.metadata.name === metadata.name),
      ),
    ).toEqual([]);
    expect(argumentsOf(cluster, 'skuprt-service-controller')).toEqual([
      'service-controller',
      '--leader-elect',
      '--metrics-port=9000',
    ]);
    expect(argumentsOf(cluster, 'skuprt-dns')).toEqual(['dns', 'serve', '--metrics-port=9000']);
  });

  it('waits for each process, and says which one does not come up', async () => {
    const cluster = livingCluster();
    const { act } = cluster;
    cluster.act = (it) => {
      act(it);
      const dns = it.find('deployments', 'skuprt-dns', 'skupper');
      if (dns) dns.status = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 1 };
    };
    await expect(install(cluster, { timeout: 1 })).rejects.toMatchObject({
      message: expect.stringContaining('skuprt-dns: 1 of 2 ready'),
    });
  });

  it('gives each process its settings, and keeps them the next time', async () => {
    const cluster = livingCluster();
    await install(cluster, {
      clusterId: 'east',
      clusterSet: 'blue',
      dnsZones: 'blue.local,clusterset.local',
      dnsDomain: 'apps.example.com',
    });
    const expected = [
      '--cluster-id=east',
      '--cluster-set=blue',
      '--external-domain=apps.example.com',
      '--zones=blue.local,clusterset.local',
      '--domain=apps.example.com',
    ];
    expect(settingsOf(cluster)).toEqual(expected);
    expect((await install(cluster)).err).toContain('Nothing to do');
    await run(cluster, (context) => upgradeController(context, { clusterSet: 'green', dnsDomain: '' }));
    expect(settingsOf(cluster)).toEqual([expected[0], '--cluster-set=green', expected[3]]);
  });

  it.each([
    [{ clusterId: 'East' }, '--cluster-id: "East" must be one DNS label'],
    [{ clusterId: 'a.b' }, '--cluster-id'],
    [{ clusterSet: 'x'.repeat(129) }, '--cluster-set'],
    [{ dnsZones: 'a.local,,b.local' }, '--dns-zones'],
    [{ dnsZones: `${'a'.repeat(60)}.`.repeat(4).slice(0, -1) }, '--dns-zones'],
    [{ dnsDomain: 'com' }, '--dns-domain: "com" must be a DNS name such as example.com'],
    [{ clusterId: 'east', services: false }, '--cluster-id: not with --no-services'],
  ])('refuses %j before anything is changed', async (flags, message) => {
    const cluster = livingCluster();
    await expect(install(cluster, flags)).rejects.toThrow(message);
    expect(cluster.writes).toEqual([]);
  });

  it('is not for one namespace', async () => {
    const inWest = { namespace: 'west' };
    const cluster = livingCluster();
    const attempt = run(
      cluster,
      (context) => installController(context, { namespaceScope: true, clusterId: 'a' }),
      inWest,
    );
    await expect(attempt).rejects.toThrow('--cluster-id: services of a cluster set are of the whole cluster');
    await run(cluster, (context) => installController(context, { namespaceScope: true }), inWest);
    expect(
      [...cluster.objects.keys()].filter((key) => /serviceexports|skuprt-dns|service-controller/.test(key)),
    ).toEqual([]);
  });
});

describe('install, without services', () => {
  it('makes nothing of them, and remembers it', async () => {
    const cluster = livingCluster();
    await install(cluster, { services: false });
    expect(cluster.objects.size).toBe(WANTED.length - SERVICES.length);
    expect((await install(cluster)).err).toContain('Nothing to do');
    await run(cluster, (context) => upgradeController(context));
    expect(hasServices(cluster)).toBe(false);
    await install(cluster, { services: true });
    expect(cluster.objects.size).toBe(WANTED.length);
    // Said again is said for later too.
    await install(cluster);
    expect(hasServices(cluster)).toBe(true);
  });

  it('removes those that are there with what they made; exports and the name of the cluster stay', async () => {
    const cluster = livingCluster();
    await install(cluster);
    const made = { 'app.kubernetes.io/managed-by': 'skuprt-service-controller' };
    const put = (plural: string, name: string, labels: Record<string, string> = {}) =>
      cluster.put(plural, { metadata: { name, namespace: 'apps', labels } });
    for (const plural of [
      'serviceimports',
      'services',
      'endpointslices',
      'connectors',
      'listeners',
      'multikeylisteners',
      'dnsendpoints',
    ]) {
      put(plural, 'derived', made);
      put(plural, 'other');
    }
    put('serviceexports', 'be-svc');
    cluster.put('clusterproperties', { metadata: { name: 'cluster.clusterset.k8s.io', labels: made } });
    cluster.put('leases', { metadata: { name: 'skuprt-service-controller', namespace: 'skupper' } });
    const { err } = await install(cluster, { services: false });
    expect(err).toContain('Changed the controller');
    const left = [...cluster.objects.keys()];
    expect(left.filter((key) => key.endsWith('/derived'))).toEqual([]);
    expect(left.filter((key) => key.endsWith('/other'))).toHaveLength(7);
    expect(left.filter((key) => /skuprt-(dns|service-controller)/.test(key))).toEqual([]);
    expect(left).toContain('serviceexports/apps/be-svc');
    expect(left).toContain('clusterproperties//cluster.clusterset.k8s.io');
    for (const { metadata } of DEFINITIONS) expect(left).toContain(crdKey(metadata.name));
  });
});

describe('install, where the kinds are there', () => {
  const isKept = (cluster: FakeCluster) =>
    !cluster.writes.includes(`apply customresourcedefinitions/${EXPORTS.metadata.name}`);

  it.each([
    ['a newer release', foreign('v0.6.0'), 'it is of the newer release v0.6.0'],
    ['a newer revision', foreign('v0.5.0', undefined, '2'), 'it is of the newer release v0.5.0, revision 2'],
    ['a later one by number, not by letters', foreign('v0.10.0'), 'it is of the newer release v0.10.0'],
    ['the same release', foreign('v0.5.0'), 'somebody else installed it, of release v0.5.0; --force replaces it'],
    ['an older release', foreign('v0.4.1'), 'somebody else installed it, of release v0.4.1'],
    ['no release that it tells', foreign(undefined), 'somebody else installed it; --force replaces it'],
  ])('leaves them alone and says so: %s', async (_, there, why) => {
    const cluster = livingCluster();
    cluster.put('customresourcedefinitions', there);
    const { err } = await install(cluster);
    expect(err).toContain(`Kept serviceexports.multicluster.x-k8s.io as it is: ${why}`);
    expect(err).not.toContain('does not serve');
    expect(isKept(cluster)).toBe(true);
    expect(hasServices(cluster)).toBe(true);
  });

  it.each([
    [
      'v0.4.1',
      ['v1alpha1'],
      'it does not serve v1beta1, without which services of the cluster set do not work: install the official release v0.5.0 or later',
    ],
    ['v0.6.0', ['v1beta1'], 'it does not serve v1alpha1, which older clients speak'],
  ])('says what is missing in one of %s that serves %s', async (release, served, advice) => {
    const cluster = livingCluster();
    cluster.put('customresourcedefinitions', foreign(release, served));
    expect((await install(cluster)).err).toContain(advice);
  });

  it('says what one lacks that serves all versions', async () => {
    const cluster = livingCluster();
    const text = JSON.stringify(foreign('v0.5.0')).replaceAll('"clusterSelectors":', '"other":');
    cluster.put('customresourcedefinitions', JSON.parse(text) as KubeObject);
    expect((await install(cluster)).err).toContain('--force replaces it; it does not have spec.clusterSelectors\n');
  });

  it('replaces an older one by force, and leaves it when all is removed', async () => {
    const cluster = livingCluster();
    cluster.put('customresourcedefinitions', foreign('v0.4.1'));
    await install(cluster, { force: true });
    expect(isKept(cluster)).toBe(false);
    // From then on it is kept up to date as one of ours.
    expect((await install(cluster)).err).toContain('Nothing to do');
    await uninstall(cluster, { crds: true });
    expect([...cluster.objects.keys()]).toEqual([crdKey(EXPORTS.metadata.name)]);
  });

  it('replaces nothing newer, even by force', async () => {
    const cluster = livingCluster();
    cluster.put('customresourcedefinitions', foreign('v0.6.0'));
    expect((await install(cluster, { force: true })).err).toContain('newer release v0.6.0');
    expect(isKept(cluster)).toBe(true);
  });

  it('replaces nothing by force whose members would be lost', async () => {
    const cluster = livingCluster();
    const text = JSON.stringify(foreign('v0.5.0')).replaceAll(
      '"exportedLabels":',
      '"novelty":{"type":"string"},"exportedLabels":',
    );
    cluster.put('customresourcedefinitions', JSON.parse(text) as KubeObject);
    expect((await install(cluster, { force: true })).err).toContain(
      'members that this version does not know: spec.novelty',
    );
    expect(isKept(cluster)).toBe(true);
  });

  it('keeps one of ours over which a newer release was installed', async () => {
    const cluster = livingCluster();
    present(cluster, EXPORTS, { labels: { ...EXPORTS.metadata.labels, [RELEASE]: 'v0.6.0' } });
    expect((await install(cluster)).err).toContain('newer release v0.6.0');
    expect(isKept(cluster)).toBe(true);
  });

  it('brings older ones of ours up to date', async () => {
    const cluster = livingCluster();
    present(cluster, EXPORTS, {
      labels: { ...EXPORTS.metadata.labels, [RELEASE]: 'v0.4.1' },
      annotations: { 'skuprt.io/version': '0.0.1' },
    });
    await install(cluster);
    expect(isKept(cluster)).toBe(false);
    await uninstall(cluster, { crds: true });
    expect([...cluster.objects.keys()]).toEqual([]);
  });

  it('leaves kinds that somebody else made when all is removed', async () => {
    const cluster = livingCluster();
    cluster.put('customresourcedefinitions', foreign('v0.5.0'));
    await install(cluster);
    const { err } = await uninstall(cluster, { crds: true });
    expect([...cluster.objects.keys()]).toEqual([crdKey(EXPORTS.metadata.name)]);
    expect(err).toContain('serviceexports.multicluster.x-k8s.io stays: somebody else installed it');
  });

  it('needs the kinds of Skupper only where those are kept from it', async () => {
    const cluster = livingCluster();
    cluster.unknown.add('sites');
    cluster.put('customresourcedefinitions', foreign('v0.5.0'));
    await install(cluster);
    expect(hasServices(cluster)).toBe(true);
  });
});

describe('install, with DNSEndpoints', () => {
  const NAME = 'dnsendpoints.externaldns.k8s.io';

  it('adds the kind only when asked, and removes it with the others', async () => {
    const cluster = livingCluster();
    await install(cluster);
    expect(cluster.objects.has(crdKey(NAME))).toBe(false);
    await install(cluster, { dnsEndpoints: true });
    expect(cluster.objects.has(crdKey(NAME))).toBe(true);
    await install(cluster);
    expect(cluster.objects.has(crdKey(NAME))).toBe(true);
    await uninstall(cluster, { crds: true });
    expect([...cluster.objects.keys()]).toEqual([]);
  });

  it('never puts it over that of external-dns, even by force', async () => {
    const cluster = livingCluster();
    const theirs = installManifests({ scope: 'cluster', namespace: 'skupper', dnsEndpoints: true }).find(
      ({ metadata }) => metadata.name === NAME,
    )!;
    cluster.put('customresourcedefinitions', { ...theirs, metadata: { name: NAME } });
    const { err } = await install(cluster, { dnsEndpoints: true, force: true });
    expect(err).toContain(`Kept ${NAME} as it is: it belongs to external-dns`);
    expect(cluster.writes).not.toContain(`apply customresourcedefinitions/${NAME}`);
    await uninstall(cluster, { crds: true });
    expect([...cluster.objects.keys()]).toEqual([crdKey(NAME)]);
  });
});

describe('uninstall', () => {
  it('waits for the service-controller before it removes what that made', async () => {
    const cluster = livingCluster();
    await install(cluster);
    const labels = { application: 'skuprt-service-controller' };
    cluster.put('pods', { metadata: { name: 'p', namespace: 'skupper', labels } });
    cluster.put('serviceimports', {
      metadata: {
        name: 'be',
        namespace: 'apps',
        labels: { 'app.kubernetes.io/managed-by': 'skuprt-service-controller' },
      },
    });
    await expect(uninstall(cluster, { timeout: 1 })).rejects.toMatchObject({
      message: expect.stringContaining('the service-controller to be gone: pod p ends'),
    });
    expect(cluster.find('serviceimports', 'be', 'apps')).toBeDefined();
    cluster.objects.delete('pods/skupper/p');
    await uninstall(cluster);
    expect(cluster.find('serviceimports', 'be', 'apps')).toBeUndefined();
  });

  it('lets no pod of ours keep the namespace', async () => {
    const cluster = livingCluster();
    await install(cluster);
    cluster.put('pods', { metadata: { name: 'p', namespace: 'skupper', labels: { application: 'skuprt-dns' } } });
    await uninstall(cluster);
    expect(cluster.objects.has('namespaces//skupper')).toBe(false);
  });
});
