/** One pass of a local site at a time, without its router: what is said of resources that come while it is made. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SETTING } from '../../config/names.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import type { LinkRenewals } from '../../site-controller/grants/link-renewals.ts';
import { makeDirectories, SiteController } from '../../site-controller/platform/local/controller.ts';
import { Credentials } from '../../site-controller/platform/local/credentials.ts';
import { GrantFiles } from '../../site-controller/platform/local/grant-store.ts';
import { sitePaths } from '../../site-controller/platform/local/paths.ts';
import { Ports, releasePorts } from '../../site-controller/platform/local/ports.ts';
import { RedemptionServer } from '../../site-controller/platform/local/redemption-server.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { TokenRedeemer } from '../../site-controller/platform/local/token-redeemer.ts';
import { resource } from '../support/observed.ts';

const home = mkdtempSync(join(tmpdir(), 'skuprt-passes-'));
const paths = sitePaths(home, 'east');
const log = createLogger({ name: 'test', level: 'silent' });
const clock = systemClock;

/** Does something right after what the user wrote was read. */
class BusyStore extends LocalStore {
  afterAdmit: () => Promise<void> = async () => {};

  override async admit() {
    const all = await super.admit();
    await this.afterAdmit();
    return all;
  }
}

const store = new BusyStore(paths);
const grants = new GrantFiles({ store, directory: paths.grants, onRedeemed: () => {} });
const credentials = new Credentials(paths);
const redemptionServer = new RedemptionServer({ grants, credentials, clock, log });
let controller: SiteController;

beforeEach(async () => {
  await makeDirectories(paths);
  const ports = new Ports(paths, home);
  await ports.load(() => true);
  controller = new SiteController({
    paths,
    version: '1',
    store,
    ports,
    credentials,
    grants,
    redeemer: new TokenRedeemer({ store, directory: paths.requests, clock, log, onDone: () => {} }),
    redemptionServer,
    renewals: { start: () => {} } as unknown as LinkRenewals,
    routerState: () => undefined,
    network: () => ({ sites: [], settled: true, gone: new Set() }),
    hosts: () => ['127.0.0.1'],
    newCode: () => 'code',
    clock,
    log,
    onConfig: () => {},
    onContent: () => {},
  });
});

afterEach(async () => {
  await redemptionServer.stop();
  await releasePorts(paths);
  rmSync(home, { recursive: true, force: true });
});

test('a grant that comes during a pass has no status before it has an identity, which its URL names', async () => {
  const user = new LocalStore(paths);
  const signal = new AbortController().signal;
  const pass = () => controller.pass(signal);
  const settings = { [SETTING.bindHost]: '127.0.0.1' };
  await user.apply(resource('Site', 'east', { linkAccess: 'default', settings }));
  for (let count = 0; count < 3; count += 1) await pass();

  store.afterAdmit = () => user.apply(resource('AccessGrant', 'for-west', {}));
  await pass();
  expect((await user.get('AccessGrant', 'for-west'))!.status).toBeUndefined();

  store.afterAdmit = async () => {};
  await pass();
  const { metadata, status } = (await user.get('AccessGrant', 'for-west'))!;
  expect(metadata.uid).toBeDefined();
  expect(new URL(status!.url!).pathname).toBe(`/${metadata.uid}`);
  expect(await grants.get(metadata.uid!)).toMatchObject({ uid: metadata.uid, code: 'code' });
});
