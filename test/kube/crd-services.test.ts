/** The kinds of services of a cluster set, and the rights of their processes, on a real API server. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installController } from '../../cli/commands/install/install.ts';
import { apiKindOf, installManifests } from '../../cli/commands/install/manifests.ts';
import { uninstallController } from '../../cli/commands/install/uninstall.ts';
import type { Context } from '../../cli/context.ts';
import { connectClient } from '../../cli/places/cluster-connection.ts';
import { SERVICE_KINDS, type ServiceKind } from '../../config/api/service-kinds.ts';
import type { KubeClient, ResourceType, Right } from '../../lib/kube/client.ts';
import { connectCluster } from '../../lib/kube/config.ts';
import { ApiError } from '../../lib/kube/errors.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { surroundings } from '../support/cli.ts';
import { ApiServer } from '../support/kube/api-server.ts';
import { kubeAssets } from '../support/kube/assets.ts';
import { fullValue, type SchemaNode } from '../support/schema-values.ts';

const DEFINITION: ResourceType = {
  ...apiKindOf({ kind: 'CustomResourceDefinition' }),
  kind: 'CustomResourceDefinition',
};
const CONFIG_MAP: ResourceType = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' };
const SECRET: ResourceType = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets' };
const MCS = 'multicluster.x-k8s.io';
const TIME = '2026-01-31T12:00:00Z';
const VERSIONS = ['v1beta1', 'v1alpha1'] as const;
const STATUS = { subresource: 'status' } as const;

const typeOf = (kind: ServiceKind, apiVersion: string = SERVICE_KINDS[kind].apiVersion): ResourceType => ({
  apiVersion,
  kind,
  plural: SERVICE_KINDS[kind].plural,
  namespaced: SERVICE_KINDS[kind].isNamespaced,
});
const IMPORT = typeOf('ServiceImport');
const EXPORT = typeOf('ServiceExport');

/** A valid object with every member of spec and status. */
function full(kind: ServiceKind, name: string, apiVersion: string = SERVICE_KINDS[kind].apiVersion): KubeObject {
  const { spec, status } = SERVICE_KINDS[kind].schema.properties as unknown as Record<'spec' | 'status', SchemaNode>;
  const namespace = SERVICE_KINDS[kind].isNamespaced ? { namespace: 'default' } : {};
  return { apiVersion, kind, metadata: { name, ...namespace }, spec: fullValue(spec), status: fullValue(status) };
}

const condition = (type: string, more: object = {}) => ({
  type,
  status: 'True',
  reason: 'Known',
  message: '',
  lastTransitionTime: TIME,
  ...more,
});

describe.runIf(kubeAssets() !== undefined)('services of a cluster set on a real API server', () => {
  let api: ApiServer;
  let admin: KubeClient;

  beforeAll(async () => {
    api = await ApiServer.start('services');
    admin = (await api.connect()).client;
    await run(installController, { wait: 'configured', dnsEndpoints: true });
  });

  afterAll(async () => {
    admin?.close();
    await api?.stop();
  });

  /** A command against this server; what it said on stderr. */
  async function run(
    operation: (context: Context, flags: object) => Promise<void>,
    flags: object = { wait: 'configured' },
  ): Promise<string> {
    const stderr = new PassThrough();
    const said = text(stderr);
    const context: Context = {
      ...surroundings({ stderr, connect: connectClient }),
      platform: 'kubernetes',
      isPlatformNamed: true,
      cluster: { kubeconfig: await api.kubeconfig(), context: undefined },
      namespace: 'default',
      verbose: false,
      globals: [],
    };
    await operation(context, flags).finally(() => stderr.end());
    return await said;
  }

  /** A client with the rights of one of the processes. */
  async function asAccount(name: string): Promise<KubeClient> {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
    const path = `/api/v1/namespaces/skupper/serviceaccounts/${name}/token`;
    const { status } = (await admin.raw('POST', path, review)) as { status: { token: string } };
    const config = JSON.parse(readFileSync(await api.kubeconfig(), 'utf8')) as { users: { user: object }[] };
    config.users[0]!.user = { token: status.token };
    const file = join(api.directory, `kubeconfig-${name}`);
    await writeFile(file, JSON.stringify(config));
    return (await connectCluster({ kubeconfig: file, env: {} })).client;
  }

  it('are installed as a whole, and nothing is written the second time', async () => {
    for (const { kind, metadata } of installManifests({ scope: 'cluster', namespace: 'skupper', dnsEndpoints: true })) {
      const type = { ...apiKindOf({ kind }), kind };
      expect(await admin.get(type, metadata.namespace, metadata.name)).toBeDefined();
    }
    expect(await run(installController, { wait: 'configured', dnsEndpoints: true })).toContain('Nothing to do');
  });

  describe('the kinds', () => {
    it.each(Object.keys(SERVICE_KINDS) as ServiceKind[])('keep every member, in each version: %s', async (kind) => {
      for (const apiVersion of SERVICE_KINDS[kind].apiVersions) {
        const type = typeOf(kind, apiVersion);
        const name = `full-${apiVersion.split('/')[1]}`;
        const object = full(kind, name, apiVersion);
        await admin.delete(type, object.metadata.namespace, name);
        const made = await admin.create(type, object);
        expect(made.spec).toEqual(object.spec);
        // A status is written on its own.
        expect(made.status).toBeUndefined();
        const { resourceVersion } = made.metadata;
        const whole = { ...object, metadata: { ...object.metadata, resourceVersion } };
        const written = await admin.replace(type, whole, STATUS);
        expect(written.status ?? {}).toEqual(object.status);
        for (const other of SERVICE_KINDS[kind].apiVersions) {
          const read = await admin.get(typeOf(kind, other), made.metadata.namespace, name);
          expect({ spec: read.spec, status: read.status ?? {} }).toEqual({ spec: object.spec, status: object.status });
        }
      }
    });

    it('drop what nobody knows', async () => {
      const object = { ...full('ServiceExport', 'pruned'), spec: { exportedLabels: { a: 'b' }, novelty: true } };
      expect((await admin.create(EXPORT, object, { dryRun: true })).spec).toEqual({ exportedLabels: { a: 'b' } });
    });

    it('take an export without a spec, as most are', async () => {
      const object = {
        apiVersion: EXPORT.apiVersion,
        kind: 'ServiceExport',
        metadata: { name: 'bare', namespace: 'default' },
      };
      expect((await admin.create(EXPORT, object, { dryRun: true })).spec).toBeUndefined();
    });

    it('let several writers share conditions and clusters, each with its own', async () => {
      const { spec, metadata, apiVersion, kind } = full('ServiceImport', 'shared');
      await admin.delete(IMPORT, 'default', 'shared');
      await admin.create(IMPORT, { apiVersion, kind, metadata, spec });
      const apply = (fieldManager: string, status: object) =>
        admin.apply(IMPORT, { apiVersion, kind, metadata, status }, { fieldManager, force: false, ...STATUS });
      await apply('one', { conditions: [condition('Ready')], clusters: [{ cluster: 'east' }] });
      const both = await apply('two', { conditions: [condition('example.com/Seen')], clusters: [{ cluster: 'west' }] });
      expect(both.status).toMatchObject({
        conditions: [{ type: 'Ready' }, { type: 'example.com/Seen' }],
        clusters: [{ cluster: 'east' }, { cluster: 'west' }],
      });
      const left = await apply('one', { clusters: [] });
      expect(left.status).toMatchObject({
        conditions: [{ type: 'example.com/Seen' }],
        clusters: [{ cluster: 'west' }],
      });
    });

    it('replace the list of ports as a whole', async () => {
      const { metadata, apiVersion, kind } = full('ServiceImport', 'ports');
      const apply = (ports: object[]) =>
        admin.apply(IMPORT, { apiVersion, kind, metadata, spec: { type: 'Headless', ports } }, { fieldManager: 'one' });
      await apply([{ port: 80 }, { port: 443 }]);
      expect((await apply([{ port: 53, protocol: 'UDP' }])).spec).toMatchObject({
        ports: [{ port: 53, protocol: 'UDP' }],
      });
    });

    const reason = (text: string) => ({ conditions: [condition('Conflict', { reason: text })] });
    const accepted: [ServiceKind, string, { spec?: object; status?: object }][] = [
      ['ServiceExport', 'several reasons', { status: reason('PortConflict,TypeConflict') }],
      ['ServiceExport', 'an empty spec', { spec: {} }],
      ['ServiceExport', '16 selectors', { spec: { clusterSelectors: Array(16).fill({ propertySelector: {} }) } }],
      ['ServiceImport', 'no port', { spec: { type: 'Headless', ports: [] } }],
      ['ServiceImport', 'one port twice', { spec: { type: 'Headless', ports: [{ port: 1 }, { port: 1 }] } }],
      ['ServiceImport', 'both families', { spec: { type: 'ClusterSetIP', ports: [], ips: ['10.0.0.1', 'fd00::1'] } }],
      ['ClusterProperty', 'the longest value', { spec: { value: 'x'.repeat(128_000) } }],
      ['DNSEndpoint', 'no record', { spec: {} }],
    ];
    const refused: [ServiceKind, string, { spec?: object; status?: object }, RegExp][] = [
      ['ServiceExport', 'a label that is a number', { spec: { exportedLabels: { a: 1 } } }, /exportedLabels/],
      [
        'ServiceExport',
        '17 selectors',
        { spec: { clusterSelectors: Array(17).fill({ propertySelector: {} }) } },
        /clusterSelectors.*16/,
      ],
      [
        'ServiceExport',
        'an unknown operator',
        { spec: { clusterSelectors: [{ propertySelector: { matchExpressions: [{ key: 'a', operator: 'Near' }] } }] } },
        /operator/,
      ],
      ['ServiceExport', 'a reason of words', { status: reason('there is a conflict') }, /reason/],
      ['ServiceExport', 'no reason', { status: reason('') }, /reason/],
      [
        'ServiceExport',
        'one condition twice',
        { status: { conditions: [condition('Ready'), condition('Ready')] } },
        /Duplicate/,
      ],
      [
        'ServiceExport',
        'a time that is none',
        { status: { conditions: [condition('Ready', { lastTransitionTime: 'now' })] } },
        /lastTransitionTime/,
      ],
      ['ServiceImport', 'no type', { spec: { ports: [] } }, /type/],
      ['ServiceImport', 'no ports', { spec: { type: 'Headless' } }, /ports/],
      ['ServiceImport', 'another type', { spec: { type: 'External', ports: [] } }, /type/],
      ['ServiceImport', 'three addresses', { spec: { type: 'ClusterSetIP', ports: [], ips: ['1', '2', '3'] } }, /ips/],
      [
        'ServiceImport',
        'one cluster twice',
        { status: { clusters: [{ cluster: 'a' }, { cluster: 'a' }] } },
        /Duplicate/,
      ],
      [
        'ServiceImport',
        'slices neither there nor not',
        { status: { endpointSliceObjects: 'Some' } },
        /endpointSliceObjects/,
      ],
      ['ClusterProperty', 'an empty value', { spec: { value: '' } }, /value/],
      ['ClusterProperty', 'no value', { spec: {} }, /value/],
      ['ClusterProperty', 'too long a value', { spec: { value: 'x'.repeat(128_001) } }, /value/],
      ['DNSEndpoint', 'a record without a name', { spec: { endpoints: [{ recordType: 'A' }] } }, /dnsName/],
    ];

    /** Writes spec or status, each where it is written. */
    async function attempt(kind: ServiceKind, version: string, { spec, status }: { spec?: object; status?: object }) {
      const apiVersion = `${SERVICE_KINDS[kind].apiVersion.split('/')[0]}/${version}`;
      const type = typeOf(kind, apiVersion);
      if (status === undefined) {
        return await admin.create(type, { ...full(kind, 'attempt', apiVersion), spec }, { dryRun: true });
      }
      const name = 'full-v1beta1';
      const { metadata, spec: present } = await admin.get(type, 'default', name);
      return await admin.replace(type, { apiVersion, kind, metadata, spec: present, status } as KubeObject, {
        dryRun: true,
        ...STATUS,
      });
    }
    const versionsOf = (kind: ServiceKind) => (kind === 'DNSEndpoint' ? ['v1alpha1'] : VERSIONS);

    it.each(accepted)('take %s with %s', async (kind, _, parts) => {
      for (const version of versionsOf(kind)) expect(await attempt(kind, version, parts)).toMatchObject(parts);
    });

    it.each(refused)('refuse %s with %s', async (kind, _, parts, place) => {
      for (const version of versionsOf(kind)) {
        const answer = await attempt(kind, version, parts).catch((error: unknown) => error);
        expect(answer, version).toBeInstanceOf(ApiError);
        expect((answer as ApiError).message).toMatch(place);
      }
    });

    it.runIf(existsSync(join(kubeAssets() ?? '', 'kubectl')))('go by their short names', async () => {
      const kubeconfig = await api.kubeconfig();
      const get = (...what: string[]) =>
        execFileSync(join(kubeAssets()!, 'kubectl'), ['--kubeconfig', kubeconfig, 'get', ...what], {
          encoding: 'utf8',
        });
      const head = (output: string) => output.split('\n')[0]!.trim().split(/ {2,}/);
      expect(head(get('svcex'))).toEqual(['NAME', 'AGE']);
      expect(head(get('svcexport', '-o', 'wide'))).toEqual(['NAME', 'VALID', 'READY', 'CONFLICT', 'AGE']);
      expect(head(get('svcim'))).toEqual(['NAME', 'TYPE', 'IP', 'AGE']);
      expect(get('svcimport', 'full-v1beta1')).toContain('ClusterSetIP   ["a"]');
      expect(get('multicluster')).toContain('full-v1beta1');
    });
  });

  describe('the rights', () => {
    const allowed = async (client: KubeClient, rights: readonly Right[]) => {
      const found: string[] = [];
      for (const right of rights) if (await client.isAllowed(right)) found.push(JSON.stringify(right));
      return found;
    };

    it('of the service-controller show it the ConfigMaps and the Secret of routers, and no others', async () => {
      const client = await asAccount('skuprt-service-controller');
      const metadata = (name: string) => ({ name, namespace: 'default' });
      for (const name of ['skupper-router', 'other']) {
        await admin.create(CONFIG_MAP, { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata(name) });
      }
      for (const name of ['skupper-local-client', 'other']) {
        await admin.create(SECRET, { apiVersion: 'v1', kind: 'Secret', metadata: metadata(name) });
      }
      const named = (name: string) => ({ fieldSelector: `metadata.name=${name}` });
      // In all namespaces at once, as it watches them.
      const list = await client.list(CONFIG_MAP, named('skupper-router'));
      expect(list.items.map(({ metadata: { name } }) => name)).toEqual(['skupper-router']);
      expect((await client.list(CONFIG_MAP, named('skupper-router-status'))).items).toEqual([]);
      const watch = client.watch(
        CONFIG_MAP,
        { ...named('skupper-router'), resourceVersion: list.resourceVersion },
        AbortSignal.timeout(20_000),
      );
      const first = watch.next();
      await admin.patch(CONFIG_MAP, 'default', 'skupper-router', { data: { changed: 'yes' } });
      expect((await first).value).toMatchObject([{ type: 'MODIFIED' }]);
      await watch.return(undefined);
      expect(await client.get(SECRET, 'default', 'skupper-local-client')).toBeDefined();
      for (const call of [
        () => client.list(CONFIG_MAP),
        () => client.list(CONFIG_MAP, named('other')),
        () => client.get(CONFIG_MAP, 'default', 'other'),
        () => client.get(SECRET, 'default', 'other'),
        () => client.list(SECRET),
      ]) {
        await expect(call()).rejects.toMatchObject({ status: 403 });
      }
      client.close();
    });

    it('of the service-controller suffice for what it writes, and for no more', async () => {
      const client = await asAccount('skuprt-service-controller');
      const inApps = (verb: string, resource: string, group = ''): Right => ({
        verb,
        resource,
        group,
        namespace: 'apps',
      });
      const needed: Right[] = [
        ...['create', 'patch', 'delete'].flatMap((verb) => [
          inApps(verb, 'services'),
          inApps(verb, 'endpointslices', 'discovery.k8s.io'),
          inApps(verb, 'serviceimports', MCS),
          ...['connectors', 'listeners', 'multikeylisteners'].map((plural) => inApps(verb, plural, 'skupper.io')),
          inApps(verb, 'dnsendpoints', 'externaldns.k8s.io'),
        ]),
        inApps('create', 'endpointslices/restricted', 'discovery.k8s.io'),
        inApps('patch', 'serviceexports', MCS),
        inApps('patch', 'serviceexports/status', MCS),
        inApps('patch', 'serviceimports/status', MCS),
        inApps('update', 'serviceimports/finalizers', MCS),
        { verb: 'create', resource: 'clusterproperties', group: 'about.k8s.io' },
        inApps('create', 'events'),
        { verb: 'update', resource: 'leases', group: 'coordination.k8s.io', namespace: 'skupper' },
      ];
      expect(await allowed(client, needed)).toHaveLength(needed.length);
      expect(
        await allowed(client, [
          inApps('create', 'serviceexports', MCS),
          inApps('delete', 'serviceexports', MCS),
          inApps('patch', 'sites', 'skupper.io'),
          inApps('create', 'configmaps'),
          inApps('create', 'pods'),
          inApps('update', 'leases', 'coordination.k8s.io'),
          { verb: 'patch', resource: 'clusterproperties', group: 'about.k8s.io' },
          { verb: 'delete', resource: 'clusterproperties', group: 'about.k8s.io' },
          { verb: 'get', resource: 'nodes' },
        ]),
      ).toEqual([]);
      client.close();
    });

    it('of the DNS server are to look, and at nothing else', async () => {
      const client = await asAccount('skuprt-dns');
      const reads: Right[] = [
        { verb: 'watch', resource: 'serviceimports', group: MCS },
        { verb: 'watch', resource: 'endpointslices', group: 'discovery.k8s.io' },
        { verb: 'watch', resource: 'namespaces' },
        { verb: 'watch', resource: 'dnsendpoints', group: 'externaldns.k8s.io' },
      ];
      expect(await allowed(client, reads)).toHaveLength(reads.length);
      const others = ['services', 'pods', 'secrets', 'configmaps'].map((resource) => ({ verb: 'list', resource }));
      const writes = reads.flatMap((right) => ['create', 'patch', 'delete'].map((verb) => ({ ...right, verb })));
      expect(await allowed(client, [...others, ...writes])).toEqual([]);
      client.close();
    });
  });

  // Changes the kinds for all: last.
  describe('kinds that somebody else installed', () => {
    const NAME = `serviceexports.${MCS}`;

    it('of an older release stay, by force they are replaced and what is stored stays readable', async () => {
      await admin.delete(DEFINITION, undefined, NAME);
      const old = installManifests({ scope: 'cluster', namespace: 'skupper' }).find(
        ({ metadata }) => metadata.name === NAME,
      )!;
      const spec = structuredClone(old.spec) as { versions: { name: string; storage: boolean }[] };
      spec.versions = spec.versions.filter(({ name }) => name === 'v1alpha1').map((one) => ({ ...one, storage: true }));
      const labels = { [`${MCS}/release-version`]: 'v0.4.1' };
      await retried(() => admin.create(DEFINITION, { ...old, metadata: { name: NAME, labels }, spec } as KubeObject));
      const alpha = typeOf('ServiceExport', `${MCS}/v1alpha1`);
      const stored = { ...full('ServiceExport', 'stored', alpha.apiVersion), spec: { exportedLabels: { a: 'b' } } };
      await retried(() => admin.create(alpha, stored));

      const said = await run(installController);
      expect(said).toContain(`Kept ${NAME} as it is: somebody else installed it, of release v0.4.1`);
      expect(said).toContain('does not serve v1beta1');
      expect(await admin.kindsOf(`${MCS}/v1beta1`)).not.toContain('ServiceExport');

      await run(installController, { wait: 'configured', force: true });
      const read = await retried(() => admin.get(EXPORT, 'default', 'stored'));
      expect(read.spec).toEqual({ exportedLabels: { a: 'b' } });
      expect(await run(installController)).toContain('Nothing to do');
    });

    it('go with nothing of ours', async () => {
      await run(uninstallController, { crds: true, yes: true, wait: false });
      const left = (await admin.list(DEFINITION)).items.filter(
        ({ metadata }) => metadata.deletionTimestamp === undefined,
      );
      expect(left.map(({ metadata }) => metadata.name)).toEqual([NAME]);
    });
  });
});

/** A kind takes a moment to come and to go. */
async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (attempt >= 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
