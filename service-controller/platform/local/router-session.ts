/** The part of a local site in the exchange: one more connection to its router, which reconnects for ever. */
import type { Clock } from '../../../lib/clock.ts';
import type { Logger } from '../../../lib/log.ts';
import { RouterClient, type RouterEndpoint } from '../../../lib/router-client/client.ts';
import { ServiceExchangeDriver } from '../../exchange/driver.ts';
import { ServiceExchange } from '../../exchange/exchange.ts';
import type { RefusedClaim } from '../../exchange/gate.ts';
import { SERVICES_ADDRESS } from '../../exchange/messages.ts';
import { SiteRouters } from '../../exchange/site-routers.ts';
import { MANAGER } from '../../names.ts';
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
    const { endpoint, clock, log } = this.parts;
    const exchange = new ServiceExchange({ ...identity, instance: this.running.nextInstance() });
    this.exchange = exchange;
    const client: RouterClient = new RouterClient({
      containerId: `${MANAGER}-${identity.clusterId}`,
      endpoint,
      multicastAddress: SERVICES_ADDRESS,
      onUp: () => driver.connected(),
      onDown: () => driver.disconnected(),
      onMessage: (text, ingress) => driver.onMessage(text, ingress),
      onHeard: (message, address, ingress) => driver.onHeard(message, address, ingress),
      log,
    });
    const driver: ServiceExchangeDriver = new ServiceExchangeDriver({
      exchange,
      routers: new SiteRouters(),
      client,
      clock,
      onChange: () => {
        onChange();
        this.parts.onChange();
      },
    });
    return this.running.start({ exchange, driver, client });
  };

  /** Resolves when every connection has ended. */
  async stop(): Promise<void> {
    await this.running.ended();
  }
}
