/** Two local sites, linked: the CA of one gets a successor on demand, and the other learns of it through its redemption server. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import type { Resource } from '../../config/api/index.ts';
import { SKUPPER_API_VERSION } from '../../config/api/schema.ts';
import { SETTING } from '../../config/names.ts';
import { composeToken } from '../../site-controller/grants/token.ts';
import { splitBundle } from '../../site-controller/pki/inspect.ts';
import { tlsMaterialOf } from '../../site-controller/pki/secret.ts';
import { sitePaths } from '../../site-controller/platform/local/paths.ts';
import { runSite } from '../../site-controller/platform/local/site-run.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { ROTATE_ANNOTATION } from '../../site-controller/reconcile/certificate/rollover.ts';
import { eventually } from '../support/eventually.ts';

const home = mkdtempSync(join(tmpdir(), 'skuprt-renewal-'));
const stop = new AbortController();
const runs: Promise<void>[] = [];
const storeOf = (name: string) => new LocalStore(sitePaths(home, name));
const stores = { east: storeOf('east'), west: storeOf('west') };

afterAll(async () => {
  stop.abort();
  await Promise.allSettled(runs);
  rmSync(home, { recursive: true, force: true });
});

async function start(name: 'east' | 'west', spec: object): Promise<string> {
  const settings = { [SETTING.bindHost]: '127.0.0.1' };
  const site = { apiVersion: SKUPPER_API_VERSION, kind: 'Site', metadata: { name }, spec: { ...spec, settings } };
  await stores[name].apply(site as Resource);
  runs.push(runSite({ namespace: name, dataHome: home, logLevel: 'silent' }, stop.signal));
  return eventually(`site ${name}`, async () => {
    const found = await stores[name].get('Site', name);
    return found?.status?.status === 'Ready' ? found.metadata.uid : undefined;
  });
}

async function annotate(
  name: 'east' | 'west',
  kind: 'Certificate' | 'Link',
  resource: string,
  key: string,
  value = '1',
) {
  const found = await eventually(`${kind} ${resource}`, () => stores[name].get(kind, resource));
  const annotations = { ...found.metadata.annotations, [key]: value };
  await stores[name].apply({ ...found, metadata: { ...found.metadata, annotations } } as Resource);
}

it('a link learns of the successor of its CA when it is told to ask', async () => {
  const [siteId] = await Promise.all([start('east', { linkAccess: 'default' }), start('west', {})]);
  const grant = { apiVersion: SKUPPER_API_VERSION, kind: 'AccessGrant', metadata: { name: 'grant' }, spec: {} };
  await stores.east.apply(grant as Resource);
  const ready = await eventually('grant', async () => {
    const found = await stores.east.get('AccessGrant', 'grant');
    return found?.status?.status === 'Ready' ? found : undefined;
  });
  const token = composeToken({ grant: ready, urls: ready.status?.urls, siteId });
  await stores.west.apply(token);
  const operational = () =>
    eventually('link', async () => {
      const found = await stores.west.get('Link', 'grant');
      return found?.status?.status === 'Ready' ? found : undefined;
    });
  await operational();
  const bundle = async () => {
    const secret = await stores.west.get('Secret', 'grant');
    return secret === undefined ? [] : splitBundle(tlsMaterialOf(secret).ca ?? '');
  };
  expect(await bundle()).toHaveLength(1);
  let wish = 0;
  await eventually('successor', async () => {
    const { ca = '' } = tlsMaterialOf((await stores.west.get('Secret', 'grant'))!);
    if (splitBundle(ca).length === 2) return true;
    wish += 1;
    // Generated resources are the controller's to write: what it wrote at the same moment may have won.
    await annotate('east', 'Certificate', 'skupper-site-ca', ROTATE_ANNOTATION);
    await annotate('west', 'Link', 'grant', 'skuprt.io/renew', String(wish));
    await sleep(500);
    return undefined;
  });
  await operational();
});
