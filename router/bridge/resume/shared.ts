/** What the flows of one router share to outlive their ways: their agenda, where they are reached, their limit, and counts of them. */
import { Agenda } from './agenda.ts';
import { BlockPool } from './block-pool.ts';
import { FLOW_PAUSE_LIMIT_MAX_MS, FLOW_PAUSE_LIMIT_MS } from './limits.ts';
import type { SurvivalShared } from './survival.ts';

export interface BridgeSurvivalsParts extends Pick<SurvivalShared, 'routerId' | 'home' | 'dispatcher' | 'random'> {
  /** FLOW_PAUSE_LIMIT_MS when absent. */
  readonly flowPauseLimitMs?: number;
}

export class BridgeSurvivals implements SurvivalShared {
  readonly agenda = new Agenda();
  readonly blocks = new BlockPool();
  readonly counters = { paused: 0, resumed: 0, givenUp: 0 };
  readonly dispatcher: SurvivalShared['dispatcher'];
  readonly routerId: string;
  readonly home: string;
  readonly random: () => number;
  limitMs: number;
  private readonly turn: { readonly now: number };

  constructor(turn: { readonly now: number }, parts: BridgeSurvivalsParts) {
    const { routerId, home, dispatcher, random, flowPauseLimitMs = FLOW_PAUSE_LIMIT_MS } = parts;
    this.turn = turn;
    this.routerId = routerId;
    this.home = home;
    this.dispatcher = dispatcher;
    this.random = random;
    this.limitMs = Math.min(flowPauseLimitMs, FLOW_PAUSE_LIMIT_MAX_MS);
  }

  get now(): number {
    return this.turn.now;
  }
}
