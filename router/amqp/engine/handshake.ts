/**
 * What precedes AMQP frames: protocol headers (2.2) and the SASL layer (5.3), for both roles.
 *
 * An initiator speaks first, with the SASL header when it is to use SASL; an acceptor answers the layer that the peer asks for, and
 * refuses what it does not speak by showing what it does.
 */
import type { Reader } from '../codec/reader.ts';
import { Writer } from '../codec/writer.ts';
import { AmqpProtocolError, conditions } from './conditions.ts';
import type { SaslMechanism, Settings } from './options.ts';
import { SaslExchange } from './sasl.ts';

const amqpHeader = Buffer.from('414d515000010000', 'hex');
const saslHeader = Buffer.from('414d515003010000', 'hex');
const amqpProtocolId = 0;
const saslProtocolId = 3;

export class Handshake {
  /** Headers and SASL frames to send: they precede every AMQP frame. */
  readonly output = new Writer(256);
  /** AMQP frames may follow what is in `output`. */
  amqpHeaderSent = false;

  readonly #role: 'initiator' | 'acceptor';
  readonly #saslRequired: boolean;
  readonly #sasl: SaslExchange | undefined;
  #saslHeaderSent = false;

  constructor(settings: Settings) {
    const { role, sasl, hostname } = settings;
    this.#role = role;
    this.#saslRequired = sasl?.required ?? false;
    this.#sasl = sasl === undefined ? undefined : new SaslExchange(role, sasl, hostname);
    if (role === 'acceptor') return;
    if (this.#sasl === undefined) this.#sendAmqpHeader();
    else this.#sendSaslHeader();
  }

  get mechanism(): SaslMechanism | undefined {
    return this.#sasl?.mechanism;
  }

  /** Acceptor: who has come in by PLAIN. */
  get user(): string | undefined {
    return this.#sasl?.user;
  }

  /** Answers the peer's header; returns the type of the frames that follow it. Throws `AmqpProtocolError`. */
  header(protocolId: number, major: number, minor: number, revision: number): 0 | 1 {
    if (major !== 1 || minor !== 0 || revision !== 0) this.#refuse(`AMQP ${major}.${minor}.${revision}`);
    if (protocolId === amqpProtocolId) return this.#onAmqpHeader();
    if (protocolId === saslProtocolId) return this.#onSaslHeader();
    return this.#refuse(`protocol id ${protocolId}`);
  }

  /** Answers a SASL frame; returns what is to be expected next. Throws `AmqpProtocolError`. */
  saslFrame(descriptor: number, reader: Reader): 'header' | 1 {
    const sasl = this.#sasl as SaslExchange;
    sasl.frame(descriptor, reader, this.output);
    if (!sasl.done) return 1;
    if (this.#role === 'initiator') this.#sendAmqpHeader();
    return 'header';
  }

  #onAmqpHeader(): 0 {
    const saslPending = this.#sasl !== undefined && !this.#sasl.done;
    const maySkipSasl = this.#role === 'acceptor' && !this.#saslHeaderSent && !this.#saslRequired;
    if (saslPending && !maySkipSasl) this.#refuse('AMQP without SASL');
    this.#sendAmqpHeader();
    return 0;
  }

  #onSaslHeader(): 1 {
    if (this.#sasl === undefined || this.#sasl.done) this.#refuse('SASL');
    this.#sendSaslHeader();
    if (this.#role === 'acceptor') this.#sasl?.offer(this.output);
    return 1;
  }

  #refuse(what: string): never {
    if (this.#sasl !== undefined && !this.#sasl.done) this.#sendSaslHeader();
    else if (!this.amqpHeaderSent) this.output.bytes(amqpHeader);
    throw new AmqpProtocolError(conditions.framingError, `${what} is not spoken here`);
  }

  #sendSaslHeader(): void {
    if (this.#saslHeaderSent) return;
    this.#saslHeaderSent = true;
    this.output.bytes(saslHeader);
  }

  #sendAmqpHeader(): void {
    if (this.amqpHeaderSent) return;
    this.amqpHeaderSent = true;
    this.output.bytes(amqpHeader);
  }
}
