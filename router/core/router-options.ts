/** What a router is made of: its name, its times and what it may hold. */
import type { Keyring } from '../identity/keys.ts';
import type { MeshOptions } from '../mesh/options.ts';
import type { Distribution } from './treatment.ts';

export interface RouterOptions {
  id: string;
  /** Grows with each start of a router of this id: seconds since 1970. */
  instance: number;
  /** Where the mesh begins to count, `MeshIdentity.firstSequence`. */
  firstSequence?: number;
  version: string;
  defaultDistribution: Distribution;
  /** `interior` when absent. */
  mode?: 'standalone' | 'interior' | 'edge';
  mesh?: Partial<MeshOptions>;
  /** Uniform in [0, 1). */
  random: () => number;
  /** What may be held for flows (`bridge/flow-budget.ts`). */
  flowMemoryBytes?: number;
  /** How many flows there may be (`bridge/admission.ts`); absent: no limit. */
  flowCountMax?: number;
  /** For how long a flow may be without a way before it is reset, ms; 0: flows end with their way. Absent: ten seconds. */
  flowPauseLimitMs?: number;
  /** With which it tells others who it is; absent: it says nothing, and believes nobody. */
  identity?: IdentityOptions;
}

export interface IdentityOptions {
  keys: Keyring;
  /** Milliseconds since 1970 of a time on the router's clock. */
  wall: (ms: number) => number;
}
