/**
 * The thin edge of the exchange of services: hands it messages and the time, sends what it says, and wakes it when it wants.
 *
 * The router's client has `SERVICES_ADDRESS` as its multicast address; the own inbox and the sites' address are listened to beside.
 */
import type { Clock } from '../../lib/clock.ts';
import type { RouterClient } from '../../lib/router-client/client.ts';
import type { OwnContent } from './entries.ts';
import type { ServiceExchange } from './exchange.ts';
import { SERVICES_ADDRESS } from './messages.ts';
import { SITES_ADDRESS, type SiteRouters } from './site-routers.ts';

/** Routers that nobody lists any more, and sites that are asked for again. */
const LOOK_MS = 1000;

export interface ServiceExchangeDriverParts {
  exchange: ServiceExchange;
  routers: SiteRouters;
  client: Pick<RouterClient, 'listen' | 'send' | 'sendTo'>;
  clock: Clock;
  /** `views()`, `claims()` or `isSettled()` of the exchange changed. */
  onChange: () => void;
}

export class ServiceExchangeDriver {
  /** Messages that the connection had no room for; the exchange repairs the loss. */
  unsentCount = 0;
  private readonly parts: ServiceExchangeDriverParts;
  private timer: NodeJS.Timeout | undefined;
  private revision = 0;
  private routersRevision = 0;
  private lookAt = Infinity;
  private isStopped = false;

  constructor(parts: ServiceExchangeDriverParts) {
    this.parts = parts;
    parts.client.listen(new Set([parts.exchange.inbox, SITES_ADDRESS]));
  }

  setOwn(content: OwnContent): void {
    this.turn((exchange, now) => exchange.setOwn(content, now));
  }

  /** For `onUp` of the client. */
  connected(): void {
    this.turn((exchange, now) => {
      this.parts.routers.connected(now);
      this.lookAt = now + LOOK_MS;
      exchange.connected(now);
    });
  }

  /** For `onDown`. */
  disconnected(): void {
    this.lookAt = Infinity;
    this.turn((exchange) => exchange.disconnected());
  }

  /** For `onMessage`: what came to the multicast address. */
  onMessage(text: string, ingress: string | undefined): void {
    this.turn((exchange, now) => exchange.receive({ text, ingress }, now));
  }

  /** For `onHeard`: what came to the own inbox or to the address of the sites. */
  onHeard({ body: text }: { body?: unknown }, address: string, ingress: string | undefined): void {
    if (typeof text !== 'string') return;
    this.turn((exchange, now) => {
      if (address === SITES_ADDRESS) this.parts.routers.receive({ text, ingress }, now);
      else if (address === exchange.inbox) exchange.receive({ text, ingress }, now);
    });
  }

  /** Another process speaks for the cluster: goes on to listen, says nothing. */
  resign(): void {
    this.turn((exchange) => exchange.resign());
  }

  /** Says good-bye, unless another process speaks for the cluster; nothing is sent afterwards. */
  stop(): void {
    this.turn((exchange) => exchange.leave());
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private turn(input: (exchange: ServiceExchange, now: number) => void): void {
    if (this.isStopped) return;
    const { exchange, clock, onChange } = this.parts;
    const now = clock.now();
    input(exchange, now);
    exchange.tick(now);
    this.look(now);
    this.sendAll();
    clearTimeout(this.timer);
    const deadline = Math.min(exchange.deadline(), this.lookAt);
    if (deadline !== Infinity) this.timer = setTimeout(() => this.turn(() => {}), Math.max(1, deadline - now));
    if (exchange.revision !== this.revision) {
      this.revision = exchange.revision;
      onChange();
    }
  }

  /** What is known of routers goes to the exchange, and what it lacks is asked for. */
  private look(now: number): void {
    const { exchange, routers } = this.parts;
    if (now >= this.lookAt) {
      routers.tick(now);
      this.lookAt = now + LOOK_MS;
    }
    for (const siteId of exchange.unknownSites()) routers.want(siteId, now);
    if (routers.revision === this.routersRevision) return;
    this.routersRevision = routers.revision;
    exchange.setRouters(routers.siteByRouter(), now);
    exchange.tick(now);
  }

  private sendAll(): void {
    const { exchange, routers, client } = this.parts;
    const count = (isSent: boolean) => {
      if (!isSent) this.unsentCount += 1;
    };
    for (let message = exchange.nextMessage(); message !== undefined; message = exchange.nextMessage()) {
      const { to, text } = message;
      count(to === SERVICES_ADDRESS ? client.send(text) : client.sendTo(jsonTo(to, text)));
    }
    for (let text = routers.nextMessage(); text !== undefined; text = routers.nextMessage()) {
      count(client.sendTo(jsonTo(SITES_ADDRESS, text)));
    }
  }
}

function jsonTo(to: string, body: string): { to: string; content_type: string; body: string } {
  return { to, content_type: 'application/json', body };
}
