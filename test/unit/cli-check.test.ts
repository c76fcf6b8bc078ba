/** `check` and `debug dump` on a cluster: what they tell, and what they never tell. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findingsText } from '../../cli/commands/check/finding.ts';
import { certificateFindings } from '../../cli/commands/check/site.ts';
import { newSite } from '../../cli/commands/site/resource.ts';
import { KINDS, type ResourceOf } from '../../config/api/index.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { createCa, issueCertificate } from '../../site-controller/pki/authority.ts';
import { sitePaths } from '../../site-controller/platform/local/paths.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { Authority } from '../support/authority.ts';
import { runHere } from '../support/cli.ts';
import { FakeCluster, settleAll, withController } from '../support/cli-cluster.ts';

let home: string;
let cluster: FakeCluster;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'skuprt-cli-check-'));
  writeFileSync(
    join(home, 'config'),
    JSON.stringify({ 'current-context': 'w', contexts: [{ name: 'w', context: {} }] }),
  );
  cluster = new FakeCluster();
  cluster.answers.set('/version', { gitVersion: 'v1.34.0', minor: '34' });
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

const run = (...args: string[]) =>
  runHere(args, {
    env: { XDG_DATA_HOME: home, KUBECONFIG: join(home, 'config') },
    connect: () => Promise.resolve(cluster),
  });

function installed(): void {
  const resources = Object.values(KINDS).map(({ plural }) => ({ name: plural }));
  cluster.answers.set('/apis/skupper.io/v2alpha1', { resources });
  withController(cluster);
  cluster.put('endpointslices', {
    metadata: { name: 'dns', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
    endpoints: [{ conditions: { ready: true } }],
  });
  cluster.create = async (_api, object: KubeObject) => ({ ...object, status: { allowed: true } });
}

describe('check', () => {
  it('says before an install what is missing, and fails nothing for it', async () => {
    const { code, out } = await run('check');
    expect(code).toBe(0);
    expect(out).toMatch(/^ok {4}API server +v1\.34\.0$/m);
    expect(out).toMatch(/^warn {2}kinds +skupper.io\/v2alpha1 is not installed$/m);
    expect(out).toMatch(/^warn {2}controller +there is none\n.*skuprt install$/m);
    expect(out).toMatch(/^warn {2}rights to install +missing: create customresourcedefinitions/m);
  });

  it('says what is wrong after it, with the next step, and ends with exit 1', async () => {
    installed();
    cluster.put('sites', { metadata: { name: 'west', namespace: 'default' }, spec: {} });
    cluster.put('links', { metadata: { name: 'east', namespace: 'default' }, spec: { endpoints: [] } });
    settleAll(cluster);
    const link = cluster.find('links', 'east')!;
    for (const one of (link.status as { conditions: object[] }).conditions)
      Object.assign(one, { status: 'False', reason: 'Pending', message: 'no route' });
    const { code, out, err } = await run('check');
    expect(code).toBe(1);
    expect(out).toMatch(/^ok {4}kinds/m);
    expect(out).toMatch(/^ok {4}controller skupper\/skupper-controller +ready: skuprt:1$/m);
    expect(out).toMatch(/^ok {4}rights to use it/m);
    expect(out).toMatch(/^ok {4}cluster DNS/m);
    expect(out).toMatch(/^ok {4}site west +ready$/m);
    expect(out).toMatch(/^fail {2}link east +no route\n +See skuprt link status east$/m);
    expect(err).toContain('1 of');
  });

  it('tells what it found when something may not be looked at', async () => {
    installed();
    cluster.put('sites', { metadata: { name: 'west', namespace: 'default' }, spec: {} });
    cluster.forbidden.add('list links');
    expect((await run('check')).out).toMatch(/^ok {4}kinds[\s\S]*^fail {2}site +not allowed to list links\n +Ask for/m);
  });

  it('is a contract with scripts as JSON', async () => {
    installed();
    const { out } = await run('check', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject({
      apiVersion: 'skuprt.io/v1alpha1',
      kind: 'CheckReport',
      items: expect.arrayContaining([{ check: 'API server', result: 'ok', message: 'v1.34.0' }]),
    });
  });

  it('says nothing else of a server that does not answer', async () => {
    cluster.answers.clear();
    expect(await run('check')).toMatchObject({ code: 1, out: expect.stringMatching(/^fail {2}API server.*\n.*\n$/) });
  });

  it('of routers names the container that does not start', async () => {
    installed();
    cluster.put('pods', {
      metadata: { name: 'r-1', namespace: 'default', labels: { 'skupper.io/component': 'router' } },
      status: {
        phase: 'Pending',
        containerStatuses: [{ name: 'router', state: { waiting: { reason: 'ImagePullBackOff' } } }],
      },
    });
    expect((await run('check')).out).toMatch(/^fail {2}router r-1 +router: ImagePullBackOff$/m);
  });

  it('of certificates warns in time', () => {
    const now = Date.parse('2026-01-01T00:00:00Z');
    const certificate = (name: string, expiration: string): ResourceOf<'Certificate'> => ({
      apiVersion: 'skupper.io/v2alpha1',
      kind: 'Certificate',
      metadata: { name },
      spec: { ca: '', subject: name },
      status: { expiration },
    });
    const [fresh, soon, over] = [
      certificate('a', '2027-01-01T00:00:00Z'),
      certificate('b', '2026-01-03T00:00:00Z'),
      certificate('c', '2025-12-31T00:00:00Z'),
    ];
    expect(findingsText(certificateFindings([fresh!], now))).toBe('ok    certificates  1 in force\n');
    expect(certificateFindings([fresh!, soon!, over!], now).map(({ check, result }) => `${result} ${check}`)).toEqual([
      'warn certificate b',
      'fail certificate c',
    ]);
  });
});

describe('check of what goes along with links and policies', () => {
  const soon = withinDays(3);
  const fresh = withinDays(30);

  /** A certificate for that long, as the data of a Secret. */
  function withinDays(days: number): Record<string, string> {
    const [now, validMs] = [Date.now(), days * 86_400_000];
    const ca = createCa({ commonName: 'CA', validMs, now });
    const issued = issueCertificate({ ca, subject: 'west', hosts: [], uris: [], usages: ['client'], validMs, now });
    const text = (value: string) => Buffer.from(value).toString('base64');
    return {
      'ca.crt': text(ca.certificate),
      'tls.crt': text(issued.certificate),
      'tls.key': text(issued.privateKey),
    };
  }

  function linked(data: Record<string, string>): void {
    installed();
    cluster.put('sites', { metadata: { name: 'west', namespace: 'default' }, spec: {} });
    cluster.put('links', {
      metadata: { name: 'east', namespace: 'default' },
      spec: { tlsCredentials: 'east-tls', endpoints: [] },
    });
    cluster.put('secrets', { metadata: { name: 'east-tls', namespace: 'default' }, data });
    settleAll(cluster);
  }

  it("warns of a link's certificate that ends soon, and of no other", async () => {
    linked(soon);
    expect((await run('check')).out).toMatch(/^warn {2}certificate of link east +expires at .*\n +It is renewed/m);
    linked(fresh);
    expect((await run('check')).out).not.toContain('certificate of link');
  });

  it('says what the controller thinks of policies', async () => {
    linked(fresh);
    const conditions = (more: object[] = []) => [
      { type: 'Valid', status: 'True', reason: 'Ok', message: 'OK' },
      { type: 'Ready', status: 'True', reason: 'Ok', message: 'OK' },
      ...more,
    ];
    const policy = (plural: string, name: string, spec: object, list: object[]) =>
      cluster.put(plural, {
        metadata: { name, ...(plural === 'accesspolicies' && { namespace: 'default' }) },
        spec: { rules: [{ action: 'Allow' }], ...spec },
        status: { conditions: list },
      });
    policy('accesspolicies', 'plain', {}, conditions());
    policy('accesspolicies', 'rehearsed', { dryRun: true }, conditions());
    policy('accesspolicies', 'new', {}, []);
    policy('accesspolicies', 'wrong', {}, [{ type: 'Valid', status: 'False', message: 'rule 0 has limits' }]);
    const selectsNothing = {
      type: 'Warnings',
      status: 'True',
      reason: 'SelectsNothing',
      message: 'it selects no Listener',
    };
    policy('clusteraccesspolicies', 'wide', {}, conditions([selectsNothing]));
    const { code, out } = await run('check');
    expect(code).toBe(1);
    expect(out).toMatch(/^ok {4}policies +1 policy in force$/m);
    expect(out).toMatch(/^ok {4}policy rehearsed +refuses nothing: dryRun$/m);
    expect(out).toMatch(/^warn {2}policy new +no controller has taken it up yet$/m);
    expect(out).toMatch(/^fail {2}policy wrong +rule 0 has limits\n +See skuprt policy status wrong$/m);
    expect(out).toMatch(/^warn {2}cluster policy wide +it selects no Listener$/m);
    cluster.forbidden.add('list clusteraccesspolicies');
    expect((await run('check')).out).toMatch(/^ok {4}policies +1 policy in force$/m);
  });
});

describe('check of a local site', () => {
  const local = (...args: string[]) => runHere(['-n', 'west', ...args], { env: { XDG_DATA_HOME: home } });

  it('says that there is none, which is no failure', async () => {
    expect(await local('check')).toMatchObject({ code: 0, out: expect.stringMatching(/^warn {2}site +there is none/) });
  });

  it('fails when its process does not run, and tries the servers behind connectors', async () => {
    const store = new LocalStore(sitePaths(home, 'west'));
    await store.apply(newSite('west', { linkAccess: true }));
    await local('connector', 'create', 'dead', '1', '--host', '127.0.0.1', '--wait', 'none');
    const { code, out } = await local('check');
    expect(code).toBe(1);
    expect(out).toMatch(/^fail {2}process +the site of namespace "west" does not run\n +Start it: .*site start$/m);
    expect(out).toMatch(/^warn {2}server of connector dead +127\.0\.0\.1:1 does not answer: nothing listens there$/m);
  });
});

describe('debug dump of a cluster', () => {
  const CODE = 'GRANTCODE42';

  it('holds what helps and nothing that opens a door', async () => {
    installed();
    const { certificate, privateKey } = new Authority('dump').issue('west');
    const owned = { namespace: 'default', annotations: { 'skupper.io/x': 'y' } };
    cluster.put('sites', { metadata: { name: 'west', namespace: 'default' }, spec: {} });
    cluster.put('accessgrants', {
      metadata: { name: 'g', namespace: 'default' },
      spec: { code: CODE },
      status: { code: CODE },
    });
    cluster.put('accesstokens', {
      metadata: {
        name: 't',
        namespace: 'default',
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': `{"spec":{"code":"${CODE}"}}` },
      },
      spec: { code: CODE, url: 'https://h/1', ca: certificate },
    });
    cluster.put('secrets', {
      metadata: { name: 'skupper-site-ca', ...owned },
      data: { 'tls.key': base64(privateKey), 'tls.crt': base64(certificate) },
    });
    cluster.put('secrets', { metadata: { name: 'unrelated', namespace: 'default' }, data: { a: base64('x') } });
    cluster.put('configmaps', {
      metadata: { name: 'skupper-router', ...owned },
      data: { 'skrouterd.json': `[["proxyProfile",{"name":"p","password":"hunter2"}]]`, 'key.pem': privateKey },
    });
    cluster.put('pods', {
      metadata: { name: 'r-1', namespace: 'default', labels: { 'skupper.io/component': 'router' } },
      spec: { containers: [{ name: 'router' }] },
      status: { containerStatuses: [{ name: 'router', restartCount: 1 }] },
    });
    cluster.podLogs.set('r-1/router', `started\n${privateKey}`);
    cluster.podLogs.set('r-1/router/previous', 'crashed\n');
    cluster.forbidden.add('list nodes');
    const file = join(home, 'a_dump.tar.gz');
    expect(await run('debug', 'dump', file)).toMatchObject({ code: 0, out: '' });
    const content = gunzipSync(readFileSync(file)).toString();
    for (const secret of ['PRIVATE KEY', base64(privateKey).slice(0, 40), CODE, 'hunter2', 'unrelated']) {
      expect(content.includes(secret), secret.slice(0, 12)).toBe(false);
    }
    for (const expected of [
      'west',
      'r-1-router-previous.txt',
      'crashed',
      'skrouterd.json',
      'fingerprint',
      'nodes: not allowed',
    ]) {
      expect(content).toContain(expected);
    }
  });

  it('of a cluster without the kinds is refused', async () => {
    cluster.unknown.add('sites');
    expect(await run('debug', 'dump', join(home, 'x'))).toMatchObject({
      code: 1,
      err: expect.stringContaining('install'),
    });
  });
});

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
