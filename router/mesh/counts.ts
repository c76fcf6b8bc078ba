/** What a `Mesh` counts by itself; `MeshStats` says what each stands for. */
import type { MeshFault } from './lies.ts';

export class MeshCounts {
  messagesIn = 0;
  relayed = 0;
  malformed = 0;
  impersonated = 0;
  addressesRefused = 0;
  incompatible = 0;
  unknownOpcode = 0;
  duplicateId = 0;
  unknownRouter = 0;
  looped = 0;
  copies = 0;
  undeliverable = 0;
  routersRefused = 0;

  fault(fault: MeshFault, count: number): void {
    this[COUNTERS[fault]] += count;
  }
}

const COUNTERS = {
  impersonation: 'impersonated',
  loop: 'looped',
  malformed: 'malformed',
  incompatible: 'incompatible',
  'unknown-opcode': 'unknownOpcode',
  'own-id': 'duplicateId',
  addresses: 'addressesRefused',
  routers: 'routersRefused',
} as const satisfies Record<MeshFault, keyof MeshCounts>;
