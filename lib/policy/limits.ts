/** How much one policy may say. More is refused, by what reads it. */

/** A policy as JSON text, as it goes to a router. */
export const POLICY_TEXT_OCTETS_MAX = 64 * 1024;

/** No site can be called so: a rule that allows it governs what its policy selects, and allows nobody. */
export const NO_SITE = '-';

export const POLICY_BOUNDS = {
  services: 64,
  rules: 64,
  /** Of a rule. */
  clients: 64,
  /** Of one list of names. */
  names: 256,
  nameLength: 253,
  /** Of one label selector. */
  expressions: 64,
  labelLength: 317,
  queueLength: 10_000,
  queueSeconds: 60,
  connections: 1_000_000,
} as const;
