/** Parts in the exchange that run, on either platform: each a connection to the router, from its start until what it said last is out. */
import type { Clock } from '../../lib/clock.ts';
import type { RouterClient } from '../../lib/router-client/client.ts';
import type { ServiceExchangeDriver } from '../exchange/driver.ts';
import type { ServiceExchange } from '../exchange/exchange.ts';
import type { MeshSession } from './mesh.ts';

export interface SessionParts {
  exchange: ServiceExchange;
  driver: ServiceExchangeDriver;
  client: Pick<RouterClient, 'run' | 'close'>;
  /** Before it stops. */
  onEnd?: () => void;
}

export class RunningSessions {
  private readonly clock: Clock;
  private readonly running = new Set<Promise<void>>();
  private instance = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  start({ exchange, driver, client, onEnd }: SessionParts): MeshSession {
    const ending = new AbortController();
    const over = client.run(ending.signal);
    this.running.add(over);
    void over.finally(() => this.running.delete(over));
    const end = () => {
      onEnd?.();
      driver.stop();
      // What was said last goes out before the connection ends.
      void client.close().finally(() => ending.abort());
    };
    return {
      views: () => exchange.views(),
      isSettled: () => exchange.isSettled(this.clock.now()),
      hasWaited: () => exchange.hasWaited(this.clock.now()),
      setOwn: (own) => driver.setOwn(own),
      leave: end,
      stop: () => {
        driver.resign();
        end();
      },
    };
  }

  /** Resolves when every connection has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.running);
  }

  /** Microseconds since 1970: growing with each start, and each session of one process. */
  nextInstance(): number {
    this.instance = Math.max(this.instance + 1, Math.floor(this.clock.wall() * 1000));
    return this.instance;
  }
}
