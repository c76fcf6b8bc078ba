/**
 * What runs beside a local site in its process, and what the site lends to it. The site goes on whatever becomes of it: it is started
 * again when it fails, and only our own bugs end the process.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../../lib/clock.ts';
import { AssertionError } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/log.ts';
import type { RouterEndpoint } from '../../../lib/router-client/client.ts';
import type { RouterState } from '../../../lib/router-client/state.ts';
import type { Tracer } from '../../../lib/trace/tracer.ts';
import type { SitePaths } from './paths.ts';
import type { LocalStore } from './store.ts';

export interface SiteLoan {
  paths: SitePaths;
  store: LocalStore;
  /** The same, for writing: the site looks after each write, which it would not notice otherwise. */
  resources: SharedResources;
  version: string;
  /** Undefined while the router does not answer. */
  routerState: () => RouterState | undefined;
  endpoint: () => Promise<RouterEndpoint>;
  /** `look` is called after each change of the files, of a status or of the router's state; the last one given counts. */
  onChange: (look: () => void) => void;
  clock: Clock;
  log: Logger;
  tracer: Tracer;
}

export type SharedResources = Pick<LocalStore, 'list' | 'apply' | 'delete'>;

/** Resolves after `signal` aborted, when all of it has ended. */
export type Companion = (loan: SiteLoan, signal: AbortSignal) => Promise<void>;

const RETRY_MS = { first: 1000, max: 60_000 };

/** Runs it again and again until `signal` aborts. @throws AssertionError */
export async function withCompanion(companion: Companion, loan: SiteLoan, signal: AbortSignal): Promise<void> {
  let waitMs = RETRY_MS.first;
  while (!signal.aborted) {
    try {
      await companion(loan, signal);
    } catch (err) {
      if (err instanceof AssertionError) throw err;
      loan.log.error({ err }, 'what runs beside the site failed, trying again');
    }
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    waitMs = Math.min(waitMs * 2, RETRY_MS.max);
  }
}

/** What is written through these is told to `onWrite`. */
export function shared(store: SharedResources, onWrite: () => void): SharedResources {
  return {
    list: (kind) => store.list(kind),
    apply: (resource) => store.apply(resource).finally(onWrite),
    delete: (kind, name) => store.delete(kind, name).finally(onWrite),
  };
}
