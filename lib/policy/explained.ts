/**
 * The answer to `EXPLAIN` as it travels from a router to whoever asked: what routers write (router/io/explain.ts) and what is read of it, with bounds
 * (asked.ts). Shapes only.
 */
import type { Decision, Operation, PolicyClient } from './types.ts';

/** What a router has for a routing key: what policies are asked there, and what they say. */
export interface ExplainedEnds {
  /** Of the router. */
  readonly siteId?: string;
  readonly siteName?: string;
  readonly ends: readonly ExplainedEnd[];
}

export interface ExplainedEnd {
  /** As policies know them: several entities may be of one. */
  readonly name: string;
  readonly namespace: string;
  readonly checks: readonly {
    readonly operation: Operation;
    readonly client: PolicyClient;
    readonly decision: Decision;
  }[];
  readonly traffic: ExplainedTraffic;
}

/** What else decides over connections there, beside policies: 0 is no limit. */
export interface ExplainedTraffic {
  readonly maxConnections: number;
  readonly maxQueuedConnections?: number;
  /** Of a connector, where some of its routing key have a weight: of all that are of it, and of all of the routing key at this router. */
  readonly weight?: number;
  readonly weightSum?: number;
  /** Of a listener with several routing keys: how it chooses, and among which. */
  readonly choice?: 'priority' | 'weighted';
  readonly addresses?: readonly { readonly address: string; readonly value: number; readonly weight: number }[];
}
