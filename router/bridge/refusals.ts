/** Connections that were refused at this router, by reason, since the start; and why a dial has come to nothing. */
import type { Shortage } from './admission.ts';

export interface Refusals extends Record<Shortage, number> {
  /** A tcpListener had all of its connections. */
  listener: number;
  /** A tcpConnector had, and no queue or a full one. */
  connector: number;
  /** It waited for a place in vain. */
  queue: number;
  /** The system had no file descriptor or no memory for a dial. */
  system: number;
  /** A client had gone before it was accepted. */
  gone: number;
  /** A policy did not allow it; none of its limits had a place. */
  policy: number;
  policyLimit: number;
  /** A policy in dry run would have refused it: it was not. */
  policyDryRun: number;
  /** It came in here, and a policy at the service's site has refused it. */
  policyRemote: number;
  /** It was open when a policy did not allow it any more. */
  policyReset: number;
  /** A site that no policy lets link to this one. */
  policyLink: number;
  /** Looks at backends, those of health checks and those after an ejection. */
  probesPassed: number;
  probesFailed: number;
}

/** `own`: this router could not dial, which says nothing of the backend. */
export type DialFailure = 'refused' | 'timed-out' | 'own';

export function newRefusals(): Refusals {
  return {
    router: 0,
    memory: 0,
    listener: 0,
    connector: 0,
    queue: 0,
    system: 0,
    gone: 0,
    policy: 0,
    policyLimit: 0,
    policyDryRun: 0,
    policyRemote: 0,
    policyReset: 0,
    policyLink: 0,
    probesPassed: 0,
    probesFailed: 0,
  };
}
