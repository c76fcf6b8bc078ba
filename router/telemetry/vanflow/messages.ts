/**
 * Messages of Skupper's event protocol, octet by octet as skupper-router writes them (wire reference 10.2): properties with a
 * growing message id, no header, records as a list of maps with uint keys and ulong or str values.
 *
 * Here are only forms: what is told and when is `source.ts`.
 */
import { ATTRIBUTE, BEACON_ADDRESS, DIRECT_PREFIX, EVENT_PREFIX, PROTOCOL_VERSION } from '../../../lib/vanflow.ts';
import { amqp, symbolMap, type TypedMap } from '../../amqp/codec/value.ts';
import { encodeValue, Writer, writeString, writeUint, writeUlong } from '../../amqp/codec/writer.ts';
import { composeMessage } from '../../amqp/message/compose.ts';
import { TEXT_LENGTH_MAX } from './limits.ts';

const BLOCK_BYTES = 32 * 1024;
const LIST32 = 0xd0;
const MAP32 = 0xd1;
const NULL = 0x40;
const PROPERTIES_SECTION = 0x73;
const VALUE_SECTION = 0x77;

export class Messages {
  private readonly id: string;
  private readonly writer = new Writer(BLOCK_BYTES);
  private nextMessageId = 0;

  /** @param id of the source: `<5 characters>:0` */
  constructor(id: string) {
    this.id = id;
  }

  beacon(): Buffer {
    const { id } = this;
    const properties = symbolMap({
      v: amqp.uint(PROTOCOL_VERSION),
      sourceType: amqp.string('ROUTER'),
      id: amqp.string(id),
      address: amqp.string(EVENT_PREFIX + id),
      direct: amqp.string(DIRECT_PREFIX + id),
    });
    return this.notice(BEACON_ADDRESS, 'BEACON', properties);
  }

  /** @param wallMs milliseconds since 1970 */
  heartbeat(wallMs: number): Buffer {
    const properties = symbolMap({
      v: amqp.uint(PROTOCOL_VERSION),
      now: amqp.ulong(Math.round(wallMs * 1000)),
      id: amqp.string(this.id),
    });
    return this.notice(EVENT_PREFIX + this.id, 'HEARTBEAT', properties);
  }

  /** Begins a message of records; one at a time. */
  records(to: string): RecordMessage {
    return new RecordMessage(this.writer, to, this.nextMessageId++);
  }

  private notice(to: string, subject: string, applicationProperties: TypedMap): Buffer {
    const messageId = amqp.long(this.nextMessageId++);
    return composeMessage({ properties: { messageId, to, subject }, applicationProperties, body: amqp.null() });
  }
}

/** A message of records that is being written. */
export class RecordMessage {
  private readonly writer: Writer;
  private readonly list: number;
  private recordCount = 0;
  private map = 0;
  private entryCount = 0;

  constructor(writer: Writer, to: string, messageId: number) {
    this.writer = writer;
    section(writer, PROPERTIES_SECTION);
    const properties = writer.beginCompound();
    encodeValue(writer, amqp.long(messageId));
    writer.byte(NULL);
    writeString(writer, to);
    writeString(writer, 'RECORD');
    writer.endCompound(properties, LIST32, 4, 'wide');
    section(writer, VALUE_SECTION);
    this.list = writer.beginCompound();
  }

  begin(type: number, id: string): void {
    this.map = this.writer.beginCompound();
    this.entryCount = 2;
    writeUint(this.writer, ATTRIBUTE.type);
    writeUint(this.writer, type);
    writeUint(this.writer, ATTRIBUTE.identity);
    writeString(this.writer, id);
  }

  /** @param value a whole number */
  number(code: number, value: number): void {
    this.entryCount++;
    writeUint(this.writer, code);
    writeUlong(this.writer, value);
  }

  text(code: number, value: string): void {
    this.entryCount++;
    writeUint(this.writer, code);
    writeString(this.writer, value.length > TEXT_LENGTH_MAX ? value.slice(0, TEXT_LENGTH_MAX) : value);
  }

  value(code: number, value: string | number): void {
    if (typeof value === 'string') this.text(code, value);
    else this.number(code, value);
  }

  end(): void {
    this.writer.endCompound(this.map, MAP32, this.entryCount * 2, 'wide');
    this.recordCount++;
  }

  finish(): Buffer {
    this.writer.endCompound(this.list, LIST32, this.recordCount, 'wide');
    return this.writer.take();
  }
}

function section(writer: Writer, code: number): void {
  writer.byte(0x00);
  writer.byte(0x53);
  writer.byte(code);
}
