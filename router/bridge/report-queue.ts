/**
 * Which flows have written octets that the other end has not been told of yet: it keeps them until it is. One queue in
 * order of time for all flows and one deadline, in place of a timer for each.
 *
 * A flow is in it at most once, and is asked when its time has come: it reports, and comes in again with the next octets.
 */
import {
  FLOW_REPORT_BYTES,
  FLOW_REPORT_BYTES_OURS,
  FLOW_REPORT_BYTES_QUIET,
  FLOW_REPORT_BYTES_SHORT,
} from '../core/limits.ts';

/** From the first octet that waits to the report, ms: a flow that falls quiet has told all within this. */
export const REPORT_WITHIN_MS = 200;

export interface Reporting {
  reportDue(): void;
}

export class ReportQueue {
  private flows: Reporting[] = [];
  private times: number[] = [];
  private first = 0;

  push(flow: Reporting, now: number): void {
    this.flows.push(flow);
    this.times.push(now + REPORT_WITHIN_MS);
  }

  /** When `tick` is due next, Infinity for never. */
  deadline(): number {
    return this.times[this.first] ?? Number.POSITIVE_INFINITY;
  }

  tick(now: number): void {
    while (this.deadline() <= now) this.flows[this.first++]!.reportDue();
    if (this.first * 2 < this.flows.length) return;
    this.flows = this.flows.slice(this.first);
    this.times = this.times.slice(this.first);
    this.first = 0;
  }
}

/**
 * After so many octets the other end is told at once.
 * @param isOurs it is a router of ours
 * @param isQuiet all that has come is written
 * @param isTight memory for flows is short
 */
export function reportBytes(isOurs: boolean, isQuiet: boolean, isTight: boolean): number {
  if (!isOurs) return FLOW_REPORT_BYTES;
  if (!isQuiet) return FLOW_REPORT_BYTES_OURS;
  return isTight ? FLOW_REPORT_BYTES_SHORT : FLOW_REPORT_BYTES_QUIET;
}
