/** Secrets of Certificates on Kubernetes, where the cache shows what was written only after a while. */
import { describe, expect, it } from 'vitest';
import type { Resource } from '../../config/api/index.ts';
import type { Secret } from '../../config/api/secret.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { createLogger } from '../../lib/log.ts';
import { isIssuedBy } from '../../site-controller/pki/inspect.ts';
import { tlsMaterialOf } from '../../site-controller/pki/secret.ts';
import { CertificateService } from '../../site-controller/platform/kubernetes/certificate-service.ts';
import { NOW, observed, resource, site } from '../support/observed.ts';

const CA = resource('Certificate', 'ca', { ca: '', subject: 'site CA', signing: true });
const server = (hosts: readonly string[], version = '1') =>
  resource('Certificate', 'server', { ca: 'ca', subject: 'router', hosts, server: true }, { resourceVersion: version });

/** A cluster that refuses what was not seen, and a service that sees it only when `watch` is called. */
function cluster() {
  const stored = new Map<string, Secret>();
  const cached = new Map<string, Secret>();
  const writes: string[] = [];
  let versionCount = 0;
  const service = new CertificateService({
    keep: async (object: KubeObject) => {
      const { name, resourceVersion } = object.metadata;
      const verb = resourceVersion === undefined ? 'create' : 'replace';
      if (stored.get(name)?.metadata.resourceVersion !== resourceVersion) {
        writes.push(`${verb} ${name}: conflict`);
        throw new Error('conflict');
      }
      writes.push(`${verb} ${name}`);
      const metadata = { ...object.metadata, resourceVersion: String(++versionCount) };
      stored.set(name, { ...object, metadata } as unknown as Secret);
    },
    remove: async (_namespace, name) => {
      writes.push(`remove ${name}`);
      stored.delete(name);
    },
    log: createLogger({ name: 'test', level: 'silent' }),
    onEvent: () => {},
  });
  const watch = () => {
    cached.clear();
    for (const [name, secret] of stored) cached.set(name, secret);
  };
  const look = (certificates: readonly Resource[], now = NOW) =>
    service.issue(observed([site(), ...certificates, ...cached.values()], { now }));
  return { service, stored, writes, watch, look };
}

describe('the Secrets of Certificates', () => {
  it('are written once, though another look comes before they are seen', async () => {
    const { writes, look, watch } = cluster();
    await look([CA]);
    await look([CA, server(['a'])]);
    await look([CA, server(['a'], '2')]);
    expect(writes).toEqual(['create ca', 'create server']);
    watch();
    await look([CA, server(['a'], '2')]);
    expect(writes).toHaveLength(2);
  });

  it('are signed by the CA that was made, before that is seen', async () => {
    const { stored, look } = cluster();
    await look([CA]);
    await look([CA, server(['a'])]);
    const [ca, leaf] = ['ca', 'server'].map((name) => tlsMaterialOf(stored.get(name)!).certificate!);
    expect(isIssuedBy(leaf!, ca!)).toBe(true);
  });

  it('are replaced only once what is there was seen', async () => {
    const { writes, look, watch } = cluster();
    await look([CA, server(['a'])]);
    await look([CA, server(['b'], '2')]);
    expect(writes).toEqual(['create ca', 'create server']);
    watch();
    await look([CA, server(['b'], '2')]);
    await look([CA, server(['c'], '3')]);
    expect(writes.slice(2)).toEqual(['replace server']);
    watch();
    await look([CA, server(['c'], '3')]);
    expect(writes.slice(3)).toEqual(['replace server']);
  });

  it('are made again when they went before they were seen: at once when that is told, else after a while', async () => {
    const { service, stored, writes, look } = cluster();
    await look([CA]);
    stored.delete('ca');
    service.forgetSecret('ns-west', 'ca');
    const until = await look([CA, server(['a'])]);
    expect(writes).toEqual(['create ca', 'create ca', 'create server']);
    stored.clear();
    await look([CA, server(['a'])], until - 1);
    expect(writes).toHaveLength(3);
    await look([CA, server(['a'])], until);
    expect(writes.slice(3)).toEqual(['create ca', 'create server']);
  });
});
