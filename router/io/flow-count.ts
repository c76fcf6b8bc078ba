/**
 * How many TCP connections of clients and backends the router may have at a time: what the environment says, else what its file descriptors
 * bear, less a reserve for links, HTTP and files, and what its memory for connections bears.
 *
 * `SKUPRT_CONNECTIONS_MAX` is a number; more than the file descriptors bear is not had by it.
 */
import { readFileSync } from 'node:fs';
import { FLOW_COUNT_MIN, FLOW_SHARE_BYTES_MIN } from '../core/limits.ts';
import { StartConfigError } from './start-config.ts';

/** File descriptors that are nobody's connections: an eighth, and so many at least and at most. */
const RESERVE_SHARE = 1 / 8;
const RESERVE_MIN = 64;
const RESERVE_MAX = 1024;
/** The least that each connection may always hold, times the number of connections, is no more than the memory for connections times this. */
const MEMORY_FACTOR = 2;

type Env = Readonly<Record<string, string | undefined>>;

/**
 * @param memoryBytes for connections (`flow-memory.ts`)
 * @param descriptorsMax what the system lets this process have
 * @throws StartConfigError
 */
export function flowCountMax(env: Env, memoryBytes: number, descriptorsMax: number = descriptorLimit()): number {
  const reserve = Math.min(RESERVE_MAX, Math.max(RESERVE_MIN, Math.floor(descriptorsMax * RESERVE_SHARE)));
  const borne = Math.max(1, descriptorsMax - reserve);
  const given = env.SKUPRT_CONNECTIONS_MAX;
  if (given) return Math.min(borne, countOf(given));
  return Math.min(borne, Math.max(FLOW_COUNT_MIN, Math.floor((MEMORY_FACTOR * memoryBytes) / FLOW_SHARE_BYTES_MIN)));
}

/** Infinity where the system does not tell, or sets none. */
export function descriptorLimit(file = '/proc/self/limits'): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync(file, 'utf8')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

function countOf(text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text.trim())) return Number(text);
  throw new StartConfigError(`SKUPRT_CONNECTIONS_MAX is '${text}'`, { next: 'Set it to a number of connections' });
}
