/** What the ends of flows say of their streams, as outcomes of AMQP. */
import type { DeliveryState } from '../amqp/codec/performatives.ts';

export const ACCEPTED: DeliveryState = { state: 'accepted' };
/** The way is lost, or nobody takes it: somebody else may. */
export const RELEASED: DeliveryState = { state: 'released' };
/** It is no stream of a flow. */
export const REJECTED: DeliveryState = { state: 'rejected' };
/** The other end's socket was reset. */
export const RESET: DeliveryState = {
  state: 'rejected',
  error: { condition: 'amqp:connection:forced', description: 'the flow was reset at its other end' },
};
/** The backend is not reached: another may be tried. */
export const FAILED: DeliveryState = { state: 'modified', deliveryFailed: true, undeliverableHere: false };
/** For people. */
export const BROKEN_OFF = 'delivery-failed (broken off at the other end, or on the way)';
