/** The times of the router entity as the mesh takes them. */

import type { RouterEntity } from '../management/schema.ts';
import type { MeshOptions } from '../mesh/options.ts';

export function meshOptions(router: RouterEntity): Partial<MeshOptions> {
  return {
    helloIntervalMs: router.helloIntervalSeconds * 1000,
    helloMaxAgeMs: router.helloMaxAgeSeconds * 1000,
    raIntervalMs: router.raIntervalSeconds * 1000,
    raIntervalFluxMs: router.raIntervalFluxSeconds * 1000,
    remoteLsMaxAgeMs: router.remoteLsMaxAgeSeconds * 1000,
    unreachableHoldoffMs: router.unreachableHoldoffSeconds * 1000,
  };
}
