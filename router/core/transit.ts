/**
 * A transit: one message on its way through this router, from an inlet (a link or a TCP flow that produces it) to an
 * outlet (a link, a flow, or the router itself). Octets pass while the message is still arriving; a stream is a
 * message that may stay open for days.
 *
 * Invariants: octets reach the outlet in order and once; a transit ends by exactly one of `end` and `abort`; an
 * outcome is handed back to the inlet at most once with `settled`. While nothing but the head has been passed on, the
 * head is kept, so that a destination that refuses a stream can be passed over (`replay`); of a message that its producer
 * wants sent again when it is released (`qd.resend-released`), all of it is kept.
 */
import type { RuleReference } from '../../lib/policy/types.ts';
import type { AmqpError, DeliveryState } from '../amqp/codec/performatives.ts';
import { FLAG_RESEND_RELEASED, FLAG_STREAMING, type RouterAnnotations } from '../amqp/message/router-annotations.ts';
import { policyError } from '../policy/refusal.ts';
import { RESEND_BYTES_MAX, WINDOWED_OUTLET_BYTES_HIGH } from './limits.ts';
import { Tried } from './tried.ts';

/** What a transit tells its producer. */
export interface Inlet {
  /** The receiver's state of the delivery; `settled` is the last word. */
  update(state: DeliveryState | undefined, settled: boolean): void;
  /** The outlet is full: bring no more than is under way. */
  hold(): void;
  resume(): void;
  /** All of it has left this router, or never will. */
  passedOn?(): void;
}

/** Where a transit's octets go. */
export interface Outlet {
  write(bytes: Buffer): void;
  /** No more octets. `settled`: the producer has settled already and waits for no outcome. */
  end(settled: boolean): void;
  /** The producer is gone in the middle of the message. */
  abort(): void;
  /** The producer's own word on the delivery after its last octet. */
  senderUpdate(state: DeliveryState | undefined, settled: boolean): void;
  /** It is the end of the way: what it refuses, nobody behind it has answered. */
  readonly isEnd?: boolean;
  /** Octets that wait in the outlet. */
  readonly queuedBytes: number;
  /** Of a stream, so many may wait before its inlet is held, where that is not WINDOWED_OUTLET_BYTES_HIGH. */
  readonly queuedBytesMax?: number;
  /** Something waits to be sent, and it will say `passedOn` when nothing does. */
  readonly unsent?: boolean;
}

/** Somebody who takes messages of an address: what balancing chooses from. */
export interface Candidate {
  /** Cost of the way there: 0 for a consumer at this router. */
  readonly cost: number;
  /** Deliveries it took and that are not over. */
  readonly openCount: number;
  /** What it is known by at every router and in each of its lives, to choose by session affinity. */
  readonly affinityName?: string;
  /** Of one that dials: it has failed of late, and is for when there is no other. */
  readonly passedOver?: boolean;
  /** Its share among those of its address at this router (`weights.ts`). */
  readonly weight?: number;
  /** Others do not hear of it: it stands for consumers at another edge router, or its router drains. */
  readonly untold?: boolean;
  /** The edge mesh that it is in. */
  readonly meshId?: string;
  /** Whether it could take the transit; it could when absent. */
  accepts?(transit: Transit): boolean;
  /** Takes the transit, or says by `undefined` that it cannot. */
  take(transit: Transit): Outlet | undefined;
  /** Called once for each transit taken, when it is over. */
  done(): void;
}

/** Asked for another outlet when the chosen one refused before anything but the head was passed on. */
export interface Rerouter {
  reroute(transit: Transit): boolean;
}

export class Transit {
  readonly inlet: Inlet;
  readonly rerouter: Rerouter;
  /** Where the message stands in the network; set when its head is known. */
  annotations: RouterAnnotations | undefined;
  /** The address it is routed by. */
  to = '';
  priority = 4;
  /** Hash of the client's address, when all its connections are to go to the same consumer. */
  affinity: number | undefined;
  /** How long a dial may take while whoever sent the stream has another way; undefined when there is none (`patience.ts`). */
  patienceMs: number | undefined;
  /** The same of the present try, the ways from here counted too. */
  tryMs: number | undefined;
  /** What the kept head says of it. */
  headPatienceMs: number | undefined;
  /** It was sent on before, and somebody may have answered, although that is not known here. */
  isDoubtful = false;
  /** Each that is asked now shall take all the time it needs. */
  isLastRound = false;
  /** When it came to this router, and later when it was first sent on, ms. */
  since = 0;
  /** All of it has come before it is sent on: it needs no link of its own. */
  whole = false;
  /** Settled by the producer from the start: nobody waits for an outcome. */
  readonly preSettled: boolean;
  /** The link it came by, if it came by one: messages of a link to one address stay in order. */
  origin: object | undefined;
  /** Connection it came by, 0 for a flow or the router itself. */
  readonly from: number;
  /** It came back because a way was lost, not because its destination refused: another way there is worth a try. */
  lostItsWay = false;
  /** What the policy has said by which the last candidate has refused it; it may be allowed elsewhere. */
  refusal: AmqpError | undefined;
  /** Rules by which connectors of this router have refused it: they say the same at the next, and nobody waits for them again. */
  refusedBy: readonly RuleReference[] = NO_RULES;
  /** Candidates that refused. */
  readonly tried = new Tried();
  private candidate: Pick<Candidate, 'done'> | undefined;
  private outlet: Outlet | undefined;
  /** The message without its router annotations, while it may still have to be sent again. */
  private replay: Buffer | undefined;
  private ended = false;
  private endSettled = false;
  private settled = false;
  private held = false;
  /** The outlet was lost after the last word on the message. */
  private isCutOff = false;
  /** What the producer is told when it has sent all, since the outlet was lost before. */
  private lost: DeliveryState | undefined;

  constructor(inlet: Inlet, rerouter: Rerouter, from: number, preSettled: boolean) {
    this.inlet = inlet;
    this.rerouter = rerouter;
    this.from = from;
    this.preSettled = preSettled;
  }

  /** Its two ends keep a window of their own, so that it cannot pile up here. */
  get windowed(): boolean {
    return ((this.annotations?.flags ?? 0) & FLAG_STREAMING) !== 0;
  }

  /** Its producer wants it offered to others when one releases it. */
  get resends(): boolean {
    return ((this.annotations?.flags ?? 0) & FLAG_RESEND_RELEASED) !== 0;
  }

  /** Its way was chosen: what comes after its head belongs to it, also when the way was lost and the producer does not know yet. */
  get routed(): boolean {
    return this.outlet !== undefined || this.lost !== undefined;
  }

  /** All octets have come. */
  get complete(): boolean {
    return this.ended;
  }

  /** Joins the transit to an outlet and sends the message so far. */
  attach(candidate: Pick<Candidate, 'done'> | undefined, outlet: Outlet, head: Buffer): void {
    this.candidate = candidate;
    this.outlet = outlet;
    // The head of a stream alone does nothing at its destination; an ordinary message may have been acted upon.
    this.replay = this.windowed || this.resends ? head : undefined;
    outlet.write(head);
    if (this.ended) outlet.end(this.endSettled);
  }

  /** The kept head, when the message can be sent somewhere else. */
  get head(): Buffer | undefined {
    return this.replay;
  }

  /** The destination has answered: no other may take its place. */
  commit(): void {
    this.replay = undefined;
  }

  write(bytes: Buffer): void {
    const outlet = this.outlet;
    if (outlet === undefined || bytes.length === 0) return;
    if (this.replay !== undefined) this.replay = this.resends ? joined(this.replay, bytes) : undefined;
    outlet.write(bytes);
  }

  /** What may wait in the outlet of a stream. */
  get queuedBytesMax(): number {
    return this.outlet?.queuedBytesMax ?? WINDOWED_OUTLET_BYTES_HIGH;
  }

  /** Whether the producer should hold, asked after each write by producers that can. */
  overfull(highBytes: number): boolean {
    if (this.held || this.isCutOff || this.outlet === undefined || this.outlet.queuedBytes < highBytes) return false;
    this.held = true;
    this.inlet.hold();
    return true;
  }

  /** The producer has ended, and the outlet will say when all is sent. */
  get unsent(): boolean {
    return this.ended && this.outlet?.unsent === true;
  }

  passedOn(from: Outlet): void {
    if (from === this.outlet) this.inlet.passedOn?.();
  }

  /** The outlet has room again. */
  drained(from: Outlet): void {
    if (from === this.outlet) this.unhold();
  }

  end(settled: boolean): void {
    if (this.ended) return;
    this.ended = true;
    this.endSettled = settled;
    this.outlet?.end(settled);
    if (settled) this.finish();
    else if (this.lost) this.inlet.update(this.lost, true);
  }

  /** The producer broke off. */
  abort(): void {
    if (this.ended) return;
    this.ended = true;
    this.replay = undefined;
    this.outlet?.abort();
    this.finish();
  }

  senderUpdate(state: DeliveryState | undefined, settled: boolean): void {
    this.outlet?.senderUpdate(state, settled);
    if (settled) this.finish();
  }

  /** What the outlet's receiver said; a refusal of a message that is not under way yet tries the next candidate. */
  outcome(from: Outlet, state: DeliveryState | undefined, settled: boolean): void {
    if (this.settled || from !== this.outlet) return;
    if (this.replay !== undefined && this.isRefusedBy(state) && this.candidate !== undefined && !this.preSettled) {
      this.tried.add(this.candidate);
      this.lostItsWay ||= state?.state === 'released';
      this.refusal = policyError(state);
      this.candidate.done();
      this.candidate = undefined;
      this.outlet = undefined;
      if (!from.isEnd) this.isDoubtful = true;
      if (this.rerouter.reroute(this)) {
        // The one that refused waits for the end of what it was sent.
        from.end(true);
        return;
      }
      this.outlet = from;
    }
    if (settled || isTerminal(state) || (state !== undefined && this.resends)) this.replay = undefined;
    this.inlet.update(state, settled);
    if (settled) this.finish();
  }

  /**
   * The outlet is gone without an outcome (its link was lost): nothing more can be passed on.
   * @param begun something of it was sent: whoever got that may have acted on it
   * @param isRepeatable the same candidate may take it again, by what it has left
   */
  outletLost(from: Outlet, begun: boolean, isRepeatable = false): void {
    if (this.settled) {
      this.passedOn(from);
      // What its producer still sends goes nowhere, and must not wait.
      if (from !== this.outlet) return;
      this.isCutOff = true;
      this.unhold();
      return;
    }
    if (from !== this.outlet) return;
    const isUnused = this.windowed || !begun;
    if (this.replay !== undefined && isUnused && this.candidate !== undefined && !this.preSettled) {
      if (!isRepeatable) this.tried.add(this.candidate);
      this.lostItsWay = true;
      this.release();
      this.outlet = undefined;
      this.isDoubtful = true;
      if (this.rerouter.reroute(this)) return;
    }
    this.outlet = undefined;
    this.lost = isUnused ? RELEASED : FAILED;
    // A producer that is still sending has the last word; one that has ended waits for ours.
    this.inlet.update(this.lost, this.ended);
    this.unhold();
    this.finish();
  }

  /** The outcome lets another destination be tried. */
  private isRefusedBy(state: DeliveryState | undefined): boolean {
    return this.windowed ? isRefusal(state) : state?.state === 'released';
  }

  private unhold(): void {
    if (!this.held) return;
    this.held = false;
    this.inlet.resume();
  }

  private finish(): void {
    this.settled = true;
    this.replay = undefined;
    this.release();
  }

  private release(): void {
    this.candidate?.done();
    this.candidate = undefined;
  }
}

const NO_RULES: readonly RuleReference[] = [];
const RELEASED: DeliveryState = { state: 'released' };
const FAILED: DeliveryState = { state: 'modified', deliveryFailed: true };

function joined(kept: Buffer, bytes: Buffer): Buffer | undefined {
  return kept.length + bytes.length <= RESEND_BYTES_MAX ? Buffer.concat([kept, bytes]) : undefined;
}

/** A terminal outcome other than `accepted`: the receiver has not taken the message. */
export function isFailure(state: DeliveryState | undefined): boolean {
  return isTerminal(state) && state?.state !== 'accepted';
}

function isTerminal(state: DeliveryState | undefined): boolean {
  return state !== undefined && state.state !== 'received';
}

/** An outcome that lets another destination be tried: nothing was done with the message. */
function isRefusal(state: DeliveryState | undefined): boolean {
  if (state?.state === 'released' || (state?.state === 'modified' && !state.undeliverableHere)) return true;
  return policyError(state) !== undefined;
}
