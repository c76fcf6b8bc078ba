/**
 * What is known of one other router: its link state, its addresses, the way to it and what it is owed or asked for.
 *
 * Plain state with the transitions that concern this router alone; messages and paths are the business of `Mesh`.
 */
import type { LinkStateUpdate, MobileAddressUpdate } from './messages.ts';
import { type AddressChange, RemoteAddresses } from './mobile.ts';
import type { MeshOptions } from './options.ts';
import type { Path } from './paths.ts';
import { Request } from './request.ts';

const NO_PEERS: ReadonlyMap<string, number> = new Map();

/** Unanswered MARs that no advertisement calls for. */
const PROBE_ATTEMPTS = 3;

export class Node {
  readonly id: string;
  /** Its bit in sets of routers, 1 up; 0 is this router. */
  readonly index: number;
  version: number | undefined;
  instance: number | undefined;

  lsSeq = 0;
  peers = NO_PEERS;
  /** When an RA or a link state was last heard of it. */
  seenAt = -Infinity;
  /** The sequences of its last RA; undefined as long as nothing is known of its present life. */
  advertised: { readonly lsSeq: number; readonly mobileSeq: number } | undefined;
  readonly addresses = new RemoteAddresses();

  path: Path | undefined;
  unreachableSince: number;
  /** Since when nothing but memory speaks for its existence. */
  orphanSince: number | undefined;

  readonly linkStateRequest: Request;
  readonly addressRequest: Request;
  /** It asked, and is answered as soon as there is a path. */
  owedLinkState = false;
  owedAddresses = false;

  constructor(id: string, index: number, options: MeshOptions, now: number) {
    this.id = id;
    this.index = index;
    this.unreachableSince = now;
    this.linkStateRequest = new Request(options.requestRetryMs, options.raIntervalFluxMs);
    this.addressRequest = new Request(options.requestRetryMs, options.raIntervalFluxMs);
    this.linkStateRequest.want(now);
  }

  /** True when the instance shows that the router restarted: all that is known of its former life must go. */
  isRestart(instance: number | undefined): boolean {
    if (instance === undefined || instance === this.instance) return false;
    const isRestart = this.instance !== undefined;
    this.instance = instance;
    return isRestart;
  }

  forgetLife(now: number): AddressChange[] {
    this.forgetLinkState();
    this.advertised = undefined;
    this.addressRequest.satisfied();
    this.linkStateRequest.want(now);
    return this.addresses.flush();
  }

  forgetLinkState(): void {
    this.lsSeq = 0;
    this.peers = NO_PEERS;
  }

  /**
   * What an RA says. Sequences lower than ours mean that ours are of a life it does not know: all is asked for again.
   * Returns the addresses that it no longer has.
   */
  advertise(lsSeq: number, mobileSeq: number, now: number): AddressChange[] {
    this.advertised = { lsSeq, mobileSeq };
    this.seenAt = now;
    if (lsSeq < this.lsSeq) {
      this.lsSeq = 0;
      this.#doubtAddresses();
    }
    if (lsSeq > this.lsSeq) this.linkStateRequest.want(now);
    const isCurrent = mobileSeq === this.addresses.seq && !this.addresses.isDoubtful;
    if (!isCurrent && mobileSeq > 0) this.addressRequest.want(now);
    else this.addressRequest.satisfied();
    return mobileSeq === 0 ? this.addresses.flush() : [];
  }

  /** True when the link state is newer than the one held. One that was flooded may not be the last one, which an answer is. */
  updateLinkState({ lsSeq, peers }: LinkStateUpdate, isAnswer: boolean, now: number): boolean {
    const isNewer = lsSeq > this.lsSeq;
    if (isNewer) {
      this.lsSeq = lsSeq;
      this.peers = peers;
      this.seenAt = now;
    }
    const isAll = this.lsSeq >= (this.advertised?.lsSeq ?? 0);
    if (isAnswer && isAll) this.linkStateRequest.satisfied();
    else if (isNewer && !isAll) this.linkStateRequest.hasten(now);
    if (this.advertised === undefined && this.lsSeq > 0) this.addressRequest.want(now, PROBE_ATTEMPTS);
    return isNewer;
  }

  updateAddresses(update: MobileAddressUpdate, countMax: number, now: number): AddressChange[] {
    const changes = this.addresses.apply(update, countMax);
    if (changes === 'stale') return [];
    if (changes === 'gap') {
      this.addressRequest.want(now);
      return [];
    }
    if (this.addresses.seq >= (this.advertised?.mobileSeq ?? 0)) this.addressRequest.satisfied();
    return changes;
  }

  /** What a MAR says: everything is asked for when what is held may not be of the life advertised. */
  get haveSeq(): number {
    if (this.addresses.isDoubtful) return 0;
    const isForeign = this.advertised !== undefined && this.advertised.mobileSeq < this.addresses.seq;
    return isForeign ? 0 : this.addresses.seq;
  }

  /** A path was found where there was none, so changes may have been missed, or it leads another way. */
  reached(path: Path, now: number): void {
    const before = this.path;
    this.path = path;
    if (before === undefined) {
      this.linkStateRequest.want(now);
      if (this.lsSeq > 0) this.addressRequest.want(now, PROBE_ATTEMPTS);
    }
    if (before?.nextHop !== path.nextHop) {
      this.linkStateRequest.hasten(now);
      this.addressRequest.hasten(now);
    }
  }

  /** It may have restarted meanwhile, with the same instance if that took less than a second and the same sequences by chance. */
  lost(now: number): void {
    if (this.path === undefined) return;
    this.unreachableSince = now;
    this.path = undefined;
    this.#doubtAddresses();
  }

  #doubtAddresses(): void {
    if (this.addresses.seq > 0) this.addresses.isDoubtful = true;
  }
}
