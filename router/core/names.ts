/** Names that a router gives to what it makes. Each is its only one in the router's life, and 15 characters as skupper-router's discriminators. */
import { randomId } from '../../lib/random.ts';

const LENGTH = 15;
const COUNTER_LENGTH = 8;
const SECRET_COUNTER_LENGTH = 7;
const SECRET_LENGTH = LENGTH - SECRET_COUNTER_LENGTH;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

export class Names {
  private readonly random: () => number;
  /** Hard to meet by chance. */
  private readonly prefix: string;
  private count = 0;

  /** @param random uniform in [0, 1) */
  constructor(random: () => number) {
    this.random = random;
    this.prefix = randomId({ next: random }, LENGTH - COUNTER_LENGTH);
  }

  readonly link = (): string => `qdlink.${this.prefix}${this.next(COUNTER_LENGTH)}`;

  /** Of a temporary address: who knows others of this router does not know it, and so cannot answer in place of who was asked. */
  readonly temporary = (): string => this.secret() + this.next(SECRET_COUNTER_LENGTH);

  private next(length: number): string {
    this.count++;
    return this.count.toString(36).padStart(length, '0');
  }

  /** From one number, which has 48 bits: 8 letters have less. */
  private secret(): string {
    let rest = Math.floor(this.random() * ALPHABET.length ** SECRET_LENGTH);
    let text = '';
    for (let i = 0; i < SECRET_LENGTH; i++) {
      text += ALPHABET[rest % ALPHABET.length];
      rest = Math.floor(rest / ALPHABET.length);
    }
    return text;
  }
}
