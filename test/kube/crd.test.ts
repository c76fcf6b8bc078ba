/** What config/ holds, on a real API server: the kinds, what they refuse, the rights, and the installation as a whole. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { installController } from '../../cli/commands/install/install.ts';
import { apiKindOf, installManifests } from '../../cli/commands/install/manifests.ts';
import { uninstallController } from '../../cli/commands/install/uninstall.ts';
import type { Context } from '../../cli/context.ts';
import { connectClient } from '../../cli/places/cluster-connection.ts';
import { KINDS } from '../../config/api/index.ts';
import { CUSTOM_KINDS } from '../../config/crd/definition.ts';
import type { CustomKind } from '../../config/crd/kinds.ts';
import type { KubeClient, ResourceType } from '../../lib/kube/client.ts';
import { connectCluster } from '../../lib/kube/config.ts';
import { ApiError } from '../../lib/kube/errors.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { routerRights } from '../../site-controller/reconcile/site/rights.ts';
import { surroundings } from '../support/cli.ts';
import { fullResource, type InvalidResource, invalidResources } from '../support/invalid-resources.ts';
import { ApiServer } from '../support/kube/api-server.ts';
import { kubeAssets } from '../support/kube/assets.ts';

const SAMPLES = 'config/samples/kubernetes';
const ACCOUNT: ResourceType = { apiVersion: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts' };
const NAMESPACE: ResourceType = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const IN_DEFAULT = { namespace: 'default' };
const DRY = { dryRun: true };

const typeOf = (kind: CustomKind): ResourceType => ({ ...KINDS[kind], kind });
const rbacType = (kind: string): ResourceType => ({ ...apiKindOf({ kind }), kind });

describe.runIf(kubeAssets() !== undefined)('on a real API server', () => {
  let api: ApiServer;
  let admin: KubeClient;

  beforeAll(async () => {
    api = await ApiServer.start('config');
    admin = (await api.connect()).client;
    for (const name of ['west', 'other']) {
      await admin.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
    await run(installController);
  });

  afterAll(async () => {
    admin?.close();
    await api?.stop();
  });

  /** A command against this server; what it said on stderr. */
  async function run(
    operation: (context: Context, flags: object) => Promise<void>,
    flags: object = { wait: 'configured' },
    namespace = 'default',
  ): Promise<string> {
    const stderr = new PassThrough();
    const said = text(stderr);
    const context: Context = {
      ...surroundings({ stderr, connect: connectClient }),
      platform: 'kubernetes',
      isPlatformNamed: true,
      cluster: { kubeconfig: await api.kubeconfig(), context: undefined },
      namespace,
      verbose: false,
      globals: [],
    };
    await operation(context, flags).finally(() => stderr.end());
    return await said;
  }

  /** A client with the rights of a controller. */
  async function asController(namespace: string): Promise<KubeClient> {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/skupper-controller/token`;
    const { status } = (await admin.raw('POST', path, review)) as { status: { token: string } };
    const config = JSON.parse(readFileSync(await api.kubeconfig(), 'utf8')) as { users: { user: object }[] };
    config.users[0]!.user = { token: status.token };
    const file = join(api.directory, `kubeconfig-${namespace}`);
    await writeFile(file, JSON.stringify(config));
    return (await connectCluster({ kubeconfig: file, env: {} })).client;
  }

  describe('installing', () => {
    it('made everything, and makes nothing the second time', async () => {
      for (const wanted of installManifests({ scope: 'cluster', namespace: 'skupper' })) {
        const { kind, metadata } = wanted;
        expect(await admin.get(rbacType(kind), metadata.namespace, metadata.name)).toBeDefined();
      }
      expect(await run(installController)).toContain('Nothing to do');
    });

    it.runIf(existsSync(join(kubeAssets() ?? '', 'kubectl')))('is what kustomize gives', () => {
      const kubectl = join(kubeAssets()!, 'kubectl');
      const idOf = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
      const byId = (objects: KubeObject[]) => new Map(objects.map((object) => [idOf(object), object]));
      for (const [folder, scope] of [
        ['default', 'cluster'],
        ['namespaced', 'namespace'],
      ] as const) {
        const output = execFileSync(kubectl, ['kustomize', `config/${folder}`], { encoding: 'utf8' });
        const built = byId(parseAllDocuments(output).map((document) => document.toJS() as KubeObject));
        const ours = byId(installManifests({ scope, namespace: 'skupper' }));
        for (const [id, object] of built) expect(ours.get(id), id).toEqual(object);
        const extra = [...ours.values()].filter((object) => !built.has(idOf(object))).map(({ kind }) => kind);
        const shared = scope === 'cluster' ? [] : ['CustomResourceDefinition', 'Namespace'];
        expect(extra.filter((kind) => !shared.includes(kind))).toEqual([]);
      }
    });

    it('for one namespace gives no right in another', async () => {
      await run(installController, { namespaceScope: true, wait: 'none' }, 'west');
      const client = await asController('west');
      const secrets = { verb: 'list', resource: 'secrets' };
      expect(await client.isAllowed({ ...secrets, namespace: 'west' })).toBe(true);
      expect(await client.isAllowed({ ...secrets, namespace: 'other' })).toBe(false);
      expect(await client.isAllowed(secrets)).toBe(false);
      client.close();
      expect(await run(uninstallController, { namespaceScope: true, yes: true, wait: false }, 'west')).toContain(
        'Removed',
      );
      expect(await admin.find(ACCOUNT, 'west', 'skupper-controller')).toBeUndefined();
      // The namespace was there before.
      expect((await admin.get(NAMESPACE, undefined, 'west')).metadata.deletionTimestamp).toBeUndefined();
    });
  });

  describe('the rights of the controller', () => {
    it('suffice to give routers theirs, and for what it makes', async () => {
      const client = await asController('skupper');
      const site = await client.create(typeOf('Site'), {
        ...fullResource('Site'),
        metadata: { name: 'west', ...IN_DEFAULT },
      });
      for (const object of routerRights({ ...site, kind: 'Site' } as never, 'default')) {
        const type = rbacType(object.kind);
        const owned = { ...object, metadata: { ...object.metadata, ...IN_DEFAULT } };
        expect(await client.apply(type, owned, { fieldManager: 'test' })).toMatchObject({ kind: object.kind });
      }
      await client.delete(typeOf('Site'), 'default', 'west');
      client.close();
    });

    it('do not reach what it has no business with', async () => {
      const client = await asController('skupper');
      const refused = [
        { verb: 'create', resource: 'pods/exec', namespace: 'default' },
        { verb: 'get', resource: 'nodes' },
        { verb: 'create', resource: 'pods', namespace: 'default' },
        { verb: 'create', resource: 'clusterroles', group: 'rbac.authorization.k8s.io' },
        { verb: 'escalate', resource: 'roles', group: 'rbac.authorization.k8s.io', namespace: 'default' },
        { verb: 'update', resource: 'customresourcedefinitions', group: 'apiextensions.k8s.io' },
      ];
      for (const right of refused) expect(await client.isAllowed(right), JSON.stringify(right)).toBe(false);
      client.close();
    });
  });

  describe('the kinds', () => {
    it('take the samples', async () => {
      for (const file of readdirSync(SAMPLES).filter((name) => name.endsWith('.yaml'))) {
        const sample = parse(readFileSync(`${SAMPLES}/${file}`, 'utf8')) as KubeObject & { kind: CustomKind };
        const object = { ...sample, metadata: { ...sample.metadata, ...IN_DEFAULT } };
        expect((await admin.create(typeOf(sample.kind), object, DRY)).spec, file).toEqual(sample.spec);
      }
    });

    it.each(CUSTOM_KINDS)('keep every member: %s', async (kind) => {
      for (const branch of [0, 1] as const) {
        const full = fullResource(kind, branch);
        const object = { ...full, metadata: { name: 'full', ...IN_DEFAULT } };
        expect((await admin.create(typeOf(kind), object, DRY)).spec).toEqual(full.spec);
      }
    });

    const INVALID = invalidResources();

    it.each(CUSTOM_KINDS)(
      'refuse what they should, name it, and leave the rest to the controller: %s',
      async (kind) => {
        for (const { title, path, object, outcome } of INVALID.filter((one) => one.kind === kind)) {
          const answer = await attempt(admin, kind, object);
          if (outcome === 'refused') {
            expect(answer, title).toBeInstanceOf(ApiError);
            expect((answer as ApiError).message, title).toMatch(refusedAt(path));
          } else {
            expect(answer, title).toMatchObject({ kind });
            expect(JSON.stringify((answer as KubeObject).spec ?? {}), title).not.toContain('unknown');
          }
        }
      },
    );

    it('let the strategy of a MultiKeyListener change, but not its kind', async () => {
      const type = typeOf('MultiKeyListener');
      const named = (branch: 0 | 1) => ({
        ...fullResource('MultiKeyListener', branch),
        metadata: { name: 'm', ...IN_DEFAULT },
      });
      await admin.create(type, named(0));
      const change = { spec: { strategy: { priority: { routingKeys: ['b', 'c'] } } } };
      expect((await admin.patch(type, 'default', 'm', change)).spec).toMatchObject(change.spec);
      const other = { spec: { strategy: { priority: null, weighted: { routingKeys: { a: 1 } } } } };
      await expect(admin.patch(type, 'default', 'm', other)).rejects.toThrow(/kind of strategy cannot be changed/);
    });
  });
});

async function attempt(client: KubeClient, kind: CustomKind, object: InvalidResource['object']): Promise<unknown> {
  try {
    return await client.create(typeOf(kind), { ...object, metadata: { name: 'invalid', ...IN_DEFAULT } }, DRY);
  } catch (error) {
    return error;
  }
}

/** Of exclusive members API servers name what holds them. */
function refusedAt(path: string): RegExp {
  const parent = path.replace(/(\.[^.]+|\[0\])$/, '');
  const [inner, outer] = [path, parent].map((text) => text.replace(/[.[\]]/g, '\\$&'));
  return new RegExp(`${inner}(?!\\w)|${outer}[:"]`);
}
