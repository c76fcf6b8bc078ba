/**
 * Addresses of this machine that stand for services: each has one of its own out of 127.64.0.0/10, so that services keep their ports.
 * Linux listens on them without any set-up. The sites of one machine do not share them. No I/O.
 */
import { createHash } from 'node:crypto';
import type { KubeObject } from '../../../lib/kube/object.ts';

export interface LoopbackOptions {
  /** Id of the site. */
  siteId: string;
  /** The first port that this user may listen on. */
  firstPort: number;
}

export interface LoopbackPlace {
  host: string;
  port: number;
}

const HOST_COUNT = 2 ** 22 - 2;
const FIRST = 0x7f_40_00_01;
/** What a port becomes that is not ours to listen on, or that another process has on all addresses: 80 becomes 10080. */
const OFFSET = 10_000;
const PORT_MAX = 65_535;

export class Loopback {
  private readonly options: LoopbackOptions;
  private readonly owners = new Map<number, string>();
  private readonly taken = new Set<string>();

  constructor(options: LoopbackOptions) {
    this.options = options;
  }

  /** The address of whatever has this name: nearly always the same, and never that of another name. */
  addressOf(owner: string): string {
    let index = this.indexOf(owner);
    while ((this.owners.get(index) ?? owner) !== owner) index = (index + 1) % HOST_COUNT;
    this.owners.set(index, owner);
    const bits = FIRST + index;
    return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join('.');
  }

  /** Where that port of the owner is listened on. */
  placeOf(owner: string, port: number): LoopbackPlace {
    const isAnother = port < this.options.firstPort || this.taken.has(`${owner}:${port}`);
    return { host: this.addressOf(owner), port: isAnother && port + OFFSET <= PORT_MAX ? port + OFFSET : port };
  }

  /** Of which port this is the place. */
  portAt(owner: string, placed: number): number {
    const wanted = placed - OFFSET;
    return wanted > 0 && this.placeOf(owner, wanted).port === placed ? wanted : placed;
  }

  /** Another process has the port on all addresses. */
  avoid(owner: string, port: number): void {
    this.taken.add(`${owner}:${port}`);
  }

  private indexOf(owner: string): number {
    return createHash('sha256').update(`${this.options.siteId}/${owner}`).digest().readUInt32BE() % HOST_COUNT;
  }
}

/** What the site says of a Listener or MultiKeyListener that cannot listen as it is now. */
export function listenFault({ metadata, status }: KubeObject): string | undefined {
  const { conditions = [] } = (status ?? {}) as {
    conditions?: { type: string; status: string; message: string; observedGeneration?: number }[];
  };
  const configured = conditions.find(({ type }) => type === 'Configured');
  const isCurrent = configured?.observedGeneration === metadata.generation;
  return configured?.status === 'False' && isCurrent ? configured.message : undefined;
}
