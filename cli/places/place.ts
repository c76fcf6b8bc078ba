/**
 * A namespace with its site, wherever it is: what commands work on. Commands write what a user wants as resources; somebody else
 * acts on them (a site process, a controller) and writes the status that commands wait for.
 */

import type { ResourceOf } from '../../config/api/index.ts';
import type { Secret } from '../../config/api/secret.ts';
import type { ResourceStore } from '../../site-controller/store.ts';
import type { Platform } from '../context.ts';
import type { NetworkView } from '../output/network.ts';
import type { Workload } from '../parse.ts';
import type { Target } from './workload.ts';

/** Why nothing happens here, and what to do about it. */
export interface Idle {
  reason: string;
  next: string;
  /** It may end by itself: whoever waits, waits on. */
  mayPass?: boolean;
}

export interface Place {
  readonly platform: Platform;
  readonly resources: Pick<ResourceStore, 'get' | 'list' | 'apply' | 'delete'>;
  /** Undefined as long as somebody acts on the resources. */
  idle(): Promise<Idle | undefined>;
  /** One line for each mistake that keeps a resource from being read. */
  faults(): Promise<string[]>;
  /** The network as this site sees it; undefined while it has seen none. */
  network(site: ResourceOf<'Site'>): Promise<NetworkView | undefined>;
  /** Whether the router has an entity of this name, or one whose name goes on with `@`. */
  serves(entityName: string): Promise<boolean>;
  /** The certificate of that name, with its key. */
  credential(name: string): Promise<Secret | undefined>;
  /** What a workload of that kind and name is here. @throws UsageError, NotFoundError */
  target(workload: Workload): Promise<Target>;
  /** What `readMachineId` says where the site runs. */
  machineId(): Promise<string | undefined>;
}
