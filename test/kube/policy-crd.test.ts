/** What a real API server takes as an access policy, and what it refuses. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { isClusterScoped, KINDS, type Kind } from '../../config/api/index.ts';
import { POLICY_KINDS } from '../../config/crd/policy-definition.ts';
import type { KubeClient, ResourceType } from '../../lib/kube/client.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { ApiServer } from '../support/kube/api-server.ts';
import { kubeAssets } from '../support/kube/assets.ts';

const SAMPLES = 'config/samples/policies';
const CRD: ResourceType = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};
const typeOf = (kind: Kind): ResourceType => ({ ...KINDS[kind], kind, namespaced: !isClusterScoped(kind) });

describe.runIf(kubeAssets() !== undefined)('policies on a real API server', () => {
  let api: ApiServer;
  let admin: KubeClient;

  beforeAll(async () => {
    api = await ApiServer.start('policy-crd');
    admin = (await api.connect()).client;
    for (const kind of POLICY_KINDS) {
      const text = readFileSync(`config/crd/bases/${KINDS[kind].plural}.yaml`, 'utf8');
      await admin.create(CRD, parse(text) as KubeObject);
    }
    await vi.waitFor(() => Promise.all(POLICY_KINDS.map((kind) => admin.list(typeOf(kind)))), {
      timeout: 60_000,
      interval: 100,
    });
  }, 120_000);

  afterAll(async () => {
    admin?.close();
    await api?.stop();
  });

  const made = (kind: Kind, name: string, spec: object): Promise<KubeObject> => {
    const namespace = isClusterScoped(kind) ? {} : { namespace: 'default' };
    const object = { apiVersion: KINDS[kind].apiVersion, kind, metadata: { name, ...namespace }, spec };
    return admin.create(typeOf(kind), object as unknown as KubeObject);
  };

  it.each(readdirSync(SAMPLES).filter((file) => file.endsWith('.yaml')))('%s is kept whole', async (file) => {
    const { kind, metadata, spec } = parse(readFileSync(`${SAMPLES}/${file}`, 'utf8')) as KubeObject & {
      kind: Kind;
      spec: object;
    };
    expect((await made(kind, metadata.name, spec)).spec).toEqual(spec);
  });

  it.each<[string, object, RegExp]>([
    ['no rules', {}, /spec\.rules/],
    ['an action that there is not', { rules: [{ action: 'Permit' }] }, /Unsupported value/],
    ['Limit without limits', { rules: [{ action: 'Limit' }] }, /limits go with the action Limit/],
    [
      'limits with Allow',
      { rules: [{ action: 'Allow', limits: { bytesPerSecond: 1 } }] },
      /limits go with the action Limit/,
    ],
    [
      'limits for links',
      { rules: [{ action: 'Limit', operations: ['Link'], limits: { concurrentConnections: 1 } }] },
      /operations may be Connect only/,
    ],
    ['an empty list of clients', { rules: [{ action: 'Allow', from: [] }] }, /spec\.rules\[0\]\.from/],
  ])('%s is refused', async (_what, spec, reason) => {
    for (const kind of POLICY_KINDS) await expect(made(kind, 'bad', spec)).rejects.toThrow(reason);
  });
});
