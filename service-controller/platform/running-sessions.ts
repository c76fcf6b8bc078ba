/** Parts in the exchange that run, on either platform: each a connection to the router, from its start until what it said last is out. */
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { RouterClient, type RouterEndpoint } from '../../lib/router-client/client.ts';
import { ServiceExchangeDriver } from '../exchange/driver.ts';
import { ServiceExchange } from '../exchange/exchange.ts';
import { SERVICES_ADDRESS } from '../exchange/messages.ts';
import { SiteRouters } from '../exchange/site-routers.ts';
import { MANAGER } from '../names.ts';
import type { MeshIdentity, MeshSession } from './mesh.ts';

export interface SessionParts {
  identity: MeshIdentity;
  endpoint: () => Promise<RouterEndpoint>;
  log: Logger;
  /** The exchange knows more, or of more refused claims. */
  onChange: (exchange: ServiceExchange) => void;
  /** Told of each message of the exchange that came. */
  onReceived?: (text: string) => void;
  /** Of each that is to go. */
  onSend?: (text: string) => void;
  /** Before it stops. */
  onEnd?: () => void;
}

interface Running extends Pick<SessionParts, 'onEnd'> {
  exchange: ServiceExchange;
  driver: ServiceExchangeDriver;
  client: RouterClient;
}

export class RunningSessions {
  private readonly clock: Clock;
  private readonly running = new Set<Promise<void>>();
  private instance = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** One more connection to the router, which reconnects for ever. */
  start({ identity, endpoint, log, onChange, onReceived, onSend, onEnd }: SessionParts): {
    exchange: ServiceExchange;
    session: MeshSession;
  } {
    const exchange = new ServiceExchange({ ...identity, instance: this.nextInstance() });
    const client: RouterClient = new RouterClient({
      containerId: `${MANAGER}-${identity.clusterId}`,
      endpoint,
      multicastAddress: SERVICES_ADDRESS,
      onUp: () => driver.connected(),
      onDown: () => driver.disconnected(),
      onMessage: (text, ingress) => {
        onReceived?.(text);
        driver.onMessage(text, ingress);
      },
      onHeard: (message, address, ingress) => {
        if (address === exchange.inbox && typeof message.body === 'string') onReceived?.(message.body);
        driver.onHeard(message, address, ingress);
      },
      log,
    });
    const driver: ServiceExchangeDriver = new ServiceExchangeDriver({
      exchange,
      routers: new SiteRouters(),
      client: onSend === undefined ? client : told(client, onSend),
      clock: this.clock,
      onChange: () => onChange(exchange),
    });
    return { exchange, session: this.run({ exchange, driver, client, onEnd }) };
  }

  private run({ exchange, driver, client, onEnd }: Running): MeshSession {
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
      takeTraces: () => exchange.takeTraces(),
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
  private nextInstance(): number {
    this.instance = Math.max(this.instance + 1, Math.floor(this.clock.wall() * 1000));
    return this.instance;
  }
}

function told(client: RouterClient, onSend: (text: string) => void): Pick<RouterClient, 'listen' | 'send' | 'sendTo'> {
  return {
    listen: (addresses) => client.listen(addresses),
    send: (text) => {
      onSend(text);
      return client.send(text);
    },
    sendTo: (message) => {
      onSend(String(message.body));
      return client.sendTo(message);
    },
  };
}
