/** What a platform tells beside routers: what happened to resources, and certificates. Shapes only. */
import type { Happening } from './time-line.ts';

/** Something that happened, such as a token that was issued; the same `key` is told once. */
export interface PlatformEvent extends Happening {
  readonly key: string;
}

/** By which this site is known at the other side of a link. */
export interface PlatformCertificate {
  readonly name: string;
  /** The Link, where it is for one. */
  readonly link?: string;
  readonly expiresAt: number;
}
