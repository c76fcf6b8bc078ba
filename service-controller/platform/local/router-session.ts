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
import type { MeshSession, OpenSession } from '../kubernetes/mesh.ts';

export interface LocalSessionsParts {
  endpoint: () => Promise<RouterEndpoint>;
  /** Whatever of the exchange changed: `claims` too. */
  onChange: () => void;
  clock: Clock;
  log: Logger;
}

export class LocalSessions {
  private readonly parts: LocalSessionsParts;
  private readonly running = new Set<Promise<void>>();
  private exchange: ServiceExchange | undefined;
  private instance = 0;

  constructor(parts: LocalSessionsParts) {
    this.parts = parts;
  }

  /** Refused ones, of the own id too. */
  get claims(): readonly RefusedClaim[] {
    return this.exchange?.claims() ?? [];
  }

  readonly open: OpenSession = (identity, onChange) => {
    const { endpoint, clock, log } = this.parts;
    const exchange = new ServiceExchange({ ...identity, instance: this.nextInstance() });
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
    return this.session(exchange, driver, client);
  };

  /** Resolves when every connection has ended. */
  async stop(): Promise<void> {
    await Promise.all(this.running);
  }

  private session(exchange: ServiceExchange, driver: ServiceExchangeDriver, client: RouterClient): MeshSession {
    const ending = new AbortController();
    const over = client.run(ending.signal);
    this.running.add(over);
    void over.finally(() => this.running.delete(over));
    const end = () => {
      driver.stop();
      // What was said last goes out before the connection ends.
      void client.close().finally(() => ending.abort());
    };
    return {
      views: () => exchange.views(),
      isSettled: () => exchange.isSettled(this.parts.clock.now()),
      setOwn: (own) => driver.setOwn(own),
      leave: end,
      stop: () => {
        driver.resign();
        end();
      },
    };
  }

  /** Microseconds since 1970: growing with each start, and each session of one process. */
  private nextInstance(): number {
    this.instance = Math.max(this.instance + 1, Math.floor(this.parts.clock.wall() * 1000));
    return this.instance;
  }
}
