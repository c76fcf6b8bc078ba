/**
 * One of two exporting clusters loses a part while pods and wrk of a third one use the service: what fails, for how long, and what its name
 * resolves to meanwhile. Prints a table. Needs three clusters of the lab and minutes; bounds are for a quiet machine.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clusterSetIp, imported, nameOf, offer, tally, wireNames } from './cluster-set.ts';
import { faultOf, PARTS, type Part, WAYS } from './faults.ts';
import { attemptsOf, failures, recoveredAfterMs } from './load.ts';
import { CONTEXTS, dropPlaces, eventually, LAB, lab, newNamespace, Place } from './world.ts';

const NAMESPACE = 'e2e-set-failures';
const FIVE_MINUTES = 300_000;
/** A cluster that fell silent has been given up by then. */
const LEASE_MS = 15_000;
const FAULT_MS = 22_000;
const INTERVAL_MS = 25;
const NEVER: ReadonlySet<Part> = new Set(['service-controller', 'API server']);

interface Row {
  fault: string;
  requests: number;
  failed: number;
  failedAfterLease: number;
  recoveredMs: number | undefined;
  wrkErrors: number;
  wrongNames: number;
}

describe.skipIf(CONTEXTS.length < 3 || !LAB)('a part of an exporting cluster', { timeout: FIVE_MINUTES }, () => {
  const [user, other, victim] = CONTEXTS.slice(0, 3).map((context) => new Place(context, NAMESPACE)) as [
    Place,
    Place,
    Place,
  ];
  const rows: Row[] = [];
  let ip = '';

  beforeAll(async () => {
    for (const place of [user, other, victim]) {
      await newNamespace(place);
      await wireNames(place);
    }
    await Promise.all([user.client(), user.client('names'), offer(other, 'backend', 2), offer(victim, 'backend', 2)]);
    await imported(user, 'backend');
    ip = await clusterSetIp(user, 'backend');
    await eventually('both answer', bothAnswer, 60_000);
  }, FIVE_MINUTES);
  afterAll(async () => {
    process.stdout.write(tableOf(rows));
    await dropPlaces([user, other, victim]);
  }, FIVE_MINUTES);

  const cases = PARTS.flatMap((part) => WAYS.map((way) => ({ part, way })));
  it.each(cases)('$part $way: nothing fails after the lease, and the name stays', async ({ part, way }) => {
    const fault = faultOf(victim.context, part, way);
    const load = user.start('client', 'load', [ip, 8080, INTERVAL_MS, 2000]);
    const names = user.start('names', 'names', [nameOf('backend', user), 250]);
    await sleep(2000);
    const wrk = lab('exec', user.context, 'wrk', '-t1', '-c8', '-d28s', '--timeout', '2s', `http://${ip}:8080/`);
    await sleep(1000);
    const begun = Date.now();
    await fault.begin();
    await sleep(FAULT_MS);
    await fault.end();
    await sleep(4000);
    const attempts = attemptsOf(await load.stop());
    const row = {
      fault: `${part} ${way}`,
      requests: attempts.length,
      failed: failures(attempts, begun).length,
      failedAfterLease: failures(attempts, begun + LEASE_MS).length,
      recoveredMs: recoveredAfterMs(attempts, begun),
      wrkErrors: errorsOf(await wrk),
      wrongNames: wrongNames(await names.stop(), ip),
    };
    rows.push(row);
    process.stdout.write(tableOf([row]));
    expect(attempts.length).toBeGreaterThan(400);
    expect(row.failedAfterLease).toBe(0);
    expect(row.wrongNames).toBe(0);
    if (NEVER.has(part)) expect(row.failed).toBe(0);
    await eventually('both answer again', bothAnswer, 120_000, 1000);
  });

  async function bothAnswer(): Promise<boolean> {
    const answers = await tally(user, ip, 24);
    return [other, victim].every(({ context }) => (answers[context] ?? 0) > 0) && Object.keys(answers).length === 2;
  }
});

/** Of `wrk`: connections that could not be made or were cut, requests that ran out of time, answers that are none. */
function errorsOf(report: string): number {
  const socket = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(report);
  const others = /Non-2xx or 3xx responses: (\d+)/.exec(report);
  return [...(socket?.slice(1) ?? []), ...(others?.slice(1) ?? [])].reduce((sum, count) => sum + Number(count), 0);
}

function wrongNames(report: string, ip: string): number {
  return (JSON.parse(report) as [number, number, string][]).filter(([, , answer]) => answer !== ip).length;
}

function tableOf(rows: readonly Row[]): string {
  const lines = rows.map((row) =>
    [
      row.fault,
      row.requests,
      row.failed,
      row.failedAfterLease,
      row.recoveredMs === undefined ? 'no' : row.recoveredMs,
      row.wrkErrors,
      row.wrongNames,
    ].join(' | '),
  );
  const head =
    'fault | requests | failed | failed after 15 s | last failure after, ms | errors of wrk | names not answered';
  return `\n${[head, '--- | --- | --- | --- | --- | --- | ---', ...lines].map((line) => `| ${line} |`).join('\n')}\n`;
}
