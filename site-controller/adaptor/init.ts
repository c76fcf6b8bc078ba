/**
 * Before the router starts: waits for its ConfigMap and for the Secrets of its profiles, and writes the files of both.
 *
 * Without a ConfigMap there is no router. Secrets that do not come in time keep back only what uses them: the adaptor beside the
 * router brings that about when they are there.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.ts';
import { SkuprtError } from '../../lib/errors.ts';
import { writeFileAtomic } from '../../lib/files.ts';
import type { Logger } from '../../lib/log.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import type { AdaptorCluster } from './cluster.ts';
import { AdaptorConfigError } from './config.ts';
import { isManagedType } from './entity-types.ts';
import { ProfileDirectory } from './files.ts';
import type { AdaptorOptions } from './options.ts';
import { type FilePlan, holdBack, planFiles } from './profiles.ts';
import { parseWanted, renderSections, type Wanted } from './wanted.ts';

const WAIT_MS = 60_000;
/** After that what is there is taken, since a router that serves most is better than none. */
const SECRETS_WAIT_MS = 30_000;
const PROGRESS_MS = 5000;

export class AdaptorInitError extends SkuprtError {
  readonly code = 'SKUPRT_ADAPTOR_INIT';
  readonly fault = 'environment';
}

export interface InitParts {
  options: AdaptorOptions;
  cluster: AdaptorCluster;
  clock: Clock;
  log: Logger;
}

interface Found {
  wanted: Wanted;
  plan: FilePlan;
}

/** @throws AdaptorInitError when the configuration does not come */
export async function initRouter(parts: InitParts, signal: AbortSignal): Promise<void> {
  const { cluster, log, options } = parts;
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  signal.addEventListener('abort', stop, { once: true });
  const changed = new Wakeup();
  const watching = cluster.run(() => changed.notify(), stopping.signal);
  try {
    const { wanted, plan } = await Promise.race([waitForAll(parts, changed, signal), failing(watching)]);
    await writeAll(options, wanted, plan, log);
  } finally {
    stop();
    await Promise.race([watching.catch(() => undefined), sleep(1000, undefined, { ref: false })]);
  }
}

async function waitForAll(
  { options, cluster, clock, log }: InitParts,
  changed: Wakeup,
  signal: AbortSignal,
): Promise<Found> {
  const start = clock.now();
  for (let toldAt = start; ; ) {
    const { found, problem } = lookOnce(options, cluster);
    if (found !== undefined && problem === undefined) return found;
    const waitedMs = clock.now() - start;
    if (found !== undefined && waitedMs >= SECRETS_WAIT_MS) return found;
    if (waitedMs >= WAIT_MS || signal.aborted) {
      throw new AdaptorInitError(`no configuration for the router: ${problem}`, {
        next: 'See the log of the site-controller and the conditions of the Site',
      });
    }
    if (clock.now() >= toldAt) {
      log.info({ problem, waitedMs: Math.round(waitedMs) }, 'waiting for the configuration of the router');
      toldAt = clock.now() + PROGRESS_MS;
    }
    await changed.wait(Math.min(PROGRESS_MS, WAIT_MS - waitedMs), signal);
  }
}

function lookOnce(options: AdaptorOptions, cluster: AdaptorCluster): { found?: Found; problem?: string } {
  const { namespace, configMap: name, certs } = options;
  if (!cluster.isSynced) return { problem: 'the API server has not answered yet' };
  const configMap = cluster.configMap();
  if (configMap === undefined) return { problem: `there is no ConfigMap ${name} in namespace ${namespace}` };
  let wanted: Wanted;
  try {
    wanted = parseWanted(configMap.data as Record<string, string> | undefined, options);
  } catch (err) {
    if (err instanceof AdaptorConfigError) return { problem: err.message };
    throw err;
  }
  const plan = planFiles(wanted, cluster.secrets(), certs);
  if (plan.missing.size === 0) return { found: { wanted, plan } };
  const missing = [...plan.missing].map(([profile, secret]) => `Secret ${secret} of profile ${profile}`);
  return { found: { wanted, plan }, problem: `${missing.join(', ')} not found or not complete` };
}

async function writeAll(options: AdaptorOptions, wanted: Wanted, plan: FilePlan, log: Logger): Promise<void> {
  const directory = new ProfileDirectory(options);
  await directory.write(plan);
  const { entities, frozen } = holdBack(wanted, {}, await directory.read(), options.certs);
  const brought = new Set(entities.map(({ type, name }) => `${type}/${name}`).filter((key) => !frozen.has(key)));
  const sections = wanted.sections.filter(({ type, name }) => !isManagedType(type) || brought.has(`${type}/${name}`));
  await writeFileAtomic(options.routerConfig, renderSections(sections));
  if (frozen.size > 0) log.warn({ heldBack: [...frozen] }, 'the router starts without what waits for a Secret');
  log.info({ file: options.routerConfig, sectionCount: sections.length }, 'configuration of the router written');
}

async function failing(task: Promise<void>): Promise<never> {
  await task;
  throw new AdaptorInitError('stopped before there was a configuration for the router');
}
