/**
 * What peers do against the rules without their connections being closed for it: counted by kind for all of them together, and
 * told in the log at once, then for each connection at most once in `FAULT_LOG_INTERVAL_MS` with how many there have been.
 *
 * Faults that end a connection are told by its end (`Router.protocolErrors`).
 */
import { Seldom } from '../../lib/seldom.ts';
import type { MeshFault } from '../mesh/lies.ts';
import type { Effects } from './effects.ts';
import { FAULT_LOG_INTERVAL_MS } from './limits.ts';
import type { Peer } from './peer.ts';

export type PeerFault =
  | MeshFault
  /** Control messages come faster than they are taken, and wait at the peer. */
  | 'control-flood'
  /** It consumes an address that is not its own to consume. */
  | 'address-not-owned'
  /** More links than one connection may have. */
  | 'links'
  /** A message of edge routers about themselves that says nothing. */
  | 'edge-message'
  /** Annotations of a message that cannot be. */
  | 'annotations'
  /** An introduction that cannot be read, or is not signed by who made it. */
  | 'introduction';

/** All of them, so that each is shown before it happens. */
export const PEER_FAULTS: readonly PeerFault[] = [
  'impersonation',
  'loop',
  'malformed',
  'incompatible',
  'unknown-opcode',
  'own-id',
  'addresses',
  'routers',
  'control-flood',
  'address-not-owned',
  'links',
  'edge-message',
  'annotations',
  'introduction',
];

export class PeerFaults {
  readonly counts = new Map<PeerFault, number>(PEER_FAULTS.map((fault) => [fault, 0]));
  private readonly effects: Effects;
  private readonly told = new WeakMap<Peer, Map<PeerFault, Seldom>>();

  constructor(effects: Effects) {
    this.effects = effects;
  }

  /** @param detail for people */
  record(peer: Peer, fault: PeerFault, detail: string, now: number): void {
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
    let ofPeer = this.told.get(peer);
    if (ofPeer === undefined) {
      ofPeer = new Map();
      this.told.set(peer, ofPeer);
    }
    const told = ofPeer.get(fault) ?? new Seldom(FAULT_LOG_INTERVAL_MS);
    ofPeer.set(fault, told);
    const before = told.tell(now);
    if (before === undefined) return;
    const fields = {
      connection: peer.id,
      peer: peer.containerId,
      entity: peer.options.entity,
      host: peer.options.host,
      fault,
      detail: detail.slice(0, DETAIL_LENGTH_MAX),
    };
    const since = before > 0 && { before };
    this.effects.log('warn', 'a peer breaks the rules', { ...fields, ...since }, MODULES[fault] ?? 'ROUTER_CORE');
  }
}

const DETAIL_LENGTH_MAX = 200;

const MODULES: Partial<Record<PeerFault, 'ROUTER_HELLO' | 'ROUTER_LS' | 'ROUTER_MA'>> = {
  impersonation: 'ROUTER_LS',
  loop: 'ROUTER_LS',
  malformed: 'ROUTER_LS',
  incompatible: 'ROUTER_LS',
  'unknown-opcode': 'ROUTER_LS',
  'own-id': 'ROUTER_LS',
  routers: 'ROUTER_LS',
  'control-flood': 'ROUTER_LS',
  addresses: 'ROUTER_MA',
};
