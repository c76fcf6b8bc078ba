/**
 * Whether a load balancer should send clients to this router: not before it has met the network, and not any more when it
 * is about to go. `/readyz` tells it; `/healthz` tells that the process is well, which is another question.
 *
 * A router that has just started has its services' sockets closed until others have told it of their connectors. Who cannot be
 * reached at all must not hold it up for ever: after a while it is ready as it is.
 */
import type { DrainState } from './drain.ts';

export interface ReadinessParts {
  /** On the router's clock, as all times here. */
  readonly startedAtMs: number;
  now(): number;
  /** When paths changed last. */
  lastTopologyChangeMs(): number;
  /** Whether each connector to another router stands. */
  connected(): boolean;
  drainState(): DrainState;
}

/** Others dial anew within this, as a rule. */
const MEETING_MS = 3000;
/** So long after the last change of paths all addresses are known. */
const SETTLED_MS = 500;
const START_MS_MAX = 10_000;

const NOT_UP = { draining: 'the router is draining', drained: 'the router has drained: nothing is open' } as const;

export class Readiness {
  private readonly parts: ReadinessParts;
  private hasMet = false;

  constructor(parts: ReadinessParts) {
    this.parts = parts;
  }

  /** Why it should be sent no clients, for people; undefined when it may. */
  get problem(): string | undefined {
    const state = this.parts.drainState();
    if (state !== 'up') return NOT_UP[state];
    // What changes later in the network is no reason to send clients elsewhere.
    this.hasMet ||= this.meets();
    return this.hasMet ? undefined : 'the router is meeting the network';
  }

  private meets(): boolean {
    const { startedAtMs, now, lastTopologyChangeMs, connected } = this.parts;
    const sinceMs = now() - startedAtMs;
    if (sinceMs >= START_MS_MAX) return true;
    return sinceMs >= MEETING_MS && now() - lastTopologyChangeMs() >= SETTLED_MS && connected();
  }
}
