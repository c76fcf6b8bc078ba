/** A management request taken apart (wire reference 9.1), and the answers that are not a success. */
import { SkuprtError } from '../../lib/errors.ts';
import { suggestion } from '../../lib/suggest.ts';
import type { Typed } from '../amqp/codec/value.ts';
import type { Head } from '../amqp/message/head.ts';
import { ALL_TYPES, shortName } from './schema.ts';
import type { RawAttribute } from './sections.ts';
import { plain } from './wire-values.ts';

export const STATUS = {
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
} as const;
export type Status = keyof typeof STATUS;

/** The request cannot be met; `status` and the message are the answer. */
export class RefusedError extends SkuprtError {
  readonly code = 'SKUPRT_MANAGEMENT_REFUSED';
  readonly fault = 'caller';
  readonly status: Status;

  constructor(status: Status, message: string) {
    super(message);
    this.status = status;
  }
}

export class ManagementRequest {
  readonly operation: string;
  /** Short name; absent when the request names none. */
  readonly type: string | undefined;
  readonly entityType: string | undefined;
  readonly name: string | undefined;
  readonly identity: string | undefined;
  /** Ours: of a QUERY for connections or links, the protocol of those wanted. */
  readonly protocol: string | undefined;
  private readonly properties: ReadonlyMap<string, Typed>;
  private readonly body: Typed | undefined;

  /** Throws RefusedError. */
  constructor(head: Head) {
    this.properties = head.applicationProperties ?? new Map();
    this.body = head.body;
    const operation = this.text('operation');
    if (operation === undefined) throw new RefusedError(400, "no 'operation' property");
    this.operation = operation.toUpperCase();
    this.type = this.text('type');
    this.entityType = this.text('entityType');
    this.name = this.text('name');
    this.identity = this.text('identity');
    this.protocol = this.text('protocol');
  }

  /** A non-negative integer property. */
  count(property: string): number | undefined {
    const value = plain(this.properties.get(property));
    if (value === undefined || value === null) return undefined;
    const count = Number(value);
    if (!Number.isSafeInteger(count) || count < 0) throw new RefusedError(400, `'${property}' is not a count`);
    return count;
  }

  /** The body as attributes. */
  attributes(): RawAttribute[] {
    if (this.body === undefined || this.body.type === 'null') return [];
    if (this.body.type !== 'map') throw new RefusedError(400, 'the body is not a map');
    return this.body.value.map(([key, value]) => ({ name: String(plain(key)), value: plain(value) }));
  }

  private text(property: string): string | undefined {
    const value = plain(this.properties.get(property));
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw new RefusedError(400, `'${property}' is not a string`);
    return value;
  }
}

/** The short name of a type that a request names. */
export function knownType(name: string): string {
  const type = shortName(name);
  if (type === undefined) throw new RefusedError(400, `no such entity type '${name}'${suggestion(name, ALL_TYPES)}`);
  return type;
}
