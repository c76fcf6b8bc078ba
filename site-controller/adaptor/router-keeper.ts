/**
 * Keeps the router as the ConfigMap and the Secrets of its profiles say: passes over everything, one at a time, after each change,
 * after each reconnection, and at times without a reason.
 *
 * A pass knows states and no events. What cannot be read or done is logged when it begins, and tried again with back-off; a ConfigMap
 * that cannot be understood changes nothing.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Secret } from '../../config/api/secret.ts';
import { TRACE_ANNOTATION } from '../../config/names.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { messageOf, SkuprtError } from '../../lib/errors.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import type { Logger } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { RouterClient } from '../../lib/router-client/client.ts';
import type { RouterState } from '../../lib/router-client/state.ts';
import { NO_TRACER, type Tracer } from '../../lib/trace/tracer.ts';
import { Wakeup } from '../../lib/wakeup.ts';
import { EndpointChoice } from './endpoint-choice.ts';
import { ProfileDirectory } from './files.ts';
import { holdBack, planFiles } from './profiles.ts';
import { type Held, RouterSync } from './router-sync.ts';
import { type Place, parseWanted, type Wanted } from './wanted.ts';

/** What somebody changed in the router by other ways is found by then. */
const LOOK_MS = 30_000;

export interface RouterKeeperParts {
  place: Place;
  /** The ConfigMap as last heard, undefined while there is none. */
  configMap: () => KubeObject | undefined;
  /** TLS and proxy Secrets of the namespace. */
  secrets: () => ReadonlyMap<string, Secret>;
  routerState: () => RouterState | undefined;
  client: Pick<RouterClient, 'isUp' | 'query' | 'create' | 'update' | 'delete'>;
  /** The router was changed. */
  onChanged: () => void;
  /** The router refuses something, or no longer does. */
  onRefusals: () => void;
  /** A configuration was read. */
  onWanted: (wanted: Wanted) => void;
  /** A pass that changes something, or fails, is a span; of the look that wrote the ConfigMap when that is new. */
  tracer?: Tracer;
  clock: Clock;
  random: Random;
  log: Logger;
}

export class RouterKeeper {
  readonly stats = { passes: 0, operations: 0, failures: 0 };
  private readonly parts: RouterKeeperParts;
  private readonly directory: ProfileDirectory;
  private readonly sync: RouterSync;
  private readonly choice: EndpointChoice;
  private readonly backoff: Backoff;
  private readonly wakeup = new Wakeup();
  private readonly said = new Map<string, string>();
  private wanted: Wanted | undefined;
  private readVersion: string | undefined;
  private refused: ReadonlyMap<string, string> = new Map();
  private isApplied = false;
  /** What the ConfigMap says of who wrote it last; that of the first one is an old story. */
  private trace: string | undefined;

  constructor(parts: RouterKeeperParts) {
    this.parts = parts;
    this.directory = new ProfileDirectory(parts.place);
    this.sync = new RouterSync(parts);
    this.choice = new EndpointChoice(parts.random);
    this.backoff = new Backoff(parts.random, { initialMs: 200, maxMs: 10_000 });
  }

  /** The router has had the configuration since it was last connected to. */
  get isReady(): boolean {
    return this.isApplied && this.parts.client.isUp;
  }

  /** What the router refused, by entity. */
  get refusals(): ReadonlyMap<string, string> {
    return this.refused;
  }

  /** Something changed. */
  look(): void {
    this.wakeup.notify();
  }

  /** The router is another one, or the same one started again. */
  reconnected(): void {
    this.isApplied = false;
    this.look();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let waitMs = LOOK_MS;
      try {
        waitMs = await this.tracedPass();
        this.say('pass', undefined);
      } catch (err) {
        if (err instanceof SkuprtError && err.fault === 'ours') throw err;
        this.stats.failures += 1;
        if (this.parts.client.isUp) this.say('pass', messageOf(err), { err });
        waitMs = this.backoff.nextMs();
      }
      await this.wakeup.wait(waitMs, signal);
    }
  }

  private tracedPass(): Promise<number> {
    const { tracer = NO_TRACER, configMap, client } = this.parts;
    const trace = configMap()?.metadata.annotations?.[TRACE_ANNOTATION];
    const isNews = this.wanted !== undefined && trace !== this.trace;
    this.trace = trace;
    return tracer.span('router pass', { ...(isNews && { traceparent: trace }) }, async () => {
      const { operations } = this.stats;
      const waitMs = await this.pass();
      const operationCount = this.stats.operations - operations;
      tracer.set({ 'skuprt.operations': operationCount, 'skuprt.refused': this.refused.size });
      if (!(isNews && client.isUp)) tracer.drop();
      return waitMs;
    });
  }

  /** @returns how long to wait for the next one when nothing happens. */
  private async pass(): Promise<number> {
    const { client, clock, place } = this.parts;
    this.stats.passes += 1;
    this.readConfigMap();
    const { wanted } = this;
    if (wanted === undefined) return LOOK_MS;
    await this.writeFiles(wanted);
    if (!client.isUp) return LOOK_MS;
    const disk = await this.directory.read();
    const { endpoints } = wanted.config;
    const states = this.parts.routerState()?.connectors ?? new Map();
    const result = await this.sync.round((shown): Held => {
      this.choice.update(endpoints, shown, states, clock.now());
      const entities = this.choice.apply(wanted.entities, endpoints);
      return { ...holdBack({ ...wanted, entities }, shown, disk, place.certs), adminStatus: adminStatusOf(wanted) };
    });
    this.noteRefusals(result.refused);
    this.isApplied = client.isUp;
    this.stats.operations += result.operationCount;
    if (result.operationCount > 0) this.parts.onChanged();
    await this.removeFiles(wanted);
    if (result.refused.size > 0) return this.backoff.nextMs();
    this.backoff.reset();
    return Math.min(LOOK_MS, Math.max(0, this.choice.deadline(endpoints, states) - clock.now()));
  }

  private readConfigMap(): void {
    const configMap = this.parts.configMap();
    if (configMap === undefined) {
      this.say('configuration', 'there is no ConfigMap');
      return;
    }
    const { resourceVersion } = configMap.metadata;
    if (resourceVersion !== undefined && resourceVersion === this.readVersion) return;
    this.readVersion = resourceVersion;
    try {
      this.wanted = parseWanted(configMap.data as Record<string, string> | undefined, this.parts.place);
    } catch (err) {
      if (!(err instanceof SkuprtError) || err.fault === 'ours') throw err;
      this.stats.failures += 1;
      this.say('configuration', messageOf(err));
      return;
    }
    this.say('configuration', undefined);
    this.parts.onWanted(this.wanted);
  }

  private async writeFiles(wanted: Wanted): Promise<void> {
    const { log, place, secrets } = this.parts;
    const plan = planFiles(wanted, secrets(), place.certs);
    const missing = [...plan.missing].map(([profile, secret]) => `${profile} of Secret ${secret}`);
    this.say('files', missing.length === 0 ? undefined : `waiting for ${missing.join(', ')}`);
    for (const profile of await this.directory.write(plan)) log.info({ profile }, 'files of a profile written');
  }

  private noteRefusals(refused: ReadonlyMap<string, string>): void {
    if (isDeepStrictEqual(this.refused, refused)) return;
    this.refused = refused;
    this.parts.onRefusals();
  }

  private removeFiles({ entities }: Wanted): Promise<void> {
    const names = (type: string) => new Set(entities.filter((entity) => entity.type === type).map(({ name }) => name));
    return this.directory.prune(names('sslProfile'), names('proxyProfile'));
  }

  /** A problem is logged when it begins, when it is another one, and when it is over. */
  private say(what: string, problem: string | undefined, fields: object = {}): void {
    if (this.said.get(what) === problem) return;
    const { log } = this.parts;
    if (problem === undefined) {
      this.said.delete(what);
      log.info({ what }, 'as it should be again');
    } else {
      this.said.set(what, problem);
      log.warn({ what, problem, ...fields }, 'router is kept as it was');
    }
  }
}

function adminStatusOf({ sections }: Wanted): string {
  return String(sections.find(({ type }) => type === 'router')?.attributes.adminStatus ?? 'enabled');
}
