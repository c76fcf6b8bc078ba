/** The thin edge of the exchange: hands it messages and the time, sends what it says, and wakes it when it wants. */
import type { Clock } from '../../lib/clock.ts';
import type { Exchange } from './exchange.ts';
import type { SiteContent } from './record.ts';

export interface ExchangeDriverParts {
  exchange: Exchange;
  clock: Clock;
  /** False when the message could not go now; it is lost, and repaired by the next digest. */
  send: (text: string) => boolean;
  /** What is known of the other sites changed. */
  onChange: () => void;
}

export class ExchangeDriver {
  private readonly parts: ExchangeDriverParts;
  private timer: NodeJS.Timeout | undefined;
  private revision = 0;

  constructor(parts: ExchangeDriverParts) {
    this.parts = parts;
  }

  setOwn(content: SiteContent): void {
    this.turn((exchange, now) => exchange.setOwn(content, now));
  }

  connected(): void {
    this.turn((exchange, now) => exchange.connected(now));
  }

  disconnected(): void {
    this.turn((exchange) => exchange.disconnected());
  }

  topologyChanged(routerIds: readonly string[]): void {
    this.turn((exchange, now) => exchange.topologyChanged(routerIds, now));
  }

  receive(text: string): void {
    this.turn((exchange, now) => exchange.receive(text, now));
  }

  /** Another process speaks for the site: goes on to listen, says nothing. */
  resign(): void {
    this.turn((exchange) => exchange.resign());
  }

  /** Says good-bye; nothing is sent afterwards. */
  stop(): void {
    this.turn((exchange) => exchange.leave());
    clearTimeout(this.timer);
  }

  private turn(input: (exchange: Exchange, now: number) => void): void {
    const { exchange, clock, send, onChange } = this.parts;
    const now = clock.now();
    input(exchange, now);
    exchange.tick(now);
    for (let text = exchange.nextMessage(); text !== undefined; text = exchange.nextMessage()) send(text);
    clearTimeout(this.timer);
    const deadline = exchange.deadline();
    if (deadline !== Infinity) this.timer = setTimeout(() => this.turn(() => {}), Math.max(1, deadline - now));
    if (exchange.revision !== this.revision) {
      this.revision = exchange.revision;
      onChange();
    }
  }
}
