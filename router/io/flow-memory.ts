/**
 * How much memory the router may hold for TCP flows (`bridge/flow-budget.ts`): what the environment says, else an eighth of what the
 * process may have, and no more than 512 MiB.
 *
 * `SKUPRT_FLOW_MEMORY` is a number of octets, or one with `Ki`, `Mi` or `Gi` behind it. `SKUPPER_ROUTER_MEMORY_CEILING`, octets, is
 * what skupper-router reads as the memory there is (wire reference 6.6); without it the limit of the control group counts, or the machine's.
 */
import { totalmem } from 'node:os';
import { FLOW_MEMORY_BYTES_DEFAULT, FLOW_MEMORY_BYTES_MIN } from '../core/limits.ts';
import { StartConfigError } from './start-config.ts';

/** Of the memory there is, flows may have so much. */
const SHARE_OF_MEMORY = 1 / 8;

type Env = Readonly<Record<string, string | undefined>>;

/**
 * @param memoryBytes what the process may have
 * @returns octets
 * @throws StartConfigError
 */
export function flowMemoryBytes(env: Env, memoryBytes: number = availableBytes()): number {
  const given = env.SKUPRT_FLOW_MEMORY;
  if (given) return Math.max(FLOW_MEMORY_BYTES_MIN, octetsOf('SKUPRT_FLOW_MEMORY', given));
  const ceiling = env.SKUPPER_ROUTER_MEMORY_CEILING;
  const bytes = ceiling ? octetsOf('SKUPPER_ROUTER_MEMORY_CEILING', ceiling) : memoryBytes;
  return Math.max(FLOW_MEMORY_BYTES_MIN, Math.min(FLOW_MEMORY_BYTES_DEFAULT, Math.floor(bytes * SHARE_OF_MEMORY)));
}

function availableBytes(): number {
  const limitBytes = process.constrainedMemory();
  return limitBytes > 0 ? Math.min(limitBytes, totalmem()) : totalmem();
}

const UNITS: Readonly<Record<string, number>> = { '': 1, Ki: 1024, Mi: 1024 ** 2, Gi: 1024 ** 3 };

function octetsOf(name: string, text: string): number {
  const [, digits, unit = ''] = /^([0-9]{1,15})(Ki|Mi|Gi)?$/.exec(text.trim()) ?? [];
  if (digits === undefined) {
    throw new StartConfigError(`${name} is '${text}'`, { next: 'Set it to a number of octets, or to one like 256Mi' });
  }
  return Number(digits) * UNITS[unit]!;
}
