/**
 * `SET-WORKLOADS`, which is ours: tells the router what runs at which address, all of it or what has changed. The body is a map of
 * `revision`, `replace`, `set` (a map of what runs, by address) and `gone` (a list of addresses).
 */
import { labelsIn } from '../../lib/label-text.ts';
import { isRecord } from '../../lib/shape.ts';
import type { Workload } from '../identity/client.ts';
import { WORKLOAD_TEXT_LENGTH_MAX, type WorkloadChange } from '../identity/workloads.ts';
import { RefusedError } from './request.ts';
import type { RawAttribute } from './sections.ts';

/** @throws RefusedError */
export function workloadChange(attributes: readonly RawAttribute[]): WorkloadChange {
  const body = Object.fromEntries(attributes.map(({ name, value }) => [name, value]));
  const { revision, replace = false, set = {}, gone = [] } = body;
  if (typeof revision !== 'number' || !Number.isSafeInteger(revision) || revision < 0)
    throw new RefusedError(400, "'revision' is not a count");
  if (typeof replace !== 'boolean') throw new RefusedError(400, "'replace' is neither true nor false");
  if (!Array.isArray(gone) || !gone.every((each) => typeof each === 'string'))
    throw new RefusedError(400, "'gone' is not a list of addresses");
  if (!isRecord(set)) throw new RefusedError(400, "'set' is not a map");
  const workloads = new Map(Object.entries(set).map(([host, value]) => [host, workloadOf(host, value)]));
  return { revision, replace, set: workloads, gone: gone as string[] };
}

const NAMES = ['namespace', 'workload', 'pod', 'serviceAccount'] as const;

function workloadOf(host: string, value: unknown): Workload {
  if (!isRecord(value)) throw new RefusedError(400, `set.${host} is not a map`);
  const names: Partial<Record<(typeof NAMES)[number], string>> = {};
  for (const name of NAMES) {
    const text = textOf(value, name, host);
    if (text !== '') names[name] = text;
  }
  const labels = textOf(value, 'labels', host);
  return labels === '' ? names : { ...names, labels: labelsIn(labels) };
}

function textOf(value: Readonly<Record<string, unknown>>, name: string, host: string): string {
  const text = value[name] ?? '';
  if (typeof text !== 'string' || text.length > WORKLOAD_TEXT_LENGTH_MAX)
    throw new RefusedError(400, `set.${host}.${name} is not a text of at most ${WORKLOAD_TEXT_LENGTH_MAX} characters`);
  return text;
}
