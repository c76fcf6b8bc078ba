/** A pass over a namespace, between a cache and an API server that a test holds in its hands. */
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { Applier, LAG_MAX_MS } from '../../lib/kube/apply.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { type KubeObject, objectKey } from '../../lib/kube/object.ts';
import { ClusterCache } from '../../site-controller/platform/kubernetes/cluster-cache.ts';
import { FIELD_MANAGER, KubeWrites } from '../../site-controller/platform/kubernetes/kube-writes.ts';
import { NamespacePass } from '../../site-controller/platform/kubernetes/namespace-pass.ts';
import { WATCHED } from '../../site-controller/platform/kubernetes/watched.ts';
import { settings } from '../support/cluster.ts';
import { NOW, resource } from '../support/observed.ts';

const NAMESPACE = 'ns-west';
const SITE = resource('Site', 'west', {}, { namespace: NAMESPACE, resourceVersion: '1' }) as unknown as KubeObject;

/** A server that takes everything, and a cache that sees of it what the test shows. */
function bench() {
  let now = NOW;
  const clock: Clock = { now: () => now, wall: () => now };
  const server = new Map<string, KubeObject>();
  let version = 1;
  const client = {
    apply: async (_type: unknown, object: KubeObject) => {
      version += 1;
      const made = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
      server.set(objectKey(made), made);
      return made;
    },
    patch: async () => SITE,
    find: async (type: { kind: string }, _namespace: string, name: string) => server.get(`${type.kind}/${name}`),
  } as unknown as KubeClient;
  const cached = new Map<string, KubeObject>([[objectKey(SITE), SITE]]);
  const source = (kind: string) => ({
    get: (_namespace: string, name: string) => cached.get(`${kind}/${name}`),
    list: () => [...cached.values()].filter((object) => object.kind === kind),
    isPresent: true,
  });
  const pass = new NamespacePass({
    workloads: { maps: [], want: () => undefined },
    rehearsals: { look: () => undefined, forget: () => undefined },
    cache: new ClusterCache({
      settings: settings({ enableGrants: false }),
      sources: new Map(WATCHED.map(({ kind }) => [kind, source(kind)])),
      onDirty: () => undefined,
    }),
    writes: new KubeWrites({
      client,
      applier: new Applier({
        client,
        fieldManager: FIELD_MANAGER,
        clock,
        live: ({ kind }, _namespace, name) => cached.get(`${kind}/${name}`),
      }),
      clock,
      watched: WATCHED,
    }),
    services: {
      issueCertificates: async () => Infinity,
      grantUrls: () => [],
      outcomeInputs: () => ({ newCode: () => '', redemptions: () => 0, attempts: new Map() }),
      redeemTokens: () => undefined,
      renewLinks: () => Infinity,
      removeEndedGrants: async () => undefined,
    },
    version: '1.2.3',
    clock,
    onEvent: () => undefined,
  });
  return {
    server,
    /** The cache sees all that the server holds. */
    catchUp: () => {
      for (const [key, object] of server) cached.set(key, object);
    },
    runAt: (at: number) => {
      now = at;
      return pass.run(NAMESPACE);
    },
  };
}

describe('a pass over a namespace', () => {
  it('makes again what was made, and taken away before its cache saw it', async () => {
    const { server, runAt } = bench();
    const next = await runAt(NOW);
    expect(server.has('Deployment/skupper-router')).toBe(true);
    server.clear();
    expect(next).toBe(NOW + LAG_MAX_MS);
    await runAt(next);
    expect(server.has('Deployment/skupper-router')).toBe(true);
  });

  it('looks once more when its cache has seen all, and then no more', async () => {
    const { server, catchUp, runAt } = bench();
    const next = await runAt(NOW);
    catchUp();
    const before = new Map(server);
    expect(await runAt(NOW + 1000)).toBe(next);
    expect(await runAt(next)).toBe(Infinity);
    expect(server).toEqual(before);
  });
});
