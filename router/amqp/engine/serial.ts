/** Serial numbers of 32 bits (RFC 1982), as AMQP uses for transfer ids, delivery ids and delivery counts (2.8.10). */

export function add(serial: number, increment: number): number {
  return (serial + increment) >>> 0;
}

/** `a - b`, negative when `a` is behind `b`. */
export function distance(a: number, b: number): number {
  return (a - b) | 0;
}
