/**
 * Policies at the two ends of flows: at a tcpListener before any stream is made, at a tcpConnector before the backend is dialled. Pure.
 *
 * A decision is a look at the checkpoint of the address or connector. Where no policy selects the service nothing is made at all; where one
 * does, each connection has a ticket, which it gives back when it is over.
 */
import type { Decision, PolicyClient, RuleReference } from '../../lib/policy/types.ts';
import type { Effects } from '../core/effects.ts';
import { FAULT_LOG_INTERVAL_MS } from '../core/limits.ts';
import type { Clients } from '../identity/client.ts';
import { Checkpoint } from '../policy/checkpoint.ts';
import { workloadKey } from '../policy/keys.ts';
import { IDENTITY_LOOK_MS, IDENTITY_WAITS_MAX } from '../policy/limits.ts';
import { Measures } from '../policy/measures.ts';
import { PolicyLog } from '../policy/policy-log.ts';
import { PolicyTable } from '../policy/policy-table.ts';
import { type Door, decisionOf, type Refusal, Ticket, type TicketParts } from '../policy/ticket.ts';
import { WaitedInVain } from '../policy/waited-in-vain.ts';
import type { ConnectorFlow } from './connector-flow.ts';
import { ConnectorDoor, type DoorParts, ListenerDoor, serviceOf } from './doors.ts';
import type { Flow } from './flow.ts';
import { FlowMeter } from './flow-meter.ts';
import type { FlowEntity } from './flow-owner.ts';
import type { AddressRules, ListenerAddress } from './listener-address.ts';
import { type AddressJudge, ListenerRules } from './listener-rules.ts';
import type { Refusals } from './refusals.ts';
import { TcpConnector } from './tcp-connector.ts';
import { TcpListener } from './tcp-listener.ts';

export interface PoliciesOwner {
  /** Time of the turn, ms. */
  readonly now: number;
  readonly effects: Effects;
  readonly refusals: Refusals;
  readonly clients: Clients;
  readonly flows: ReadonlyMap<number, Flow>;
}

const MODULE = 'POLICY';
const UNKNOWN_REVISION = -1;

export class BridgePolicies implements TicketParts, DoorParts, AddressJudge {
  readonly table = new PolicyTable();
  readonly measures = new Measures();
  private readonly owner: PoliciesOwner;
  private readonly told = new PolicyLog(FAULT_LOG_INTERVAL_MS);
  readonly inVain = new WaitedInVain();
  /** Those that wait until it is known who they are. */
  private readonly unidentified = new Set<Ticket>();
  private lookAt = Number.POSITIVE_INFINITY;
  private revision = 0;

  constructor(owner: PoliciesOwner) {
    this.owner = owner;
  }

  get now(): number {
    return this.owner.now;
  }

  get clients(): Clients {
    return this.owner.clients;
  }

  // ---- time

  get deadline(): number {
    if (this.revision !== this.table.revision) return this.now;
    return Math.min(this.measures.deadline, this.lookAt);
  }

  tick(now: number): void {
    if (this.revision !== this.table.revision) this.reconsider();
    this.measures.tick(now);
    if (this.lookAt > now) return;
    for (const ticket of [...this.unidentified]) ticket.advance();
    this.lookAt = this.unidentified.size > 0 ? now + IDENTITY_LOOK_MS : Number.POSITIVE_INFINITY;
  }

  // ---- who comes

  /**
   * A client has come to a tcpListener.
   * @returns undefined where no policy has a say
   */
  atListener(listener: TcpListener, host: string | undefined): Ticket | undefined {
    if (this.table.isEmpty) return undefined;
    const checkpoints = this.checkpointsOf(listener, listener.addresses);
    if (!checkpoints.some(isGoverned)) return undefined;
    return this.ticketOf(new ListenerDoor(listener.options.name, checkpoints, host, this));
  }

  /** A stream has come to a tcpConnector, and its head is whole. */
  atConnector(connector: TcpConnector, flow: ConnectorFlow): Ticket | undefined {
    if (this.table.isEmpty) return undefined;
    const checkpoint = this.connectorCheckpoint(connector);
    return checkpoint.isGoverned ? this.ticketOf(new ConnectorDoor(connector.name, checkpoint, flow, this)) : undefined;
  }

  /** To which addresses of a tcpListener a client may be sent, within which limits; undefined: to all, as its ticket says. */
  rulesOf(listener: TcpListener, host: string | undefined, ticket: Ticket | undefined): AddressRules | undefined {
    return this.table.isEmpty ? undefined : new ListenerRules(this, listener, host, ticket);
  }

  clientAt({ options }: TcpListener, host: string | undefined): PolicyClient {
    return this.clients.accepted(host, options.name);
  }

  decideAt(listener: TcpListener, address: ListenerAddress, client: PolicyClient): Decision {
    return this.addressCheckpoint(listener, address).decide(client);
  }

  noPlaceThere({ refusal, door }: Ticket): void {
    this.refused(refusal!, door);
  }

  /** Of a connection that is within limits: its octets, where they count. */
  meterOf(flow: Flow, ticket: Ticket): FlowMeter | undefined {
    if (!ticket.isPaced) return undefined;
    const { measures } = this;
    const { within, door } = ticket;
    return new FlowMeter(flow, this.owner, workloadKey(door.client()), within, (at) => measures.waitsAt(at, this.now));
  }

  /** The flow is over. */
  left({ ticket, meter }: Flow): void {
    if (ticket === undefined) return;
    this.unidentified.delete(ticket);
    ticket.leave();
    meter?.leave();
  }

  private ticketOf(door: Door): Ticket {
    const ticket = new Ticket(door, this, this.unidentified.size < IDENTITY_WAITS_MAX);
    ticket.advance();
    this.lookLater(ticket);
    return ticket;
  }

  private lookLater(ticket: Ticket): void {
    if (ticket.state !== 'identity') return;
    this.unidentified.add(ticket);
    this.lookAt = Math.min(this.lookAt, this.now + IDENTITY_LOOK_MS);
  }

  private checkpointsOf(listener: TcpListener, addresses: readonly ListenerAddress[]): readonly Checkpoint[] {
    if (addresses.length === 1) return this.addressCheckpoint(listener, addresses[0]!).alone;
    return addresses.map((address) => this.addressCheckpoint(listener, address));
  }

  private addressCheckpoint(listener: TcpListener, address: ListenerAddress): Checkpoint {
    const { options } = listener;
    address.checkpoint ??= new Checkpoint(this.table, serviceOf(options.name, options, address.address));
    return address.checkpoint;
  }

  private connectorCheckpoint(connector: TcpConnector): Checkpoint {
    const { name, settings, address } = connector;
    connector.checkpoint ??= new Checkpoint(this.table, serviceOf(name, settings, address));
    return connector.checkpoint;
  }

  // ---- what is decided

  decided(ticket: Ticket): void {
    const { door, refusal, decision } = ticket;
    const { refusals } = this.owner;
    if (this.unidentified.delete(ticket)) door.waitedInVain(this.now);
    if (refusal !== undefined) {
      this.refused(refusal, door);
      return;
    }
    this.table.count(ticket.waitedFor, 'waited');
    const { dryRun } = decision ?? {};
    if (dryRun === undefined || dryRun.allowed) return;
    this.table.count(dryRun.by, 'wouldRefuse');
    refusals.policyDryRun++;
    this.tell('connection would be refused by a policy in dry run', dryRun, door);
  }

  private refused(refusal: Refusal, door: Door): void {
    const { by, isLimit } = refusal;
    if (by !== undefined && door.hasRefused(by)) return;
    const { refusals } = this.owner;
    if (isLimit) refusals.policyLimit++;
    else refusals.policy++;
    this.table.count(by, isLimit ? 'limited' : 'refused');
    this.tell('connection refused by a policy', refusal, door);
  }

  /** A policy of the other end's site has refused a connection that came in here. */
  refusedElsewhere(listener: string, address: string, reason: string): void {
    this.owner.refusals.policyRemote++;
    // By what is known here: the reason is the other end's to choose, and another one each time would be told each time.
    const count = this.told.count('remote', undefined, `${listener} ${address}`, this.now);
    if (count === undefined) return;
    const fields = { listener, reason, count };
    this.owner.effects.log('warn', 'connection refused by a policy at the other end', fields, MODULE);
  }

  /** As a warning, a dry run's too: these become events of the network. */
  private tell(message: string, { by, reason }: { by?: RuleReference; reason: string }, { place, entity }: Door): void {
    const count = this.told.count(message, by, `${entity} ${place}`, this.now);
    if (count === undefined) return;
    this.owner.effects.log('warn', message, { [entity]: place, ...by, reason, count }, MODULE);
  }

  // ---- when policies change

  /** What policies know a service by. */
  serviceChanged(): void {
    if (!this.table.isEmpty) this.revision = UNKNOWN_REVISION;
  }

  /**
   * Who waits is asked anew; open flows that are not allowed any more are reset where a policy says so. One that has no connection to a
   * backend yet is not open: it is as good as new.
   */
  private reconsider(): void {
    this.revision = this.table.revision;
    this.measures.refresh((by) => this.table.limitsOf(by), this.now);
    for (const flow of [...this.owner.flows.values()]) {
      const { ticket } = flow;
      if (ticket?.waits === true) {
        ticket.again();
        this.lookLater(ticket);
      } else {
        if (ticket !== undefined) flow.meter ??= this.meterOf(flow, ticket);
        this.reconsiderOpen(flow);
      }
    }
  }

  private reconsiderOpen(flow: Flow): void {
    const door = this.table.isEmpty ? undefined : flow.doorBy(this);
    if (door === undefined) return;
    const { allowed, enforceExisting, by, reason } = decisionOf(door.checkpoints, door.client());
    if (allowed || (flow.isAnswered && !enforceExisting)) return;
    const refusal = { by, reason, isLimit: false };
    if (flow.isAnswered) {
      this.owner.refusals.policyReset++;
      this.table.count(by, 'refused');
      this.tell('open connection reset: a policy does not allow it any more', refusal, door);
    } else this.refused(refusal, door);
    flow.forbidden(refusal);
  }

  /**
   * Of a flow's present address. Its listener may be deleted, and another have its name: what it came by counts as long as it is open, or
   * a service that is renamed would take its connections out of reach.
   */
  listenerDoorOf(
    listener: FlowEntity,
    address: ListenerAddress | undefined,
    host: string | undefined,
  ): Door | undefined {
    if (!(listener instanceof TcpListener) || address === undefined) return undefined;
    const { alone } = this.addressCheckpoint(listener, address);
    return new ListenerDoor(listener.options.name, alone, host, this);
  }

  connectorDoorOf(connector: FlowEntity, flow: ConnectorFlow): Door | undefined {
    if (!(connector instanceof TcpConnector)) return undefined;
    return new ConnectorDoor(connector.name, this.connectorCheckpoint(connector), flow, this);
  }
}

function isGoverned(checkpoint: Checkpoint): boolean {
  return checkpoint.isGoverned;
}
