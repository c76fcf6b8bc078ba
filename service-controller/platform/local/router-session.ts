/** The part of a local site in the exchange: one more connection to its router, which reconnects for ever. */
import type { Clock } from '../../../lib/clock.ts';
import type { Logger } from '../../../lib/log.ts';
import type { RouterEndpoint } from '../../../lib/router-client/client.ts';
import type { ServiceExchange } from '../../exchange/exchange.ts';
import type { RefusedClaim } from '../../exchange/gate.ts';
import type { OpenSession } from '../mesh.ts';
import { RunningSessions } from '../running-sessions.ts';

export interface LocalSessionsParts {
  endpoint: () => Promise<RouterEndpoint>;
  /** Whatever of the exchange changed: `claims` too. */
  onChange: () => void;
  clock: Clock;
  log: Logger;
}

export class LocalSessions {
  private readonly parts: LocalSessionsParts;
  private readonly running: RunningSessions;
  private exchange: ServiceExchange | undefined;

  constructor(parts: LocalSessionsParts) {
    this.parts = parts;
    this.running = new RunningSessions(parts.clock);
  }

  /** Refused ones, of the own id too. */
  get claims(): readonly RefusedClaim[] {
    return this.exchange?.claims() ?? [];
  }

  readonly open: OpenSession = (identity, onChange) => {
    const { endpoint, log } = this.parts;
    const { exchange, session } = this.running.start({
      identity,
      endpoint,
      log,
      onChange: () => {
        onChange();
        this.parts.onChange();
      },
    });
    this.exchange = exchange;
    return session;
  };

  /** Resolves when every connection has ended. */
  async stop(): Promise<void> {
    await this.running.ended();
  }
}
