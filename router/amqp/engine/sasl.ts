/**
 * The SASL layer before AMQP (5.3), ANONYMOUS, EXTERNAL and PLAIN (RFC 4616), both roles: one exchange of mechanisms, init and outcome.
 *
 * EXTERNAL proves nothing here: it says that the identity is the one of the TLS certificate, which the owner has verified before it
 * offers the mechanism. Names and passwords are the owner's to know: this only asks it.
 */
import { decodeSaslInit, decodeSaslMechanisms, decodeSaslOutcome } from '../codec/decode-performative.ts';
import { encodeSaslInit, encodeSaslMechanisms, encodeSaslOutcome } from '../codec/encode-performative.ts';
import { descriptors } from '../codec/performatives.ts';
import type { Reader } from '../codec/reader.ts';
import type { Writer } from '../codec/writer.ts';
import { AmqpProtocolError, conditions } from './conditions.ts';
import type { SaslMechanism, SaslOptions } from './options.ts';

export class SaslExchange {
  /** The mechanism in use, once chosen. */
  mechanism: SaslMechanism | undefined = undefined;
  /** Acceptor: who has come in by PLAIN. */
  user: string | undefined = undefined;
  done = false;

  readonly #role: 'initiator' | 'acceptor';
  readonly #options: SaslOptions;
  readonly #hostname: string | undefined;

  constructor(role: 'initiator' | 'acceptor', options: SaslOptions, hostname: string | undefined) {
    this.#role = role;
    this.#options = options;
    this.#hostname = hostname;
  }

  /** Acceptor: names the mechanisms, right behind the header. */
  offer(writer: Writer): void {
    encodeSaslMechanisms(writer, { mechanisms: this.#options.mechanisms });
  }

  /** Answers a frame into `writer`. Throws `AmqpProtocolError` when the exchange fails; what was written still goes out. */
  frame(descriptor: number, reader: Reader, writer: Writer): void {
    if (this.#role === 'initiator' && descriptor === descriptors.saslMechanisms) this.#choose(reader, writer);
    else if (this.#role === 'initiator' && descriptor === descriptors.saslOutcome && this.mechanism !== undefined) {
      const { code } = decodeSaslOutcome(reader);
      if (code !== 0) {
        const text = `SASL ${this.mechanism} was refused with code ${code}`;
        throw new AmqpProtocolError(conditions.unauthorizedAccess, text);
      }
      this.done = true;
    } else if (this.#role === 'acceptor' && descriptor === descriptors.saslInit) this.#judge(reader, writer);
    else throw new AmqpProtocolError(conditions.illegalState, 'a SASL frame came out of turn');
  }

  #choose(reader: Reader, writer: Writer): void {
    const { mechanisms } = decodeSaslMechanisms(reader);
    const { username, password = '' } = this.#options;
    this.mechanism = this.#options.mechanisms.find(
      (mechanism) => mechanisms.includes(mechanism) && (mechanism !== 'PLAIN' || username !== undefined),
    );
    if (this.mechanism === undefined) {
      throw new AmqpProtocolError(conditions.unauthorizedAccess, `no SASL mechanism in common with ${mechanisms}`);
    }
    const responses = { ANONYMOUS: 'anonymous', EXTERNAL: '', PLAIN: `\0${username}\0${password}` };
    const initialResponse = Buffer.from(responses[this.mechanism]);
    encodeSaslInit(writer, { mechanism: this.mechanism, initialResponse, hostname: this.#hostname });
  }

  #judge(reader: Reader, writer: Writer): void {
    const { mechanism, initialResponse } = decodeSaslInit(reader);
    this.mechanism = this.#options.mechanisms.find((offered) => offered === mechanism);
    if (this.mechanism === 'PLAIN') this.user = this.#plainUser(initialResponse);
    const isRefused = this.mechanism === undefined || (this.mechanism === 'PLAIN' && this.user === undefined);
    encodeSaslOutcome(writer, { code: isRefused ? 1 : 0 });
    if (isRefused) {
      const reason =
        this.mechanism === undefined ? `SASL mechanism ${mechanism} is not offered` : 'wrong name or password';
      throw new AmqpProtocolError(conditions.unauthorizedAccess, reason);
    }
    this.done = true;
  }

  /** Name and password as `authzid NUL authcid NUL passwd`; nobody may act for another. */
  #plainUser(response: Buffer | undefined): string | undefined {
    if (response === undefined || response.length > PLAIN_OCTETS_MAX) return undefined;
    const parts = response.toString('utf8').split('\0');
    const [actsAs, name, password] = parts;
    if (parts.length !== 3 || !name || (actsAs !== '' && actsAs !== name)) return undefined;
    return this.#options.verify?.(name, password!) ? name : undefined;
  }
}

/** RFC 4616 lets each of the three have 255 characters. */
const PLAIN_OCTETS_MAX = 3 * 255 * 4 + 2;
