/** A section of a configuration file, in either form, and what can be said about its place. */

export interface ConfigFault {
  /** Where: `[3].listener.port`, or `$` for the document. */
  readonly path: string;
  readonly message: string;
  /** In a text file, from 1. */
  readonly line?: number;
}

export interface RawAttribute {
  readonly name: string;
  readonly value: unknown;
  readonly line?: number;
}

export interface Section {
  readonly path: string;
  readonly type: string;
  readonly attributes: readonly RawAttribute[];
  readonly line?: number;
}

/** A word may be set off by any of these: `ssl-profile` and `ssl_profile` are `sslProfile`. Dots belong to the long names of types. */
const SEPARATOR = /[ _-]/;

export function camelCase(name: string): string {
  const [first, ...others] = name.split(SEPARATOR);
  return first! + others.map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase()).join('');
}
