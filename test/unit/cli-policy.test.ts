/** `policy VERB` in this process, on local namespaces as files and on clusters as maps of objects. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { newSite } from '../../cli/commands/site/resource.ts';
import type { Surroundings } from '../../cli/context.ts';
import { KINDS } from '../../config/api/index.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import type { Explanation } from '../../lib/policy/explain.ts';
import { networkStatusOf } from '../../site-controller/exchange/network-status.ts';
import type { SiteContent } from '../../site-controller/exchange/record.ts';
import { sitePaths } from '../../site-controller/platform/local/paths.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { argumentsOf, runHere } from '../support/cli.ts';
import { FakeCluster } from '../support/cli-cluster.ts';

let dataHome: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  dataHome = mkdtempSync(join(tmpdir(), 'skuprt-policy-'));
  env = { XDG_DATA_HOME: dataHome, SKUPRT_PLATFORM: 'local' };
});

afterEach(() => rmSync(dataHome, { recursive: true, force: true }));

const run = (line: string, given: Partial<Surroundings> = {}) => runHere(argumentsOf(line), { env, ...given });

/** A namespace with its site, which does not run, and one end of service backend. */
async function withSite(namespace: string, end: 'Listener' | 'Connector'): Promise<LocalStore> {
  const store = new LocalStore(sitePaths(dataHome, namespace));
  await store.apply(newSite(namespace, { linkAccess: true }));
  await store.apply({
    apiVersion: KINDS[end].apiVersion,
    kind: end,
    metadata: { name: 'backend' },
    spec: { routingKey: 'backend:8080', host: '127.0.0.1', port: 8080 },
  });
  return store;
}

/** @returns its path, as a line has it */
function file(name: string, text: string): string {
  const path = join(dataHome, name);
  writeFileSync(path, text);
  return `'${path}'`;
}

const POLICY = 'apiVersion: skuprt.io/v1alpha1\nkind: AccessPolicy\nmetadata: { name: a }\n';

describe('policy create and generate', () => {
  it('write the same policy', async () => {
    const store = await withSite('east', 'Connector');
    const flags = 'backend --service backend --from-site west --concurrent-connections 5 --per Site --queue-length 10';
    const generated = await run(`-n east policy generate ${flags}`);
    expect(generated.code).toBe(0);
    expect(parse(generated.out)).toEqual({
      apiVersion: 'skuprt.io/v1alpha1',
      kind: 'AccessPolicy',
      metadata: { name: 'backend' },
      spec: {
        services: [{ names: ['backend'] }],
        rules: [
          {
            action: 'Limit',
            from: [{ sites: ['west'] }],
            limits: { concurrentConnections: 5, per: 'Site', queue: { length: 10, seconds: 5 } },
          },
        ],
      },
    });
    const created = await run(`-n east policy create ${flags} --wait none`);
    expect(created.code).toBe(0);
    expect(await store.get('AccessPolicy', 'backend')).toMatchObject({ spec: parse(generated.out).spec });
  });

  it.each([
    ['a --action Limit', 'Limits go with'],
    ['a --action Deny --bytes-per-second 5', 'Limits go with'],
    ['a --from-site west --per Site', 'are about limits'],
    ['a --queue-length 3', 'are about limits'],
    ['a --concurrent-connections 5 --queue-seconds 3', '--queue-seconds goes with --queue-length'],
    ['a --bytes-per-second 5 --queue-length 3', 'needs connectionsPerSecond or concurrentConnections'],
    ['a --from-site west --action Deny --verification link', 'A Deny holds however a client is known'],
    ['a --operation Link --service backend', 'Links are of no service'],
    ['a --service-namespace shop', '--cluster'],
    ['a --connections-per-second 5 --operation Link', 'may be Connect only'],
    ['a --from-site west --host x', 'goes with the operation Link'],
  ])('"%s" is refused with exit 2, and writes nothing', async (flags, reason) => {
    const store = await withSite('default', 'Connector');
    const { code, err } = await run(`policy create ${flags} --wait none`);
    expect(err).toContain(reason);
    expect(code).toBe(2);
    expect(await store.list('AccessPolicy')).toEqual([]);
  });
});

describe('policy apply', () => {
  it('warns about what is probably not meant, and writes it', async () => {
    const store = await withSite('default', 'Connector');
    const path = file('p.yaml', `${POLICY}spec: { services: [{ names: [backed] }], rules: [{ action: Allow }] }\n`);
    const { code, err } = await run(`policy apply ${path} --wait none`);
    expect(err).toContain('Warning: AccessPolicy "a": it selects no Listener or Connector of namespace default');
    expect(code).toBe(0);
    expect(await store.list('AccessPolicy')).toHaveLength(1);
  });

  it('writes nothing with --dry-run', async () => {
    const store = await withSite('default', 'Connector');
    const path = file('p.yaml', `${POLICY}spec: { rules: [{ action: Allow }] }\n`);
    const { code, out } = await run(`policy apply ${path} --dry-run`);
    expect(code).toBe(0);
    expect(parse(out)).toMatchObject({ kind: 'AccessPolicy' });
    expect(await store.list('AccessPolicy')).toEqual([]);
  });

  it.each([
    ['spec: { rules: [{ action: Limit }] }', 'spec.rules[0].limits is required with the action Limit'],
    ['spec: { rules: [{ action: Allow, form: [] }] }', "did you mean 'from'"],
    [
      'spec: { rules: [{ action: Allow }] }\n---\napiVersion: skupper.io/v2alpha1\nkind: Site\nmetadata: { name: a }',
      'Site',
    ],
  ])('refuses %j', async (spec, reason) => {
    const { code, err } = await run(`policy apply ${file('p.yaml', `${POLICY}${spec}\n`)} --wait none`);
    expect(err).toContain(reason);
    expect(code).toBe(2);
  });
});

describe('policy status and delete', () => {
  it('say how many services one in dry run would refuse', async () => {
    await withSite('default', 'Connector');
    await run('policy create try --operation Expose --action Deny --only-tell --wait none');
    await run('policy create use --operation Import --action Deny --only-tell --wait none');
    const { err } = await run('policy status');
    expect(err).toContain('Note: AccessPolicy "try": it would refuse Expose of 1: Connector ');
    expect(err).not.toContain('would refuse Import');
  });

  it('show what is there, and remove it', async () => {
    const store = await withSite('default', 'Connector');
    expect((await run('policy status')).err).toContain('everything is allowed');
    await run('policy create links --cluster --operation Link --from-site west --wait none');
    await run('policy create backend --from-site west --only-tell --wait none');
    const { out } = await run('policy list');
    expect(out).toMatch(/^KIND +NAME +STATUS +DRY-RUN/);
    expect(out).toMatch(/^AccessPolicy +backend +Pending +yes/m);
    expect((await run('policy status -o name')).out).toBe('clusteraccesspolicy/links\naccesspolicy/backend\n');
    expect((await run('policy status nobody')).code).toBe(3);
    expect(await run('policy delete links --yes')).toMatchObject({ code: 3 });
    expect(await run('policy delete links --cluster --yes')).toMatchObject({ code: 0 });
    expect(await store.list('ClusterAccessPolicy')).toEqual([]);
    expect(await store.list('AccessPolicy')).toHaveLength(1);
  });
});

/** The answer, and the exit code that goes with it. */
async function answer(line: string, given: Partial<Surroundings> = {}): Promise<Explanation> {
  const { code, out, err } = await run(`${line} -o json`, given);
  const explanation = JSON.parse(out) as Explanation;
  expect([code, err.includes('Error:')]).toEqual(explanation.allowed ? [0, false] : [5, true]);
  return explanation;
}

describe('policy explain', () => {
  /** What the namespace's site was last told of the network: itself, and west with a listener. */
  async function knowsWest(namespace: string): Promise<void> {
    const site = (await new LocalStore(sitePaths(dataHome, namespace)).get('Site', namespace))!;
    const content = (id: string, name: string, address?: string): SiteContent => ({
      site: { id, name, namespace: name, platform: 'local', version: '1' },
      routers: [{ id: `${name}-router`, links: [], routerAccess: [] }],
      listeners: address === undefined ? [] : [{ name: 'backend', routingKey: address, host: '127.0.0.1', port: 1 }],
      connectors: [],
      services: [],
    });
    const status = networkStatusOf([content(site.metadata.uid ?? '', namespace), content('w', 'west', 'backend:8080')]);
    mkdirSync(sitePaths(dataHome, namespace).runtimeResources, { recursive: true });
    writeFileSync(sitePaths(dataHome, namespace).networkStatus, JSON.stringify(status));
  }

  it('answers for one side, and says why the other cannot be seen', async () => {
    await withSite('west', 'Listener');
    await withSite('east', 'Connector');
    await knowsWest('east');
    await run('-n west policy create only-north --from-site north --wait none');
    const refused = await answer('-n west policy explain --from west --to backend');
    expect(refused).toMatchObject({ allowed: false, complete: false });
    expect(refused.checks.map(({ operation, decision }) => [operation, decision.allowed])).toEqual([
      ['Import', true],
      ['Connect', false],
    ]);
    expect(refused.checks[1]!.decision.by).toEqual({ policy: 'AccessPolicy/west/only-north' });
    expect(await answer('-n east policy explain --from west --to backend')).toMatchObject({
      allowed: true,
      unseen: [
        'site west, where the client is: its own policies cannot be seen from here: the site of namespace "east" does not run',
      ],
    });
  });

  it('answers for both sides, each with its own policies', async () => {
    await withSite('west', 'Listener');
    await withSite('east', 'Connector');
    const line = '-n west -n east policy explain --from west --to backend';
    expect(await answer(line)).toMatchObject({ allowed: true, complete: true, unseen: [] });
    await run('-n east policy create nobody --action Deny --wait none');
    const refused = await answer(line);
    expect(refused.allowed).toBe(false);
    expect(refused.checks.filter(({ decision }) => !decision.allowed)).toMatchObject([
      { site: 'east', kind: 'Connector' },
    ]);
    const { out, err, code } = await run(line);
    expect(code).toBe(5);
    expect(err).toMatch(/^Error: AccessPolicy\/east\/nobody refuses site west to use backend\n {2}See .*policy status/);
    expect(out).toMatch(/^Refused: site west -> backend$/m);
    expect(out).toContain('Connect: refused; AccessPolicy/east/nobody, rule 0, denies this');
  });

  it('tells limits, and what a rehearsal would say', async () => {
    await withSite('west', 'Listener');
    await run('-n west policy create slow --concurrent-connections 5 --wait none');
    await run('-n west policy create try --action Deny --only-tell --wait none');
    const { out } = await run('-n west policy explain --from west --to backend:8080');
    expect(out).toContain('AccessPolicy/west/slow, rule 0, limits it: 5 connections at a time');
    expect(out).toContain('with the policies that only tell it would be refused: AccessPolicy/west/try, rule 0');
  });

  it('tells what else decides over connections: shares and limits of the resources', async () => {
    await withSite('east', 'Connector');
    await knowsWest('east');
    const more = 'connector create canary 9090 --routing-key backend:8080 --host 127.0.0.1 --wait none';
    await run(`-n east ${more} --share 25 --max-connections 7`);
    const { checks } = await answer('-n east policy explain --from west --to backend:8080');
    const told = new Map(checks.map(({ name, traffic }) => [name, traffic]));
    expect(told.get('canary')).toEqual([
      'share 25 of 125 of the connections that the site gets',
      'at most 7 connections at a time to each server, for each router',
    ]);
    expect([...told.values()]).toContainEqual(['share 100 of 125 of the connections that the site gets']);
    const { out } = await run('-n east policy explain --from west --to backend:8080');
    expect(out).toMatch(/Connector canary \(routing key backend:8080\)\n {2}share 25 of 125/);
  });

  it.each([
    ['--from west --to nothing', 3, 'No service "nothing"'],
    ['--from wset --to backend', 3, 'No site "wset" is known here\n  These are: west; see'],
    ['--from west/a/b/c --to backend', 2, 'SITE/NAMESPACE/POD'],
    ['--from west', 2, '--to'],
  ])('"%s" ends with exit %i', async (flags, expected, reason) => {
    await withSite('west', 'Listener');
    const { code, err } = await run(`-n west policy explain ${flags}`);
    expect(err).toContain(reason);
    expect(code).toBe(expected);
  });

  it('takes as many namespaces as contexts, or one', async () => {
    const { code, err } = await run('-c a -c b -c d -n x -n y policy explain --from a --to b', { env: {} });
    expect(err).toContain('3 contexts and 2 namespaces do not belong together');
    expect(code).toBe(2);
  });
});

describe('in clusters', () => {
  const SPEC = {
    rules: [
      {
        action: 'Allow',
        from: [{ sites: ['west'], workloads: ['frontend'], selector: { matchLabels: { app: 'web' } } }],
      },
    ],
  };

  function cluster(site: string, namespace: string, kind: 'Listener' | 'Connector'): FakeCluster {
    const made = new FakeCluster();
    const put = (plural: string, name: string, rest: Partial<KubeObject>) =>
      made.put(plural, { metadata: { name, namespace }, ...rest });
    put('sites', site, { spec: {} });
    put(KINDS[kind].plural, 'backend', {
      spec: { routingKey: 'backend', host: 'backend', port: 8080, selector: 'app=x' },
    });
    return made;
  }

  it('the pod of the client is looked at where it runs, and each cluster for its own policies', async () => {
    const west = cluster('west', 'shop', 'Listener');
    const east = cluster('east', 'shop', 'Connector');
    west.put('pods', {
      metadata: {
        name: 'frontend-5',
        namespace: 'web',
        labels: { app: 'web' },
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'frontend', uid: '1', controller: true }],
      },
      spec: { serviceAccountName: 'web' },
    });
    west.put('accesspolicies', { metadata: { name: 'a', namespace: 'shop' }, spec: SPEC });
    east.put('clusteraccesspolicies', {
      metadata: { name: 'c' },
      spec: { rules: [{ action: 'Deny', from: [{ namespaces: ['lab'] }] }, { action: 'Allow' }] },
    });
    const kubeconfig = file(
      'kubeconfig',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'x', cluster: { server: 'https://127.0.0.1:1' } }],
        users: [{ name: 'u', user: {} }],
        contexts: ['a', 'b'].map((name) => ({ name, context: { cluster: 'x', user: 'u', namespace: 'shop' } })),
      }),
    );
    const given: Partial<Surroundings> = { env: {}, connect: async ({ context }) => (context === 'a' ? west : east) };
    const ask = async (from: string) => {
      const { out, err, code } = await run(
        `--kubeconfig ${kubeconfig} -c a -c b policy explain --from ${from} --to shop/backend -o json`,
        given,
      );
      const explanation = JSON.parse(out) as Explanation;
      expect([code, err.includes('Error:')]).toEqual(explanation.allowed ? [0, false] : [5, true]);
      return explanation;
    };
    const allowed = await ask('west/web/frontend-5');
    expect(allowed).toMatchObject({ allowed: true });
    expect(
      allowed.checks.find(({ kind, operation }) => kind === 'Listener' && operation === 'Connect')!.client,
    ).toMatchObject({
      siteName: 'west',
      workload: 'frontend',
      serviceAccount: 'web',
      labels: { app: 'web' },
      verification: 'local',
    });
    expect(await ask('west/web/frontend')).toMatchObject({ allowed: true });
    expect(await ask('west/web')).toMatchObject({ allowed: false });
    west.objects.get('accesspolicies/shop/a')!.spec = { rules: [{ action: 'Allow' }] };
    expect(await ask('west/lab')).toMatchObject({ allowed: false });
  });

  it('policies of the cluster are written without a namespace', async () => {
    const east = cluster('east', 'shop', 'Connector');
    const kubeconfig = file(
      'k',
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [{ name: 'x', cluster: { server: 'https://127.0.0.1:1' } }],
        users: [{ name: 'u', user: {} }],
        contexts: [{ name: 'a', context: { cluster: 'x', user: 'u', namespace: 'shop' } }],
      }),
    );
    const given: Partial<Surroundings> = { env: {}, connect: async () => east };
    const line = `--kubeconfig ${kubeconfig} -c a policy`;
    expect(
      await run(`${line} create links --cluster --operation Link --from-site west --wait none`, given),
    ).toMatchObject({ code: 0 });
    expect(await run(`${line} create own --from-site west --wait none`, given)).toMatchObject({ code: 0 });
    const of = (plural: string) =>
      [...east.objects]
        .filter(([key]) => key.startsWith(`${plural}/`))
        .map(([, { metadata }]) => [metadata.name, metadata.namespace]);
    expect(of('clusteraccesspolicies')).toEqual([['links', undefined]]);
    expect(of('accesspolicies')).toEqual([['own', 'shop']]);
    expect((await run(`${line} status -o name`, given)).out).toBe('clusteraccesspolicy/links\naccesspolicy/own\n');
    // Who may not look at those of the cluster is told, and sees the others.
    east.forbidden.add('list clusteraccesspolicies');
    const { out, err } = await run(`${line} status -o name`, given);
    expect(out).toBe('accesspolicy/own\n');
    expect(err).toContain('you may not see resources of kind ClusterAccessPolicy');
  });
});

describe('policy convert', () => {
  const V1 = 'apiVersion: skupper.io/v1alpha1\nkind: SkupperClusterPolicy\nmetadata: { name: west }\n';

  it('prints policies that can be applied, and notes on err', async () => {
    const path = file(
      'v1.yaml',
      `${V1}spec: { namespaces: [west], allowIncomingLinks: true, allowedServices: [backend] }\n`,
    );
    const { code, out, err } = await run(`policy convert ${path}`);
    expect(code).toBe(0);
    expect(parseAllDocuments(out).map((document) => document.toJS().metadata.name)).toEqual([
      'skupper-v1-nothing-else',
      'west-links',
      'west-imports',
    ]);
    expect(err).toContain('Note: Names are taken as they are');
    expect(await run(`policy apply ${file('ours.yaml', out)} --dry-run -o name`)).toMatchObject({ code: 0 });
  });

  it.each([
    ['kind: Site', 3, 'no SkupperClusterPolicy'],
    [`${V1}spec: { allowIncomingLinks: yes-please }`, 2, 'spec.allowIncomingLinks must be true or false'],
    ['a: [', 2, 'cannot be read as YAML'],
  ])('refuses %j', async (text, expected, reason) => {
    const { code, err } = await run(`policy convert ${file('v1.yaml', text)}`);
    expect(err).toContain(reason);
    expect(code).toBe(expected);
  });
});
