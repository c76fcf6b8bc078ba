/** A message that is not what it should be: its delivery is rejected, its connection goes on. */
import { SkuprtError } from '../../../lib/errors.ts';

export class MessageError extends SkuprtError {
  readonly code = 'SKUPRT_AMQP_MESSAGE';
  readonly fault = 'peer';
  override readonly condition: string = 'amqp:invalid-field';
}
