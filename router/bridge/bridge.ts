/**
 * The bridge between TCP and the network: the tcpListeners and tcpConnectors of this router and their open flows.
 *
 * A tcpListener's socket is open only while an address of it is reachable; a tcpConnector is a consumer of its
 * address. With a `multiAddressStrategy` a listener has several addresses (listenerAddress entities) and chooses one
 * for each connection (`listener-address.ts`); when that one refuses, another.
 */

import { CONNECT_SECONDS, DurationHistogram } from '../../lib/histogram.ts';
import { Seldom } from '../../lib/seldom.ts';
import type { AddressTable } from '../core/address-table.ts';
import { clientHash } from '../core/affinity.ts';
import type { DeliveryCounters } from '../core/delivery-counters.ts';
import type { Effects } from '../core/effects.ts';
import { DIAL_PATIENCE_MS, FAULT_LOG_INTERVAL_MS } from '../core/limits.ts';
import type { Candidate, Transit } from '../core/transit.ts';
import type { Clients } from '../identity/client.ts';
import { refusedText } from '../policy/refusal.ts';
import type { Refusal } from '../policy/ticket.ts';
import { Admission, SHORTAGES, type Shortage } from './admission.ts';
import { ConnectorClock } from './connector-clock.ts';
import { ConnectorFlow } from './connector-flow.ts';
import type { Flow } from './flow.ts';
import { FlowBudget } from './flow-budget.ts';
import type { FlowCounters, FlowEntity, FlowOwner, SocketEnd } from './flow-owner.ts';
import type { FlowTracer } from './flow-tracer.ts';
import { AddressTrial } from './listener-address.ts';
import { type Dispatcher, ListenerFlow, REPLY_PREFIX } from './listener-flow.ts';
import { BridgePolicies } from './policies.ts';
import type { FlowRecorder } from './recorder.ts';
import { type DialFailure, newRefusals, type Refusals } from './refusals.ts';
import { ReportQueue } from './report-queue.ts';
import { BridgeSurvivals } from './resume/shared.ts';
import { FlowDoor } from './resume/streams.ts';
import { FLOW_PREFIX } from './resume/survival.ts';
import { ServiceCounts } from './service-totals.ts';
import { type ConnectorOwner, type ConnectorSettings, TcpConnector } from './tcp-connector.ts';
import type { TcpListener } from './tcp-listener.ts';
import { type ListenersOwner, TcpListeners } from './tcp-listeners.ts';

export interface BridgeParts {
  routerId: string;
  /** What addresses of this router alone begin with. */
  home: string;
  addresses: AddressTable;
  effects: Effects;
  deliveries: DeliveryCounters;
  dispatcher: Dispatcher;
  /** Uniform in [0, 1). */
  random: () => number;
  /** A name for a temporary address, 15 characters. */
  temporaryName: () => string;
  /** For how long a flow may be without a way, ms; 0: flows end with their way. */
  flowPauseLimitMs?: number;
  /** What may be held for flows. */
  flowMemoryBytes?: number;
  /** How many flows there may be. */
  flowCountMax?: number;
  /** Whether it is known here which other routers have an address; it is unless said otherwise. */
  knowsOthers?: boolean;
  /** Who clients are. */
  clients: Clients;
  /** Id of the router where a message entered the network; undefined when this router cannot vouch for it. */
  ingressOf?: (transit: Transit) => string | undefined;
}

export class Bridge implements FlowOwner, ConnectorOwner, ListenersOwner {
  readonly routerId: string;
  readonly effects: Effects;
  readonly deliveries: DeliveryCounters;
  readonly budget: FlowBudget;
  readonly admission: Admission;
  readonly reports = new ReportQueue();
  readonly survivals: BridgeSurvivals;
  readonly policies = new BridgePolicies(this);
  readonly addresses: AddressTable;
  readonly clients: Clients;
  readonly knowsOthers: boolean;
  readonly refusals: Refusals = newRefusals();
  readonly tcpListeners = new TcpListeners(this);
  readonly listeners: ReadonlyMap<string, TcpListener> = this.tcpListeners.byName;
  readonly connectors = new Map<string, TcpConnector>();
  readonly flows = new Map<number, Flow>();
  /** Time of the turn, kept by the router. */
  now = 0;
  /** Its connectors are for who has no other, and unknown to others. */
  draining = false;
  /** Dials that were given up since the flow had another way, and those that took all their time, since the start. */
  dialsHurriedCount = 0;
  dialsTimedOutCount = 0;
  private readonly shortageLog = new Seldom(FAULT_LOG_INTERVAL_MS);
  /** Connections that were HTTP in the beginning and could not be followed to their end. */
  observersGaveUpCount = 0;
  /** Who keeps records of flows; undefined when nobody does. */
  recorder: FlowRecorder | undefined;
  /** Who makes spans of flows; undefined when nobody wants any. */
  tracer: FlowTracer | undefined;
  private readonly parts: BridgeParts;
  private readonly replies = new Map<string, ListenerFlow>();
  /** Connectors' ends of flows that may go on over another way. */
  private readonly named = new Map<string, ConnectorFlow>();
  /** Deleted entities with flows that go on. */
  readonly retiring = new Set<FlowEntity>();
  readonly counts = new ServiceCounts(this);
  /** From when clients were accepted to when their backends were there. */
  readonly connectTimes = new DurationHistogram(CONNECT_SECONDS);
  private readonly clock = new ConnectorClock(this.connectors);
  private nextFlow = 1;

  constructor(parts: BridgeParts) {
    this.parts = parts;
    this.routerId = parts.routerId;
    this.effects = parts.effects;
    this.deliveries = parts.deliveries;
    this.budget = new FlowBudget(parts.flowMemoryBytes);
    this.admission = new Admission(parts.flowCountMax ?? Number.POSITIVE_INFINITY, this.budget);
    this.survivals = new BridgeSurvivals(this, parts);
    this.addresses = parts.addresses;
    this.clients = parts.clients;
    this.knowsOthers = parts.knowsOthers ?? true;
  }

  // ---- time

  /** When there is next something to do for a connector, or a flow. */
  get deadline(): number {
    const { agenda } = this.survivals;
    return Math.min(this.clock.deadline, this.reports.deadline(), agenda.deadline(), this.policies.deadline);
  }

  tick(now: number): void {
    this.now = now;
    this.clock.tick(now);
    this.reports.tick(now);
    this.survivals.agenda.tick(now);
    this.policies.tick(now);
  }

  dueSooner(connector: TcpConnector): void {
    this.clock.sooner(connector);
  }

  // ---- entities

  addConnector(name: string, address: string, settings: Partial<ConnectorSettings> = {}): void {
    const connector = new TcpConnector(name, address, settings, this);
    this.connectors.set(name, connector);
    connector.offer();
    this.dueSooner(connector);
  }

  /** Its limits, and how its backend is watched, from now on. */
  adjustConnector(name: string, settings: ConnectorSettings): void {
    this.connectors.get(name)?.adjust(settings);
    this.policies.serviceChanged();
  }

  /** Whether connectors are used, and told of, as ever; open flows go on. */
  setDraining(draining: boolean): void {
    if (draining === this.draining) return;
    const offered = [...this.connectors.values()].filter(({ withdrawn }) => !withdrawn);
    for (const connector of offered) this.addresses.removeConsumer(connector.key, connector);
    this.draining = draining;
    for (const connector of offered) this.addresses.addConsumer(connector.key, connector);
  }

  deleteConnector(name: string, keepFlows: boolean): void {
    const connector = this.connectors.get(name);
    if (!connector) return;
    this.connectors.delete(name);
    connector.delete();
    if (!keepFlows) for (const flow of [...connector.flows]) flow.reset();
    this.retire(connector);
  }

  // ---- flows

  /**
   * A client's connection was accepted.
   * @param boundTo the client's address, when its connections are to stay together
   * @param client the other end of the connection, where it is known
   * @returns the flow's id, or undefined when the listener is gone
   */
  accepted(listenerName: string, boundTo?: string, client?: SocketEnd): number | undefined {
    const listener = this.listeners.get(listenerName);
    if (!listener || this.turnsAway(listener)) return undefined;
    const ticket = this.policies.atListener(listener, client?.host);
    if (ticket?.refusal !== undefined) {
      this.turnedAway(listener, client, ticket.refusal);
      return undefined;
    }
    const { policies } = this;
    const bound = boundTo === undefined ? undefined : clientHash(boundTo);
    const trial = new AddressTrial(listener, bound, policies.rulesOf(listener, client?.host, ticket));
    const waits = ticket?.waits === true;
    const address = waits ? undefined : trial.next();
    if (ticket?.refusal !== undefined) {
      ticket.leave();
      this.turnedAway(listener, client, ticket.refusal);
      return undefined;
    }
    listener.counters.connectionsOpened++;
    if (address === undefined && !waits) {
      ticket?.leave();
      listener.counters.connectionsRefused++;
      listener.counters.connectionsClosed++;
      return undefined;
    }
    const { home } = this.parts;
    const replyName = this.parts.temporaryName();
    const { routerId } = this;
    const { recorder } = this;
    const { observer = 'none' } = listener.options;
    const { dispatcher } = this.parts;
    const about = { listener: listenerName, routerId, home, client, clients: this.clients };
    const route = { ...about, replyName, trial, dispatcher, recorder, observer };
    const flow = new ListenerFlow(this.nextFlow++, this, listener, route);
    this.register(flow);
    this.replies.set(replyName, flow);
    flow.ticket = ticket;
    if (address === undefined) ticket!.attach(flow);
    else {
      flow.letIn();
      flow.start(address);
    }
    return flow.id;
  }

  /** A policy does not allow it: who keeps records hears of it all the same. */
  private turnedAway(listener: TcpListener, client: SocketEnd | undefined, { reason }: Refusal): void {
    listener.counters.connectionsRefused++;
    const [listenerAddress] = listener.addresses;
    const note = this.recorder?.accepted({ ...NOTHING_CARRIED, client, listenerAddress });
    note?.ended(refusedText(reason));
  }

  openConnectorFlow(connector: TcpConnector, stream: Transit): ConnectorFlow {
    const flow = new ConnectorFlow(this.nextFlow++, this, connector, {
      connector: connector.name,
      routerId: this.routerId,
      dispatcher: this.parts.dispatcher,
      stream,
      now: this.now,
      recorder: this.recorder,
      gate: connector,
      clients: this.clients,
      ingressOf: this.parts.ingressOf,
    });
    connector.counters.connectionsOpened++;
    this.register(flow);
    return flow;
  }

  connected(id: number, local?: SocketEnd): void {
    const flow = this.flows.get(id);
    if (!(flow instanceof ConnectorFlow)) return;
    this.connectors.get(flow.connector)?.reached();
    flow.connected(local);
  }

  connectFailed(id: number, reason: string, failure: DialFailure): void {
    const flow = this.flows.get(id);
    if (!(flow instanceof ConnectorFlow)) return;
    const timedOut = failure === 'timed-out';
    if (failure === 'own') this.refusals.system++;
    if (timedOut && flow.withinMs !== undefined) this.dialsHurriedCount++;
    else if (timedOut) this.dialsTimedOutCount++;
    const connector = this.connectors.get(flow.connector);
    // A flow that had waited elsewhere before gave the backend too little time to judge it by.
    const isJudged = failure === 'refused' || (timedOut && (flow.withinMs ?? DIAL_PATIENCE_MS) >= DIAL_PATIENCE_MS);
    if (isJudged) connector?.refused(reason, flow.takenAt);
    else if (connector) connector.counters.connectionsRefused++;
    flow.connectFailed(reason);
  }

  /** The router has looked at a connector's backend. @param problem why it is not well; undefined when it is */
  probed(connector: string, problem: string | undefined): void {
    this.connectors.get(connector)?.probed(problem);
  }

  /** What there is too much of for another flow; it is counted, and told in the log at times. */
  shortage(extraCount = 0): Shortage | undefined {
    const shortage = this.admission.shortage(this.flows.size - extraCount);
    if (shortage === undefined) return undefined;
    this.refusals[shortage]++;
    const before = this.shortageLog.tell(this.now);
    if (before !== undefined) {
      const since = before > 0 && { before };
      const fields = { connections: this.flows.size, connectionsMax: this.admission.countMax, ...since };
      this.effects.log('warn', `connection refused: ${SHORTAGES[shortage]}`, fields, 'TCP_ADAPTOR');
    }
    return shortage;
  }

  private turnsAway(listener: TcpListener): boolean {
    if (!listener.isFull) {
      const isShort = this.shortage() !== undefined;
      if (isShort) listener.counters.connectionsRefused++;
      return isShort;
    }
    this.refusals.listener++;
    listener.counters.connectionsRefused++;
    const before = listener.limitLog.tell(this.now);
    if (before !== undefined) {
      const { name, maxConnections } = listener.options;
      const fields = { listener: name, maxConnections, ...(before > 0 && { before }) };
      this.effects.log('warn', 'connection refused: the tcpListener has as many as it may have', fields, 'TCP_ADAPTOR');
    }
    return true;
  }

  flowOver(flow: Flow): void {
    this.flows.delete(flow.id);
    flow.release();
    flow.entity.flows.delete(flow);
    flow.entity.counters.connectionsClosed++;
    flow.entity.left?.(flow);
    this.policies.left(flow);
    if (flow instanceof ListenerFlow) {
      this.replies.delete(flow.replyName);
      this.survivals.agenda.delete(flow);
      flow.endObservation();
    } else if (flow instanceof ConnectorFlow && flow.flowName !== undefined) this.named.delete(flow.flowName);
    if (this.retiring.has(flow.entity)) this.retire(flow.entity);
  }

  renameReply(flow: ListenerFlow): string {
    this.replies.delete(flow.replyName);
    const name = this.parts.temporaryName();
    this.replies.set(name, flow);
    return name;
  }

  nameFlow(flow: ConnectorFlow): string {
    flow.flowName = this.parts.temporaryName();
    this.named.set(flow.flowName, flow);
    return flow.flowName;
  }

  /** What comes for a flow that lives, or has lived, at this router. @param key `flow.` and its name */
  flowTarget(key: string): Candidate {
    const name = key.slice(FLOW_PREFIX.length);
    return new FlowDoor(() => (this.named.get(name) ?? this.replies.get(name))?.addressee);
  }

  /** Every flow is ended from here. @param reason for people */
  resetFlows(reason: string): void {
    for (const flow of [...this.flows.values()]) flow.reset(reason);
  }

  observerGaveUp(): void {
    this.observersGaveUpCount++;
  }

  /** Flows now, by what their clients speak. */
  protocols(): { tcp: number; http1: number; http2: number } {
    const count = { tcp: 0, http1: 0, http2: 0 };
    for (const flow of this.flows.values()) count[(flow instanceof ListenerFlow && flow.protocol) || 'tcp']++;
    return count;
  }

  /** Of all tcpListeners and tcpConnectors since the start. */
  totals(): FlowCounters {
    return this.counts.total();
  }

  /** It is deleted; what it has counted is counted on, when its last flow is over. */
  retire(entity: FlowEntity): void {
    if (entity.flows.size > 0) {
      this.retiring.add(entity);
      return;
    }
    this.retiring.delete(entity);
    this.counts.retire(entity);
  }

  /** Connectors whose backends were not reached of late. */
  passedOverCount(): number {
    let count = 0;
    for (const { passedOver } of this.connectors.values()) if (passedOver) count++;
    return count;
  }

  /** Flows that wait for a place at a connector, and connectors whose addresses others have alone. */
  connectorCounts(): { queued: number; withdrawn: number } {
    const count = { queued: 0, withdrawn: 0 };
    for (const { queuedCount, withdrawn } of this.connectors.values()) {
      count.queued += queuedCount;
      if (withdrawn) count.withdrawn++;
    }
    return count;
  }

  /** The flow that waits for its answering stream under a temporary address. */
  replyTarget(key: string): Candidate | undefined {
    return this.replies.get(key.slice(REPLY_PREFIX.length));
  }

  private register(flow: Flow): void {
    this.flows.set(flow.id, flow);
    flow.entity.flows.add(flow);
  }

  random(): number {
    return this.parts.random();
  }
}

const NOTHING_CARRIED = { bytesIn: 0, bytesOut: 0, firstInAt: 0, firstOutAt: 0 } as const;
