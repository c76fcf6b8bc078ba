/** What a `Mesh` tells its owner: events to act on, and the picture of the network for management. */

import type { MeshFault } from './lies.ts';

export type MeshEvent =
  /** Put this control message on the control link of that site link. */
  | { readonly type: 'send'; readonly siteLink: number; readonly message: Buffer }
  /** A peer did what it must not; nothing came of it. */
  | { readonly type: 'fault'; readonly siteLink: number; readonly fault: MeshFault; readonly detail: string }
  /** Paths changed in some way: read `path()` again. */
  | { readonly type: 'topology' }
  /** A router has a mobile address, or no longer. The treatment is a hint; absent: the default. */
  | {
      readonly type: 'address';
      readonly key: string;
      readonly routerId: string;
      readonly present: boolean;
      readonly treatment?: number;
      /** All its consumers there are in this edge mesh. */
      readonly mesh?: string;
    };

/** One row of management's `router.node`. */
export interface RouterNode {
  readonly id: string;
  /** 0 is this router. */
  readonly index: number;
  readonly instance: number | undefined;
  readonly protocolVersion: number | undefined;
  /** Ids of its peers. */
  readonly linkState: readonly string[];
  /** '(self)', the neighbour on the way there, or undefined: it is a neighbour or cannot be reached. */
  readonly nextHop: string | undefined;
  /** Of a neighbour. */
  readonly siteLink: number | undefined;
  readonly cost: number | undefined;
  /** Without this router. */
  readonly validOrigins: readonly string[];
  /** On the clock that `now` is of; known of this router only. */
  readonly lastTopoChange: number | undefined;
}

/** Counts since the start. */
export interface MeshStats {
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly relayed: number;
  /** Not decodable, not addressed as control messages are, or too large. */
  readonly malformed: number;
  /** Of a higher protocol version. */
  readonly incompatible: number;
  readonly unknownOpcode: number;
  /** In the name of another router. */
  readonly impersonated: number;
  /** From another router with this router's id. */
  readonly duplicateId: number;
  /** MAR or MAU of a router not known. */
  readonly unknownRouter: number;
  /** Passed here before, or farther than the network is wide. */
  readonly looped: number;
  /** Copies of flooded messages. */
  readonly copies: number;
  /** To a router without a path. */
  readonly undeliverable: number;
  /** Routers not taken in because the network has too many. */
  readonly routersRefused: number;
  /** Addresses not taken in because a router, or all behind a neighbour, have too many. */
  readonly addressesRefused: number;
}
