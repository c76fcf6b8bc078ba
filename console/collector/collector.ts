/**
 * The network, live: listens at one router to what all routers tell of themselves (vanflow), and asks the platform for what they do not
 * tell. The thin edge of the model: hands it messages and the time, and tells those who look what has changed.
 *
 * While nobody looks it only hears that routers are there and what changes of what they have; connections are told of only while somebody
 * looks at them, and for a few seconds after.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Message } from 'rhea';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { RouterClient, type RouterEndpoint, RouterRequestError } from '../../lib/router-client/client.ts';
import { DIRECT_PREFIX } from '../../lib/vanflow.ts';
import { changesBetween, NOTHING } from '../model/changes.ts';
import { EventSources } from '../model/event-sources.ts';
import { changeMatcherOf, type FlowFilter } from '../model/flow-filter.ts';
import {
  BATCH_MS,
  BATCH_SHARE,
  FLOWS_LINGER_MS,
  PLATFORM_IDLE_MS,
  PLATFORM_MS,
  PLATFORM_SHARE,
  REACHABLE_MS,
} from '../model/limits.ts';
import { NetworkModel } from '../model/network.ts';
import type { FlowView, NetworkView, SectionChange } from '../model/view.ts';
import type { PlatformSource } from './platform-source.ts';

export interface CollectorParts {
  /** Where and with which certificates to connect to a router of the site, asked at each attempt. */
  connect: () => Promise<RouterEndpoint>;
  clock: Clock;
  log: Logger;
  /** By which routers know this client. */
  containerId?: string;
  platform?: PlatformSource;
}

/** `settled`: how often it looks, how long nothing new may have come, and until those around have made themselves known. */
const LOOK_MS = 50;
const QUIET_MS = 600;
const BEACONS_MS = 1000;

const UNTOLD = 'Resources of this site cannot be read: events and certificates may be missing; the log says why';

/** Of an address: who takes what is sent to it, here, elsewhere, and within the router. */
const COUNTS = ['subscriberCount', 'remoteCount', 'inProcess'];
const TAKING = ['key', ...COUNTS];
/** Of the addresses of sources, in the router's table. */
const DIRECT_KEY = `M${DIRECT_PREFIX}`;

interface FlowSubscriber {
  filter: FlowFilter;
  listener: (flows: FlowView[]) => void;
}

export class Collector {
  private readonly parts: CollectorParts;
  private readonly client: RouterClient;
  private readonly model: NetworkModel;
  private readonly sources: EventSources;
  private readonly subscribers = new Set<(changes: SectionChange[]) => void>();
  private readonly flowSubscribers = new Set<FlowSubscriber>();
  private told = NOTHING;
  private wakeTimer: NodeJS.Timeout | undefined;
  private batchTimer: NodeJS.Timeout | undefined;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private reachableAt = 0;
  private platformAsked = { at: Number.NEGATIVE_INFINITY, tookMs: 0 };
  private isAskingPlatform = false;
  private isStopped = true;
  private listenedRevision = -1;
  private connectedAt = Number.POSITIVE_INFINITY;

  constructor(parts: CollectorParts) {
    this.parts = parts;
    const { clock, log } = parts;
    this.model = new NetworkModel((now) => clock.wall() - (clock.now() - now));
    this.sources = new EventSources(this.model);
    this.client = new RouterClient({
      containerId: parts.containerId ?? 'skuprt-console',
      endpoint: parts.connect,
      onUp: () => void this.connected(),
      onDown: () => this.disconnected(),
      onHeard: (message, address) => this.heard(message, address),
      log,
    });
  }

  get isConnected(): boolean {
    return this.client.isUp;
  }

  /** Listens until `signal` aborts; connects again whenever the connection is lost. */
  async start(signal: AbortSignal): Promise<void> {
    this.isStopped = false;
    this.model.disconnected(this.parts.clock.now());
    this.batch();
    try {
      await this.client.run(signal);
    } finally {
      this.isStopped = true;
      clearTimeout(this.wakeTimer);
      clearTimeout(this.batchTimer);
    }
  }

  /**
   * Waits until what there is has been heard: all sources that are known have told, and nothing new has come for a moment.
   * @returns false when the router was not reached within `withinMs`
   */
  async settled(withinMs: number, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.parts;
    const endAt = clock.now() + withinMs;
    let seen = { revision: -1, at: clock.now() };
    while (!signal.aborted && clock.now() < endAt) {
      const now = clock.now();
      const { revision } = this.model;
      if (revision !== seen.revision) seen = { revision, at: now };
      const isQuiet = now - seen.at >= QUIET_MS && this.sources.haveAllTold;
      if (this.client.isUp && this.connectedAt + BEACONS_MS <= now && isQuiet) {
        this.model.settle(now);
        return true;
      }
      await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
    return this.client.isUp;
  }

  view(): NetworkView {
    return this.model.view(this.parts.clock.now());
  }

  /** The newest first, as far as they were listened to: who wants to see them subscribes. */
  flows(filter: FlowFilter = {}): FlowView[] {
    return this.model.flows(filter, this.parts.clock.now());
  }

  /**
   * What changes from `view()` of this moment on, a few times a second. @returns ends it
   */
  subscribe(listener: (changes: SectionChange[]) => void): () => void {
    // Who comes later has seen what the others have not been told yet; to be told again does no harm.
    if (this.subscribers.size === 0) this.told = this.view();
    this.subscribers.add(listener);
    this.looked();
    return () => {
      this.subscribers.delete(listener);
    };
  }

  /** Connections that open, change and end, a few times a second. @returns ends it */
  subscribeFlows(filter: FlowFilter, listener: (flows: FlowView[]) => void): () => void {
    const subscriber = { filter, listener };
    this.flowSubscribers.add(subscriber);
    this.looked();
    return () => {
      this.flowSubscribers.delete(subscriber);
    };
  }

  /** By the name of the policy, what the router has refused, or would have, since it started; undefined when it cannot be asked. */
  async refusedByPolicies(): Promise<ReadonlyMap<string, number> | undefined> {
    if (!this.client.isUp) return undefined;
    try {
      const entities = await this.client.query('accessPolicy');
      return new Map(
        entities.map(({ name, connectionsRefused, connectionsWouldBeRefused }) => [
          String(name),
          Number(connectionsRefused) + Number(connectionsWouldBeRefused),
        ]),
      );
    } catch (err) {
      if (!(err instanceof RouterRequestError)) throw err;
      // An original router knows no policies.
      return undefined;
    }
  }

  private get isLookedAt(): boolean {
    return this.subscribers.size + this.flowSubscribers.size > 0;
  }

  /** Soon, when somebody looks from now on. */
  private get platformDueAt(): number {
    const { at, tookMs } = this.platformAsked;
    return at + (this.isLookedAt ? Math.max(PLATFORM_MS, tookMs / PLATFORM_SHARE) : PLATFORM_IDLE_MS);
  }

  /** Somebody looks, for the first time perhaps. */
  private looked(): void {
    this.wantFlows();
    this.wake();
  }

  private wantFlows(): void {
    const now = this.parts.clock.now();
    if (this.isLookedAt) this.lookedAt = now;
    const isWanted = now - this.lookedAt <= FLOWS_LINGER_MS;
    this.sources.wantFlows(isWanted, now);
    this.model.hearFlows(isWanted);
  }

  private async connected(): Promise<void> {
    const { clock } = this.parts;
    this.connectedAt = clock.now();
    this.sources.connected(clock.now());
    this.wake();
    try {
      const [router] = await this.client.query('router');
      this.model.connected(String(router?.id ?? ''), clock.now());
      // Beacons of the original come every ten seconds: those that the router knows are asked at once.
      for (const { key } of await this.client.query('router.address')) {
        if (typeof key === 'string' && key.startsWith('M')) this.sources.found(key.slice(1), clock.now());
      }
    } catch (err) {
      if (!(err instanceof RouterRequestError)) throw err;
      this.parts.log.debug({ err }, 'router not asked');
    }
    this.wake();
  }

  private disconnected(): void {
    this.sources.disconnected();
    this.model.disconnected(this.parts.clock.now());
  }

  private heard({ subject, application_properties: properties, body }: Message, address: string): void {
    this.sources.receive({ address, subject, properties, body }, this.parts.clock.now());
    this.wake();
  }

  /** Where to listen and whom to ask follows from what was heard. */
  private wake(): void {
    if (this.isStopped) return;
    const now = this.parts.clock.now();
    this.sources.tick(now);
    if (this.sources.revision !== this.listenedRevision) {
      this.listenedRevision = this.sources.revision;
      this.client.listen(this.sources.addresses());
    }
    for (const to of this.sources.takeRequests()) this.client.sendTo({ to, subject: 'FLUSH', body: null });
    clearTimeout(this.wakeTimer);
    const deadline = this.sources.deadline();
    if (deadline === Number.POSITIVE_INFINITY) return;
    this.wakeTimer = setTimeout(() => this.wake(), Math.max(1, deadline - now));
  }

  /** Now and then: what is due is looked at, and who looks is told. */
  private batch(): void {
    if (this.isStopped) return;
    const { clock } = this.parts;
    const now = clock.now();
    this.wantFlows();
    if (this.isLookedAt && now >= this.reachableAt) void this.lookWhoIsReachable(now);
    if (now >= this.platformDueAt) void this.askPlatform(now);
    this.model.lookForEvents(now);
    if (this.subscribers.size > 0) this.tellChanges();
    this.tellFlows(now);
    this.batchTimer = setTimeout(() => this.batch(), Math.max(BATCH_MS, (clock.now() - now) / BATCH_SHARE));
  }

  private tellChanges(): void {
    const view = this.view();
    const changes = changesBetween(this.told, view);
    this.told = view;
    if (changes.length > 0) for (const listener of [...this.subscribers]) listener(changes);
  }

  private tellFlows(now: number): void {
    const taken = this.model.takeFlows(this.flowSubscribers.size > 0, now);
    if (taken === undefined) return;
    for (const { filter, listener } of [...this.flowSubscribers]) {
      const wanted = taken.flows.filter(changeMatcherOf(filter, taken.places));
      // The latest, where there are more than anybody reads.
      if (wanted.length > 0) listener(filter.limit === undefined ? wanted : wanted.slice(-filter.limit));
    }
  }

  /** A router that cannot be reached cannot say that its links are gone. */
  private async lookWhoIsReachable(now: number): Promise<void> {
    this.reachableAt = Number.POSITIVE_INFINITY;
    try {
      if (!this.client.isUp) return;
      const nodes = await this.client.query('router.node');
      const names = nodes
        .filter(({ cost, nextHop }) => (cost !== undefined && cost !== null) || nextHop === '(self)')
        .map(({ id }) => String(id));
      // An edge router knows no others.
      const isEdge = names.length === 0;
      const takers = isEdge || !this.model.hasEdges ? undefined : await this.takers();
      this.model.reachable(isEdge ? undefined : new Set(names), this.parts.clock.now(), takers);
    } catch (err) {
      if (!(err instanceof RouterRequestError)) throw err;
      this.parts.log.debug({ err }, 'reachable routers not read');
    } finally {
      this.reachableAt = now + REACHABLE_MS;
    }
  }

  /** Sources that what is sent to them gets to. */
  private async takers(): Promise<Set<string>> {
    const addresses = await this.client.query('router.address', TAKING);
    const taken = addresses.filter((each) => COUNTS.some((name) => Number(each[name] ?? 0) > 0));
    return new Set(
      taken.flatMap(({ key }) =>
        typeof key === 'string' && key.startsWith(DIRECT_KEY) ? [key.slice(DIRECT_KEY.length)] : [],
      ),
    );
  }

  private async askPlatform(now: number): Promise<void> {
    const { platform, log, clock } = this.parts;
    if (platform === undefined || this.isAskingPlatform) return;
    this.isAskingPlatform = true;
    try {
      const [events, certificates] = await Promise.all([platform.events(), platform.certificates()]);
      this.model.platformTold(events, certificates, clock.now());
      this.model.problem('platform', undefined, clock.now());
    } catch (err) {
      log.warn({ err }, 'the platform was not asked for events and certificates');
      this.model.problem('platform', UNTOLD, clock.now());
    } finally {
      this.isAskingPlatform = false;
      this.platformAsked = { at: now, tookMs: clock.now() - now };
    }
  }
}
