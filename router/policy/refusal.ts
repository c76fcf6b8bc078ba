/**
 * A refusal by policy on its way back to the listener's router: an outcome of the stream as AMQP has it, so that any router on the way
 * passes it on. Pure.
 */
import type { AmqpError, DeliveryState } from '../amqp/codec/performatives.ts';
import { REASON_LENGTH_MAX } from './limits.ts';

export const POLICY_REFUSED = 'skuprt:policy-refused';

export function refusedState(reason: string): DeliveryState {
  return { state: 'rejected', error: { condition: POLICY_REFUSED, description: reason.slice(0, REASON_LENGTH_MAX) } };
}

/** What a policy at the other end has said; undefined of every other outcome. */
export function policyError(state: DeliveryState | undefined): AmqpError | undefined {
  if (state?.state !== 'rejected' || state.error?.condition !== POLICY_REFUSED) return undefined;
  return state.error;
}

/** For people: another's words, bounded, and nothing in them that a terminal would obey. */
export function reasonOf({ description = '' }: AmqpError): string {
  const words = description
    .slice(0, REASON_LENGTH_MAX)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  return words || 'refused by a policy of the other site';
}

/** In records of flows. */
export function refusedText(reason: string): string {
  return `policy-refused (${reason})`;
}
