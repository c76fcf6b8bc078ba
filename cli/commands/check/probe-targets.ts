/** `probe`: looks names up and connects, one line of JSON for each: what runs in the pod of `check`. */
import { lookup } from 'node:dns/promises';
import { type Context, print } from '../../context.ts';
import { probe } from './probe.ts';

export interface ProbeResult {
  target: string;
  /** The name could be looked up. */
  isKnown: boolean;
  /** What the name stands for. */
  address?: string;
  durationMs: number;
  /** Absent when a connection came to be. */
  reason?: string;
}

/** `targets` are HOST:PORT. */
export async function probeTargets(context: Context, targets: readonly string[]): Promise<void> {
  for (const result of await Promise.all(targets.map((target) => probeTarget(context, target)))) {
    print(context, JSON.stringify(result));
  }
}

async function probeTarget({ signal }: Context, target: string): Promise<ProbeResult> {
  const colon = target.lastIndexOf(':');
  const host = target.slice(0, colon);
  const startMs = performance.now();
  const found = await lookup(host).catch(() => undefined);
  const tookMs = () => Math.round(performance.now() - startMs);
  if (found === undefined)
    return { target, isKnown: false, durationMs: tookMs(), reason: `the name ${host} is not known` };
  const reason = await probe(found.address, Number(target.slice(colon + 1)), signal);
  return {
    target,
    isKnown: true,
    address: found.address,
    durationMs: tookMs(),
    ...(reason !== undefined && { reason }),
  };
}
