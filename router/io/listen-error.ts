/** A listening socket that could not be opened: which entity asked for it, where, and why not. */
import { messageOf, SkuprtError } from '../../lib/errors.ts';

export class ListenError extends SkuprtError {
  readonly code = 'SKUPRT_ROUTER_LISTEN';
  readonly fault = 'environment';

  /** `entity` is named as the user knows it, such as "listener 'amqp'". */
  constructor(entity: string, host: string, port: number, cause: unknown) {
    const taken = (cause as NodeJS.ErrnoException)?.code === 'EADDRINUSE';
    const where = `port ${port}${host === '' ? '' : ` of ${host}`}`;
    super(`${entity} cannot listen: ${taken ? `${where} is in use` : `${where}: ${messageOf(cause)}`}`, {
      cause,
      next: `Free the port, or give ${entity} another host or port`,
    });
  }
}
