/** Randomness as an argument: one generator per process, made in main; simulations seed their own. */
import { randomBytes } from 'node:crypto';

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

/** Nobody can foresee it. Asks the system for many octets at once: one call costs as much as a hundred numbers. */
class SystemRandom implements Random {
  private octets = Buffer.alloc(0);
  private at = 0;

  next(): number {
    if (this.at >= this.octets.length) {
      this.octets = randomBytes(OCTETS_EACH * 512);
      this.at = 0;
    }
    const number = this.octets.readUIntBE(this.at, OCTETS_EACH);
    this.at += OCTETS_EACH;
    return number / 2 ** (8 * OCTETS_EACH);
  }
}

const OCTETS_EACH = 6;

export const systemRandom: Random = new SystemRandom();

/** splitmix32: small, fast, good enough for simulations; never for secrets. */
export class SeededRandom implements Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed | 0;
  }

  next(): number {
    this.state = (this.state + 0x9e3779b9) | 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32;
  }
}

/** An integer in [0, bound). */
export function randomInt(random: Random, bound: number): number {
  return Math.floor(random.next() * bound);
}

const ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** An identifier of `length` letters and digits: for names that must not collide, not for secrets. */
export function randomId(random: Random, length: number): string {
  let id = '';
  while (id.length < length) id += ID_ALPHABET[randomInt(random, ID_ALPHABET.length)];
  return id;
}
