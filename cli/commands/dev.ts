/**
 * `dev`: controllers and routers of clusters as processes of this machine, as operators' `make run` does. For whoever has API servers and no
 * image yet. Stays until Ctrl-C, then removes what it made.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { type Context, print, say } from '../context.ts';
import type { DevFlags } from '../definitions/dev.ts';
import { DevCluster } from '../dev/cluster.ts';
import { type HeldHost, holdHost } from '../dev/ports.ts';
import { issueToken } from './token/issue.ts';
import { redeemToken } from './token/redeem.ts';

const NAMESPACE = 'skuprt-system';
const TOKEN = { redemptionsAllowed: 1, expirationWindow: 15 * 60_000, timeout: 60_000, cost: 1 };

export async function runDev(context: Context, flags: DevFlags): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'skuprt-dev-'));
  const clusters: DevCluster[] = [];
  const hosts: HeldHost[] = [];
  let isClean = true;
  try {
    for (const name of flags.contexts) {
      clusters.push(await DevCluster.connect({ context: inCluster(context, name, flags), name, directory }));
    }
    for (const _ of clusters) hosts.push(await holdHost());
    await startAll(clusters, hosts);
    if (flags.link) await linkAll(clusters, directory);
    for (const { name } of clusters) print(context, `ready ${name}`);
    await Promise.race([aborted(context.signal), ...clusters.map((cluster) => cluster.watch())]);
  } catch (error) {
    // Asked to stop: that a wait was cut off is no failure.
    if (!context.signal.aborted) {
      isClean = false;
      throw error;
    }
  } finally {
    const left = (await Promise.all(clusters.toReversed().map((cluster) => cluster.stop()))).flat();
    for (const host of hosts) host.release();
    for (const line of left) say(context, `Warning: ${line}`);
    if (isClean) await rm(directory, { recursive: true, force: true });
    else say(context, `Logs: ${directory}`);
  }
}

function inCluster(context: Context, name: string, { namespace }: DevFlags): Context {
  const cluster = { ...context.cluster, context: name };
  const globals = ['--context', name, '-n', namespace ?? NAMESPACE];
  return { ...context, platform: 'kubernetes', cluster, namespace: namespace ?? NAMESPACE, globals };
}

/** Side by side; all of them have come to rest when one failed. */
async function startAll(clusters: readonly DevCluster[], hosts: readonly HeldHost[]): Promise<void> {
  const results = await Promise.allSettled(clusters.map((cluster, index) => cluster.start(hosts[index]!)));
  const failure = results.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

/** Each pair once: the later one dials the earlier one. */
async function linkAll(clusters: readonly DevCluster[], directory: string): Promise<void> {
  for (const [index, issuer] of clusters.entries()) {
    for (const dialler of clusters.slice(index + 1)) {
      say(issuer.context, `Linking ${dialler.name} to ${issuer.name} ...`);
      const file = join(directory, `${issuer.name}-${dialler.name}.token`);
      await issueToken(quiet(issuer.context), file, { ...TOKEN, name: `dev-${issuer.name}` });
      await redeemToken(quiet(dialler.context), file, { wait: 'ready', timeout: TOKEN.timeout });
      await rm(file);
    }
  }
}

/** What these commands tell whoever types them is of no use here. */
function quiet(context: Context): Context {
  return { ...context, interactive: false, stderr: new Writable({ write: (_chunk, _encoding, done) => done() }) };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
