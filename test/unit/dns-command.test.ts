/** `dns install`, `uninstall`, `status` on a cluster that is a map of objects. */
import { beforeEach, describe, expect, it } from 'vitest';
import { runHere } from '../support/cli.ts';
import { FakeCluster } from '../support/cli-cluster.ts';
import { COREFILES } from '../support/corefiles.ts';

let cluster: FakeCluster;
const run = (...args: string[]) => runHere(['-p', 'kubernetes', 'dns', ...args], { connect: async () => cluster });
const corefile = (name = 'coredns', key = 'Corefile') =>
  (cluster.find('configmaps', name, 'kube-system')!.data as Record<string, string>)[key];

function withCoreDns(text: string): void {
  cluster.put('configmaps', {
    metadata: { name: 'coredns', namespace: 'kube-system', resourceVersion: '7' },
    data: { Corefile: text },
  });
}

beforeEach(() => {
  cluster = new FakeCluster();
  withCoreDns(COREFILES.kubeadm!);
  cluster.put('services', {
    metadata: { name: 'skuprt-dns', namespace: 'skupper' },
    spec: { clusterIP: '10.96.0.99' },
  });
});

describe('install', () => {
  it('adds a block for each zone, says what to look at, and uninstall leaves no trace', async () => {
    const { code, err } = await run('install');
    expect(code, err).toBe(0);
    expect(corefile()).toContain('supercluster.local:53 {');
    expect(corefile()).toContain('clusterset.local:53 {');
    expect(corefile()).toContain('forward . 10.96.0.99');
    expect(err).toContain('dns-version.supercluster.local');
    expect((await run('uninstall')).code).toBe(0);
    expect(corefile()).toBe(COREFILES.kubeadm);
  });

  it('writes only what nobody changed meanwhile', async () => {
    await run('install', '--no-wait');
    expect(cluster.writes).toHaveLength(1);
    expect(cluster.writes[0]).toContain('"resourceVersion":"7"');
  });

  it('changes nothing the second time, and follows the address of the server', async () => {
    await run('install', '--no-wait');
    const once = corefile();
    expect((await run('install', '--no-wait')).err).toContain('already');
    expect(corefile()).toBe(once);
    expect(cluster.writes).toHaveLength(1);
    cluster.put('services', {
      metadata: { name: 'skuprt-dns', namespace: 'skupper' },
      spec: { clusterIP: 'fd00::99' },
    });
    await run('install', '--no-wait');
    expect(corefile()).toBe(once!.replaceAll('10.96.0.99', 'fd00::99'));
  });

  it('--dry-run shows the lines and writes nothing', async () => {
    const { code, out } = await run('install', '--dry-run', '--zones', 'clusterset.local');
    expect(code).toBe(0);
    expect(out).toContain('+clusterset.local:53 {');
    expect(out).not.toContain('supercluster');
    expect(cluster.writes).toEqual([]);
  });

  it.each([
    ['unbalanced', '.:53 {\n errors\n', 'line 1'],
    [
      'a block of somebody else',
      `${COREFILES.kubeadm}clusterset.local {\n forward . 192.0.2.1\n}\n`,
      'clusterset.local',
    ],
    ['a foreign import', `${COREFILES.kubeadm}import /some/where/*\n`, '/some/where/*'],
    [
      'multicluster',
      '.:53 {\n kubernetes a clusterset.local {\n multicluster clusterset.local\n }\n}\n',
      'multicluster',
    ],
  ])('refuses and changes nothing: %s', async (_name, text, said) => {
    withCoreDns(text);
    const { code, err } = await run('install');
    expect(code).toBe(2);
    expect(err).toContain(said);
    expect(err).toContain('Nothing was changed');
    expect(corefile()).toBe(text);
    expect(cluster.writes).toEqual([]);
  });

  it('looks into what users of k3s add', async () => {
    withCoreDns(COREFILES.k3s!);
    expect((await run('install', '--no-wait', '--dry-run')).code).toBe(0);
    cluster.put('configmaps', {
      metadata: { name: 'coredns-custom', namespace: 'kube-system' },
      data: { 'mine.server': 'clusterset.local:53 {\n forward . 192.0.2.1\n}\n' },
    });
    const { code, err } = await run('install', '--no-wait');
    expect(code).toBe(2);
    expect(err).toContain('clusterset.local');
  });

  it('takes a file of its own beside the Corefile, which goes again', async () => {
    withCoreDns(COREFILES.k3s!);
    const own = ['--configmap', 'kube-system/coredns-custom', '--key', 'skuprt.server'];
    expect((await run('install', '--no-wait', ...own)).code).toBe(0);
    expect(corefile('coredns-custom', 'skuprt.server')).toContain('clusterset.local:53 {');
    expect((await run('install', '--no-wait', ...own)).err).toContain('already');
    expect((await run('uninstall', ...own)).code).toBe(0);
    expect(corefile('coredns-custom', 'skuprt.server')).toBeUndefined();
    expect(corefile()).toBe(COREFILES.k3s);
  });

  it('says what is missing: our Service, its address, the ConfigMap, a right', async () => {
    expect(await run('install', '--service', 'a/b')).toMatchObject({
      code: 3,
      err: expect.stringContaining('Service "b"'),
    });
    cluster.put('services', { metadata: { name: 'skuprt-dns', namespace: 'skupper' }, spec: { clusterIP: 'None' } });
    expect(await run('install')).toMatchObject({ code: 3, err: expect.stringContaining('no cluster IP') });
    cluster.put('services', {
      metadata: { name: 'skuprt-dns', namespace: 'skupper' },
      spec: { clusterIP: '10.0.0.1' },
    });
    expect(await run('install', '--configmap', 'kube-system/rke2')).toMatchObject({
      code: 3,
      err: expect.stringContaining('"rke2"'),
    });
    cluster.forbidden.add('patch configmaps');
    expect(await run('install')).toMatchObject({
      code: 5,
      err: expect.stringContaining('not allowed to patch configmaps'),
    });
  });
});

it('status shows which zones CoreDNS hands to our server, and one that is stale', async () => {
  expect((await run('status')).out).toContain('Zones:   none');
  await run('install', '--no-wait');
  expect((await run('status')).out).toContain('supercluster.local to 10.96.0.99, clusterset.local to 10.96.0.99');
  cluster.put('services', {
    metadata: { name: 'skuprt-dns', namespace: 'skupper' },
    spec: { clusterIP: '10.96.0.11' },
  });
  const { out } = await run('status', '-o', 'json');
  expect(JSON.parse(out).coreDns.zones[0]).toEqual({
    zone: 'supercluster.local',
    address: '10.96.0.99',
    isCurrent: false,
  });
});

describe('serve', () => {
  const serve = (...args: string[]) => runHere(['-p', 'local', 'dns', 'serve', ...args]);

  it('refuses what makes no sense before it listens', async () => {
    expect(await serve('--listen', 'localhost:53')).toMatchObject({
      code: 2,
      err: expect.stringContaining('127.0.0.1:5353'),
    });
    expect(await serve('--listen', '::1:53')).toMatchObject({ code: 2 });
    expect(await serve('--zones', 'a..b')).toMatchObject({ code: 2 });
    expect(await serve('--short-names', 'other.local')).toMatchObject({
      code: 2,
      err: expect.stringContaining('other.local'),
    });
    expect(await serve('--domain', 'apps.example.com')).toMatchObject({
      code: 2,
      err: expect.stringContaining('clusters'),
    });
  });
});
