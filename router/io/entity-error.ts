/** An entity cannot be made or changed so. */
import { SkuprtError } from '../../lib/errors.ts';

export class EntityError extends SkuprtError {
  readonly code = 'SKUPRT_ROUTER_ENTITY';
  readonly fault = 'caller';
}
