/**
 * The SASL layer before AMQP (5.3), ANONYMOUS and EXTERNAL, both roles: one exchange of mechanisms, init and outcome.
 *
 * EXTERNAL proves nothing here: it says that the identity is the one of the TLS certificate, which the owner has verified before it
 * offers the mechanism.
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
      if (code !== 0) throw new AmqpProtocolError(conditions.unauthorizedAccess, `SASL failed with code ${code}`);
      this.done = true;
    } else if (this.#role === 'acceptor' && descriptor === descriptors.saslInit) this.#judge(reader, writer);
    else throw new AmqpProtocolError(conditions.illegalState, 'a SASL frame came out of turn');
  }

  #choose(reader: Reader, writer: Writer): void {
    const { mechanisms } = decodeSaslMechanisms(reader);
    this.mechanism = this.#options.mechanisms.find((mechanism) => mechanisms.includes(mechanism));
    if (this.mechanism === undefined) {
      throw new AmqpProtocolError(conditions.unauthorizedAccess, `no SASL mechanism in common with ${mechanisms}`);
    }
    const initialResponse = Buffer.from(this.mechanism === 'ANONYMOUS' ? 'anonymous' : '');
    encodeSaslInit(writer, { mechanism: this.mechanism, initialResponse, hostname: this.#hostname });
  }

  #judge(reader: Reader, writer: Writer): void {
    const { mechanism } = decodeSaslInit(reader);
    this.mechanism = this.#options.mechanisms.find((offered) => offered === mechanism);
    encodeSaslOutcome(writer, { code: this.mechanism === undefined ? 1 : 0 });
    if (this.mechanism === undefined) {
      throw new AmqpProtocolError(conditions.unauthorizedAccess, `SASL mechanism ${mechanism} is not offered`);
    }
    this.done = true;
  }
}
