/** The network as the routers tell of it while a command looks: a collector at a router of the site, from the first word to the last. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Collector } from '../../console/collector/collector.ts';
import type { PlatformSource } from '../../console/collector/platform-source.ts';
import { systemClock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import { createLogger } from '../../lib/log.ts';
import { type Context, commandLine } from '../context.ts';
import { FailedError, InterruptedError } from '../errors.ts';
import { requireSite } from '../resources.ts';
import { openPlace } from './choose.ts';
import { openRouter } from './router.ts';

/** Until a router answers: one that starts, or a busy API server. */
const CONNECT_MS = 15_000;

export interface LiveOptions {
  platform?: PlatformSource;
}

/**
 * Runs `look` with a collector that has heard what there is. It ends when `look` does, or when the command is to stop.
 * @throws NotFoundError when there is no site; FailedError when no router answers; InterruptedError when it was to stop before that
 */
export async function withLiveNetwork(
  context: Context,
  options: LiveOptions,
  look: (collector: Collector, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  if (context.platform === 'local') await requireRunningSite(context);
  const way = await openRouter(context);
  const end = new AbortController();
  const signal = AbortSignal.any([context.signal, end.signal]);
  let fault: unknown;
  const collector = new Collector({
    connect: async () => {
      try {
        return await way.endpoint();
      } catch (error) {
        fault = error;
        throw error;
      }
    },
    clock: systemClock,
    log: createLogger({ name: 'skuprt', level: context.verbose ? 'debug' : 'silent' }),
    containerId: `skuprt-cli-${process.pid}`,
    ...options,
  });
  const running = collector.start(signal);
  try {
    if (!(await collector.settled(CONNECT_MS, signal)) && !signal.aborted) {
      const why = way.fault ?? fault;
      throw new FailedError(`No router of the site answers${why === undefined ? '' : `: ${messageOf(why)}`}`, {
        cause: why,
        next: `See ${commandLine(context, 'check')}`,
      });
    }
    requireUninterrupted(context);
    await look(collector, signal);
  } finally {
    end.abort();
    await running;
    way.close();
  }
}

/** Until so much has been told. @throws InterruptedError: what was heard by then is not the whole */
export async function listenFor(context: Context, ms: number): Promise<void> {
  await sleep(ms, undefined, { signal: context.signal }).catch(() => undefined);
  requireUninterrupted(context);
}

function requireUninterrupted({ signal }: Context): void {
  if (signal.aborted)
    throw new InterruptedError('Interrupted before the network was seen', { next: 'Nothing was changed' });
}

/** Resolves when the command is to stop. */
export function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A site that does not run has no router that could come. */
async function requireRunningSite(context: Context): Promise<void> {
  const place = await openPlace(context);
  await requireSite(context, place);
  const idle = await place.idle();
  if (idle !== undefined) throw new FailedError(`Nothing can be seen: ${idle.reason}`, { next: idle.next });
}
