/**
 * Error conditions of AMQP 1.0 (2.8.15 to 2.8.18), and the exception that carries one from a check to `Connection.receive`.
 */
import { SkuprtError } from '../../../lib/errors.ts';

export const conditions = {
  decodeError: 'amqp:decode-error',
  illegalState: 'amqp:illegal-state',
  invalidField: 'amqp:invalid-field',
  notAllowed: 'amqp:not-allowed',
  resourceLimitExceeded: 'amqp:resource-limit-exceeded',
  unauthorizedAccess: 'amqp:unauthorized-access',
  connectionForced: 'amqp:connection:forced',
  framingError: 'amqp:connection:framing-error',
  windowViolation: 'amqp:session:window-violation',
  errantLink: 'amqp:session:errant-link',
  handleInUse: 'amqp:session:handle-in-use',
  unattachedHandle: 'amqp:session:unattached-handle',
  transferLimitExceeded: 'amqp:link:transfer-limit-exceeded',
  messageSizeExceeded: 'amqp:link:message-size-exceeded',
  stolen: 'amqp:link:stolen',
} as const;

export type Condition = (typeof conditions)[keyof typeof conditions];

/** The peer broke the protocol in a way that ends the connection. Never leaves `Connection.receive`. */
export class AmqpProtocolError extends SkuprtError {
  readonly code = 'SKUPRT_AMQP_PROTOCOL';
  readonly fault = 'peer';
  override readonly condition: Condition;

  constructor(condition: Condition, message: string) {
    super(message, { condition });
    this.condition = condition;
  }
}

/** The owner asked for what the negotiated limits do not allow: one more session, one more link. */
export class AmqpLimitError extends SkuprtError {
  readonly code = 'SKUPRT_AMQP_LIMIT';
  readonly fault = 'environment';
}
