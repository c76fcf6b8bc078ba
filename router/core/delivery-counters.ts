/** Counters of deliveries under skupper-router's names: outcomes where a delivery came in, ways where it goes out. */
import type { Address } from './address-table.ts';
import type { Transit } from './transit.ts';

export interface DeliveryCounters {
  presettled: number;
  accepted: number;
  released: number;
  rejected: number;
  modified: number;
  /** Pre-settled ones that nobody could take. */
  droppedPresettled: number;
  /** Taken in from clients and flows of this router. */
  ingress: number;
  /** Handed to consumers of this router. */
  egress: number;
  /** From one router to another. */
  transit: number;
  /** Settled more than a second, or ten, after they came in; streams are not among them. */
  delayed1Sec: number;
  delayed10Sec: number;
  /** On links of this router for more than ten seconds now. */
  stuck: number;
}

export function newDeliveryCounters(): DeliveryCounters {
  return {
    presettled: 0,
    accepted: 0,
    released: 0,
    rejected: 0,
    modified: 0,
    droppedPresettled: 0,
    ingress: 0,
    egress: 0,
    transit: 0,
    delayed1Sec: 0,
    delayed10Sec: 0,
    stuck: 0,
  };
}

/** No other router has handled it before. */
export function beganHere(transit: Transit): boolean {
  return (transit.annotations?.trace.length ?? 0) === 0;
}

/** A consumer of this router, or another router, has taken a delivery. */
export function countOutgoing(
  counters: DeliveryCounters,
  address: Address | undefined,
  transit: Transit,
  toRouter: boolean,
): void {
  if (!toRouter) {
    counters.egress++;
    if (address) address.deliveriesEgress++;
  } else if (!beganHere(transit)) {
    counters.transit++;
    if (address) address.deliveriesTransit++;
  }
}
