/**
 * A CA's roll-over to its successor, in steps each of which keeps every pair of peers trusting each other:
 *
 *   announced   the successor exists and is in every bundle; the present CA still signs
 *   spread      every Secret of this site holds the bundle; what holds a link waits until the other sites have it too
 *   switched    the successor signs; leaves are made anew; both CAs are trusted
 *   resigned    nothing known is signed by the old CA any more; it stays trusted until its end, or for a while when it was
 *               replaced on demand
 *
 * Pure: `now` comes in, wall-clock milliseconds.
 */
import type { Client } from '../../grants/clients.ts';
import type { CertificateFacts } from '../../pki/inspect.ts';
import { renewalTime } from './validity.ts';

/** Annotation of a Certificate of a CA: a value that was not there before asks for a new key. */
export const ROTATE_ANNOTATION = 'skuprt.io/rotate';
/** Annotation of a Certificate of a CA: how long a roll-over on demand waits for other sites, as a duration. */
export const ROTATE_DEADLINE_ANNOTATION = 'skuprt.io/rotate-deadline';
/** Setting of a Certificate of a CA: a roll-over waits at least this long, for those who trust it and are not known, as a duration. */
export const ROLLOVER_WAIT_SETTING = 'skuprt.io/rollover-wait';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Routers have read a changed Secret by then. */
export const SPREAD_MS = 60 * 1000;
const DEADLINE_MS = 14 * DAY_MS;
/** An old CA that was replaced on demand and has nothing left is trusted for this long. */
export const RETIRE_MS = 7 * DAY_MS;
/** The switch comes at the latest when this part of a CA's life is left. */
const LEFT_AT_SWITCH = 0.1;

export const PHASES = ['announced', 'spread', 'switched', 'resigned'] as const;

export interface Rollover {
  phase: (typeof PHASES)[number];
  /** When the phase began. */
  since: number;
  /** When the roll-over began. */
  begun: number;
  onDemand: boolean;
}

export interface CaView {
  now: number;
  current: CertificateFacts;
  next: CertificateFacts | undefined;
  /** What the bundle holds beside these two. */
  previous: readonly CertificateFacts[];
  rollover: Rollover | undefined;
  /** ROTATE_ANNOTATION, now and as it was last obeyed. */
  rotate: string | undefined;
  rotated: string | undefined;
  clients: readonly Client[];
  /** Every Secret of this site that is of this CA holds the present bundle. */
  isSpread: boolean;
  /** Every such Secret has a certificate by the present CA. */
  isResigned: boolean;
  deadlineMs?: number;
  waitMs?: number;
}

export type CaStep = 'announce' | 'note spread' | 'switch' | 'note resigned' | 'retire' | 'drop ended';

/** The next step, when it is due. */
export function caStep(view: CaView): CaStep | undefined {
  const { now, rollover, next, previous } = view;
  const { phase } = rollover ?? {};
  if (next !== undefined) {
    if (now >= view.current.notAfter) return 'switch';
    if (phase !== 'spread') return view.isSpread ? 'note spread' : undefined;
    return now >= switchTime(view) ? 'switch' : undefined;
  }
  if (wantsRollover(view)) return 'announce';
  if (previous.some(({ notAfter }) => notAfter <= now)) return 'drop ended';
  if (phase === 'switched' && view.isResigned) return 'note resigned';
  if (phase !== undefined && (previous.length === 0 || now >= retireTime(view))) return 'retire';
  return undefined;
}

/** When a step may be due without anything else having changed; Infinity for never. */
export function nextCaStepAt(view: CaView): number {
  const { next, current, previous, now } = view;
  const times = [current.notAfter, ...previous.map(({ notAfter }) => notAfter), retireTime(view)];
  if (next === undefined) times.push(renewalTime(current));
  else times.push(switchTime(view), latestSwitch(view), (view.rollover?.since ?? now) + SPREAD_MS);
  return Math.min(Infinity, ...times.filter((time) => time > now));
}

function wantsRollover({ now, current, rotate, rotated }: CaView): boolean {
  return (rotate !== undefined && rotate !== rotated) || now >= renewalTime(current);
}

/** Infinity while another site has to be waited for. */
function switchTime(view: CaView): number {
  const { next, rollover, clients } = view;
  if (rollover?.phase !== 'spread') return latestSwitch(view);
  const reached = clients.map(({ trusts, since }) =>
    trusts.includes(next!.fingerprint) ? since + SPREAD_MS : Infinity,
  );
  const earliest = Math.max(rollover.since + SPREAD_MS, rollover.begun + (view.waitMs ?? 0), ...reached);
  return Math.min(earliest, Math.max(latestSwitch(view), rollover.since + SPREAD_MS));
}

function latestSwitch({ current, rollover, deadlineMs = DEADLINE_MS }: CaView): number {
  const last = current.notAfter - (current.notAfter - current.notBefore) * LEFT_AT_SWITCH;
  return rollover?.onDemand ? Math.min(last, rollover.begun + deadlineMs) : last;
}

/** Infinity while something may still need the old CA: then its own end decides. */
function retireTime({ rollover, clients, current }: CaView): number {
  const isDone = rollover?.phase === 'resigned' && rollover.onDemand;
  if (!isDone || clients.some(({ issuer }) => issuer !== current.fingerprint)) return Infinity;
  return rollover.since + RETIRE_MS;
}
