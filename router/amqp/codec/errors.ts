/**
 * The codec's only failure: octets from the peer that are not the AMQP they claim to be (AMQP 1.0 part 1 and 2.8.15).
 */
import { SkuprtError } from '../../../lib/errors.ts';

export class AmqpDecodeError extends SkuprtError {
  readonly code = 'SKUPRT_AMQP_DECODE';
  readonly fault = 'peer';
  override readonly condition: string = 'amqp:decode-error';
}
