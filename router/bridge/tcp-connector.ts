/**
 * A tcpConnector: the consumer of its address that dials a backend, as far as it concerns the core.
 *
 * It is passed over while its backend is unfit (`backend-health.ts`), and out of the address table, so that other routers send
 * nothing here, while that lasts, as long as others have the address: the last one stays. Its limits: so many connections
 * at a time; of those that come when it has them, so many wait for a place, and only when they have no other way.
 *
 * Invariants: it is in the table or withdrawn, never both; a flow that waits has not been dialled and ends at the latest after
 * `connectTimeoutMs`.
 */
import { Seldom } from '../../lib/seldom.ts';
import type { AddressTable, AddressWatcher } from '../core/address-table.ts';
import type { Effects } from '../core/effects.ts';
import { hashKey } from '../core/hash-key.ts';
import { BACKEND_CONNECT_TIMEOUT_MS, FAULT_LOG_INTERVAL_MS, WITHDRAWAL_DELAY_MS } from '../core/limits.ts';
import type { Outlet, Transit } from '../core/transit.ts';
import type { Weighted } from '../core/weights.ts';
import type { Checkpoint } from '../policy/checkpoint.ts';
import { SHORTAGES, type Shortage } from './admission.ts';
import { BackendHealth, type HealthCheck } from './backend-health.ts';
import type { ConnectorFlow } from './connector-flow.ts';
import type { ServiceNames } from './doors.ts';
import type { Flow } from './flow.ts';
import { newCounters } from './flow-counters.ts';
import type { FlowEntity } from './flow-owner.ts';
import type { BridgePolicies } from './policies.ts';
import type { Refusals } from './refusals.ts';

export interface ConnectorSettings extends ServiceNames {
  /** Connections at a time; 0 for no limit. */
  maxConnections: number;
  /** Of those that come beyond it, how many wait. */
  maxQueuedConnections: number;
  /** How long a dial may take, and a flow wait for a place, ms. */
  connectTimeoutMs: number;
  healthCheck: HealthCheck | undefined;
  /** Share among the consumers of its address here (core/weights.ts). */
  weight: number;
}

export const DEFAULT_SETTINGS: ConnectorSettings = {
  maxConnections: 0,
  maxQueuedConnections: 0,
  connectTimeoutMs: BACKEND_CONNECT_TIMEOUT_MS,
  healthCheck: undefined,
  weight: 100,
};

export interface ConnectorOwner {
  readonly routerId: string;
  /** Time of the turn, ms. */
  readonly now: number;
  readonly effects: Effects;
  readonly addresses: AddressTable;
  /** Whether it is known here which other routers have an address. */
  readonly knowsOthers: boolean;
  /** The router is about to go: its connectors are for who has no other. */
  readonly draining: boolean;
  /** What limits have kept away, and what was found by looking. */
  readonly refusals: Refusals;
  readonly policies: BridgePolicies;
  /** What there is too much of for one more flow at this router; it counts and tells that. @param extraCount flows that do not count */
  shortage(extraCount?: number): Shortage | undefined;
  random(): number;
  openConnectorFlow(connector: TcpConnector, transit: Transit): Flow & ConnectorFlow;
  /** Its deadline has come nearer. */
  dueSooner(connector: TcpConnector): void;
}

const PENALTY_COST = 1_000_000;
const MODULE = 'TCP_ADAPTOR';

export class TcpConnector implements Weighted, FlowEntity, AddressWatcher {
  readonly name: string;
  readonly address: string;
  readonly key: string;
  settings: ConnectorSettings;
  readonly counters = newCounters();
  readonly flows = new Set<Flow>();
  readonly health: BackendHealth;
  openCount = 0;
  /** Of `core/weights.ts`. */
  credit = 0;
  private readonly owner: ConnectorOwner;
  /** What policies say of those who come. */
  checkpoint: Checkpoint | undefined;
  private readonly waiting = new Set<ConnectorFlow>();
  /** Flows that policies have not let in yet: they have no place. */
  private readonly held = new Set<ConnectorFlow>();
  /** When it leaves the address table. */
  private withdrawAt = Number.POSITIVE_INFINITY;
  private offered = false;
  private deleted = false;
  /** It is the last: back into the table, at the next tick. */
  private isWanted = false;
  private readonly limitLog = new Seldom(FAULT_LOG_INTERVAL_MS);

  constructor(name: string, address: string, settings: Partial<ConnectorSettings>, owner: ConnectorOwner) {
    this.name = name;
    this.address = address;
    this.settings = { ...DEFAULT_SETTINGS, ...settings };
    this.owner = owner;
    this.key = hashKey(address, owner.routerId);
    this.health = new BackendHealth(this.settings.healthCheck, owner.now, owner.random());
  }

  /** Why the backend could not be reached the last time; undefined when it could. */
  get problem(): string | undefined {
    return this.health.problem;
  }

  get affinityName(): string {
    return this.name;
  }

  get weight(): number {
    return this.settings.weight;
  }

  /** Its backend was not reached of late, or its router drains: it is worse than any other. */
  get passedOver(): boolean {
    return this.health.unfit || this.owner.draining;
  }

  get cost(): number {
    return this.passedOver ? PENALTY_COST : 0;
  }

  /** While its router drains, others are not told of it: what comes all the same has no other way. */
  get untold(): boolean {
    return this.owner.draining;
  }

  /** Others have its address and are told that it has not. */
  get withdrawn(): boolean {
    return !this.offered && !this.deleted;
  }

  get queuedCount(): number {
    return this.waiting.size;
  }

  // ---- being there

  offer(): void {
    if (this.offered) return;
    this.offered = true;
    this.isWanted = false;
    this.owner.addresses.addConsumer(this.key, this);
    this.owner.addresses.unwatch(this.key, this);
  }

  delete(): void {
    this.deleted = true;
    if (this.offered) this.owner.addresses.removeConsumer(this.key, this);
    else this.owner.addresses.unwatch(this.key, this);
    this.offered = false;
    // Nobody looks at the time for them any more.
    const waiting = [...this.waiting, ...this.held];
    this.waiting.clear();
    this.held.clear();
    for (const flow of waiting) flow.connectFailed('the tcpConnector was deleted');
  }

  /** New connections follow at once, and those that wait; open ones stay as they are. */
  adjust(settings: ConnectorSettings): void {
    this.settings = settings;
    this.checkpoint = undefined;
    this.health.watch(settings.healthCheck, this.owner.now, this.owner.random());
    this.fillPlaces();
    this.settle();
  }

  /** Called for one that is withdrawn: it may be the last. */
  reachable(_key: string, reachable: boolean): void {
    if (reachable || !this.withdrawn) return;
    this.isWanted = true;
    this.owner.dueSooner(this);
  }

  changed(): void {}

  private withdraw(): void {
    this.withdrawAt = Number.POSITIVE_INFINITY;
    if (!this.offered || !this.othersHaveIt) return;
    this.offered = false;
    // The watch first: it keeps what is known of the address.
    this.owner.addresses.watch(this.key, this);
    this.owner.addresses.removeConsumer(this.key, this);
    this.log('warn', 'backend is not fit: other routers have its address alone');
  }

  private get othersHaveIt(): boolean {
    return this.owner.knowsOthers && (this.owner.addresses.get(this.key)?.remotes.size ?? 0) > 0;
  }

  /** The backend has become fit or unfit, or stayed it. */
  private settle(): void {
    if (!this.health.unfit) {
      this.withdrawAt = Number.POSITIVE_INFINITY;
      if (!this.deleted) this.offer();
    } else if (this.offered && this.health.unfitForLong && this.othersHaveIt && this.withdrawAt === Infinity) {
      // Two that see each other and are unfit both must not go at once.
      this.withdrawAt = this.owner.now + this.owner.random() * WITHDRAWAL_DELAY_MS;
    }
    this.owner.dueSooner(this);
  }

  // ---- time

  get deadline(): number {
    if (this.deleted) return Number.POSITIVE_INFINITY;
    if (this.isWanted) return this.owner.now;
    const [first] = this.waiting;
    const waitUntil = first === undefined ? Number.POSITIVE_INFINITY : first.takenAt + this.settings.connectTimeoutMs;
    return Math.min(this.health.probeAt, this.withdrawAt, waitUntil);
  }

  tick(now: number): void {
    if (this.deleted) return;
    if (this.isWanted) this.offer();
    if (this.withdrawAt <= now) this.withdraw();
    this.endWaiting(now);
    if (this.health.probeAt > now) return;
    this.health.probing();
    const { name: connector, health } = this;
    this.owner.effects.push({ type: 'probe', connector, withinMs: health.probeWithinMs, path: health.check?.path });
  }

  /** @param problem why the backend is not well; undefined when it is */
  probed(problem: string | undefined): void {
    const { refusals, now } = this.owner;
    if (problem === undefined) refusals.probesPassed++;
    else refusals.probesFailed++;
    const changed = this.health.probed(problem, now, this.owner.random());
    if (changed && problem === undefined) this.log('info', 'backend is reached again');
    else if (changed) this.log('warn', 'backend is not well: passed over while there is another', { reason: problem });
    this.settle();
  }

  // ---- flows

  take(transit: Transit): Outlet | undefined {
    // It may go elsewhere; where it may not, it is refused as one whose backend refuses, so that nobody sends it again.
    if (this.isFull && transit.tryMs !== undefined) {
      this.turnAway();
      return undefined;
    }
    if (transit.tryMs !== undefined && this.owner.shortage() !== undefined) return undefined;
    this.openCount++;
    return this.owner.openConnectorFlow(this, transit);
  }

  done(): void {
    this.openCount--;
  }

  /** A flow is ready to be dialled. @returns false when it waits, for `dial` to be called, or is refused */
  admits(flow: ConnectorFlow): boolean {
    const ticket = this.owner.policies.atConnector(this, flow);
    if (ticket === undefined) return this.places(flow);
    flow.ticket = ticket;
    if (ticket.refusal !== undefined) {
      flow.turnedAway(ticket.refusal);
      return false;
    }
    if (ticket.waits) {
      ticket.attach(flow);
      this.held.add(flow);
      return false;
    }
    flow.letIn();
    return this.places(flow);
  }

  /** Policies allow a flow. @returns false when it waits for a place */
  places(flow: ConnectorFlow): boolean {
    const { maxConnections } = this.settings;
    this.held.delete(flow);
    // The flow itself is among them.
    const shortage = this.owner.shortage(1);
    if (shortage !== undefined) {
      this.counters.connectionsRefused++;
      flow.connectFailed(SHORTAGES[shortage]);
      return false;
    }
    if (maxConnections === 0 || this.placedCount <= maxConnections) return true;
    if (this.waiting.size < this.settings.maxQueuedConnections) {
      this.waiting.add(flow);
      this.owner.dueSooner(this);
    } else {
      this.turnAway();
      flow.connectFailed('the tcpConnector has as many connections as it may have');
    }
    return false;
  }

  /** A flow of it is over. */
  left(flow: Flow): void {
    this.waiting.delete(flow as ConnectorFlow);
    this.held.delete(flow as ConnectorFlow);
    this.fillPlaces();
  }

  private fillPlaces(): void {
    const { maxConnections } = this.settings;
    for (const next of this.waiting) {
      if (maxConnections > 0 && this.placedCount >= maxConnections) return;
      this.waiting.delete(next);
      next.dial();
    }
  }

  private get placedCount(): number {
    return this.flows.size - this.waiting.size - this.held.size;
  }

  private turnAway(): void {
    this.owner.refusals.connector++;
    this.counters.connectionsRefused++;
    this.tellLimit('connection refused: the tcpConnector has as many as it may have');
  }

  private get isFull(): boolean {
    const { maxConnections } = this.settings;
    return maxConnections > 0 && this.flows.size >= maxConnections;
  }

  private endWaiting(now: number): void {
    for (const flow of this.waiting) {
      if (flow.takenAt + this.settings.connectTimeoutMs > now) return;
      this.waiting.delete(flow);
      this.owner.refusals.queue++;
      this.counters.connectionsRefused++;
      this.tellLimit('connection refused: it has waited in vain for others of the tcpConnector to end');
      flow.connectFailed(`no place within ${this.settings.connectTimeoutMs / 1000} s`);
    }
  }

  reached(): void {
    if (this.health.reached()) this.log('info', 'backend is reached again');
    this.settle();
  }

  /** @param dialledAt ms; flows that were dialled side by side are one failure */
  refused(reason: string, dialledAt: number): void {
    this.counters.connectionsRefused++;
    const passedOverMs = this.health.refused(reason, dialledAt, this.owner.now);
    if (passedOverMs === undefined) return;
    this.log('warn', 'backend is not reached: passed over while there is another', { reason, passedOverMs });
    this.settle();
  }

  private tellLimit(message: string): void {
    const before = this.limitLog.tell(this.owner.now);
    if (before === undefined) return;
    const { maxConnections, maxQueuedConnections } = this.settings;
    this.log('warn', message, { maxConnections, maxQueuedConnections, ...(before > 0 && { before }) });
  }

  private log(level: 'info' | 'warn', message: string, fields: object = {}): void {
    const { name: connector, address } = this;
    this.owner.effects.log(level, message, { connector, address, ...fields }, MODULE);
  }
}
