/**
 * One connection at a tcpListener or tcpConnector that policies govern: it waits until it is known who asks, then for places within its
 * limits, and gives them back when it is over. Pure.
 *
 * Invariants: who attached itself is told by exactly one of `passed` and `turnedAway`, unless it leaves first; nothing is held after `leave`.
 */
import type { Decision, PolicyClient, RuleReference } from '../../lib/policy/types.ts';
import type { Checkpoint } from './checkpoint.ts';
import { isSameRule } from './keys.ts';
import { IDENTITY_WAIT_MS } from './limits.ts';
import type { Measure } from './measure.ts';
import type { Measures } from './measures.ts';
import { Pass, type PassLimit, type PassOwner } from './pass.ts';

/** Where a connection comes in, and who asks. */
export interface Door {
  /** The tcpListener or tcpConnector, for the log. */
  readonly entity: 'listener' | 'connector';
  readonly place: string;
  /**
   * Of a listener with several addresses one each: allowed by one of them is enough, and within those limits that hold at each which is
   * allowed. Those of one alone are asked for when the connection is sent there (`Ticket.sentTo`).
   */
  readonly checkpoints: readonly Checkpoint[];
  /** As it is known now. */
  client(): PolicyClient;
  /** Whether the client may be known better in a moment. @param client as it is known now */
  mayBecomeKnown(client: PolicyClient, now: number): boolean;
  /** It was waited for, and may be known no better. */
  waitedInVain(now: number): void;
  /** Limits that the connection is within already, at its other end in this router. */
  isWithin(by: RuleReference): boolean;
  /** The same rule has refused the connection a moment ago, where it was tried first. */
  hasRefused(by: RuleReference): boolean;
}

export interface Refusal {
  readonly by: RuleReference | undefined;
  readonly reason: string;
  /** It is a limit that has no place. */
  readonly isLimit: boolean;
}

/** The connection itself. */
export interface Gated {
  passed(): void;
  turnedAway(refusal: Refusal): void;
}

export interface TicketParts {
  readonly measures: Measures;
  /** Time of the turn, ms. */
  readonly now: number;
  /** It has come to nothing, or is within its limits. */
  decided(ticket: Ticket): void;
}

export type TicketState = 'identity' | 'limits' | 'in' | 'refused' | 'over';

export class Ticket implements PassOwner {
  readonly door: Door;
  readonly since: number;
  refusal: Refusal | undefined;
  decision: Decision | undefined;
  /** The rule whose limit it had to wait for. */
  waitedFor: RuleReference | undefined;
  private readonly parts: TicketParts;
  private readonly mayWait: boolean;
  private current: TicketState = 'identity';
  private pass: Pass | undefined;
  /** Through the limits that hold where it was sent, and not at all addresses. */
  private passThere: Pass | undefined;
  private gated: Gated | undefined;

  /** @param mayWait whether it may wait until it is known who asks */
  constructor(door: Door, parts: TicketParts, mayWait: boolean) {
    this.door = door;
    this.parts = parts;
    this.mayWait = mayWait;
    this.since = parts.now;
  }

  get state(): TicketState {
    return this.current;
  }

  get waits(): boolean {
    return this.current === 'identity' || this.current === 'limits';
  }

  /** Told of what is not decided yet. */
  attach(gated: Gated): void {
    this.gated = gated;
  }

  /** What it has of limits. */
  holds(by: RuleReference): boolean {
    return this.pass?.holds(by) === true || this.passThere?.holds(by) === true;
  }

  /** The measures that it is in. */
  get within(): readonly Measure[] {
    if (this.current !== 'in') return [];
    const measures = this.pass?.measures ?? [];
    return this.passThere === undefined ? measures : [...measures, ...this.passThere.measures];
  }

  /** It is in some that limits octets. */
  get isPaced(): boolean {
    return this.current === 'in' && (this.pass?.isPaced === true || this.passThere?.isPaced === true);
  }

  /**
   * It is in, and is to go to one of several addresses, after another perhaps: the limits of that one hold too. It does not wait for them.
   * @returns whether they have a place for it; else `refusal` says which has not
   */
  sentTo(limits: Decision['limits'], client: PolicyClient): boolean {
    const { measures, now } = this.parts;
    this.leaveThere();
    this.refusal = undefined;
    const own = limits.filter(({ by }) => this.pass?.holds(by) !== true);
    if (own.length === 0) return true;
    const places = own.map((limit) => measures.of(limit, client, now));
    this.passThere = new Pass(client, places);
    if (this.passThere.askAtOnce(now) === 'in') return true;
    const by = this.passThere.by!;
    this.refusal = { by, reason: limitReason(by), isLimit: true };
    this.passThere = undefined;
    measures.hasLeft(now);
    return false;
  }

  /** Goes as far as it can now. */
  advance(): TicketState {
    if (this.current !== 'identity') return this.current;
    const { now } = this.parts;
    const client = this.door.client();
    const hasTime = this.mayWait && now - this.since < IDENTITY_WAIT_MS;
    if (!(hasTime && this.door.mayBecomeKnown(client, now))) this.ask(client);
    return this.current;
  }

  /** Policies have changed while it waited: all is asked anew. */
  again(): void {
    if (!this.waits) return;
    this.giveBack();
    this.current = 'identity';
    this.advance();
  }

  leave(): void {
    if (this.current === 'over') return;
    this.current = 'over';
    this.giveBack();
  }

  // ---- PassOwner

  granted(): void {
    this.end('in');
  }

  refused(by: RuleReference): void {
    this.refusal = { by, reason: limitReason(by), isLimit: true };
    this.end('refused');
  }

  private ask(client: PolicyClient): void {
    const { door } = this;
    const decision = decisionOf(door.checkpoints, client);
    this.decision = decision;
    if (!decision.allowed) {
      this.refusal = { by: decision.by, reason: decision.reason, isLimit: false };
      this.end('refused');
      return;
    }
    if (decision.limits.length === 0) this.granted();
    else this.askLimits(decision.limits, client);
  }

  private askLimits(limits: Decision['limits'], client: PolicyClient): void {
    const { door, parts } = this;
    for (const { by } of limits) {
      if (!door.hasRefused(by)) continue;
      this.refused(by);
      return;
    }
    const own: PassLimit[] = [];
    for (const limit of limits) if (!door.isWithin(limit.by)) own.push(parts.measures.of(limit, client, parts.now));
    this.pass = new Pass(client, own);
    const state = this.pass.ask(parts.now);
    if (state === 'in') this.granted();
    else if (state === 'refused') this.refused(this.pass.by!);
    else {
      this.current = 'limits';
      this.waitedFor = this.pass.by;
      this.pass.wait(this);
      parts.measures.waitsAt(this.pass.measure!, parts.now);
    }
  }

  private leaveThere(): void {
    if (this.passThere === undefined) return;
    this.passThere.leave();
    this.passThere = undefined;
    this.parts.measures.hasLeft(this.parts.now);
  }

  private giveBack(): void {
    this.leaveThere();
    if (this.pass === undefined) return;
    this.pass.leave();
    this.pass = undefined;
    this.parts.measures.hasLeft(this.parts.now);
  }

  private end(state: 'in' | 'refused'): void {
    this.current = state;
    this.parts.decided(this);
    if (state === 'in') this.gated?.passed();
    else this.gated?.turnedAway(this.refusal!);
  }
}

/** By the first address that is allowed, with the limits of all that are; by the first of all when none is. */
export function decisionOf(checkpoints: readonly Checkpoint[], client: PolicyClient): Decision {
  if (checkpoints.length === 1) return checkpoints[0]!.decide(client);
  const decisions = checkpoints.map((checkpoint) => checkpoint.decide(client));
  const allowed = decisions.filter((decision) => decision.allowed);
  const first = allowed[0] ?? decisions[0];
  if (first === undefined) return NOTHING_ASKED;
  const isOfAll = (by: RuleReference) =>
    allowed.every(({ limits }) => limits.some((limit) => isSameRule(limit.by, by)));
  return { ...first, limits: first.limits.filter(({ by }) => isOfAll(by)) };
}

const NOTHING_ASKED: Decision = { allowed: true, reason: 'there is no address', limits: [], enforceExisting: false };

function limitReason({ policy, rule = 0 }: RuleReference): string {
  return `${policy}, rule ${rule}, has no place for it within its limits`;
}
