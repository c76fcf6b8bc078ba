/**
 * This site among sites that speak only vanflow, Skupper's: learns of them, and tells them of itself. The thin edge of collector and
 * emitter: hands them messages and the time, sends what they say, and wakes them when they want.
 *
 * Routers tell of themselves, their links and services; the site is told here.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Message } from 'rhea';
import type { Clock } from '../../../lib/clock.ts';
import type { RouterState } from '../../../lib/router-client/state.ts';
import type { SiteContent } from '../record.ts';
import { FlowCollector } from './collector.ts';
import { FlowEmitter } from './emitter.ts';
import { BEACON_ADDRESS, directAddress, sourcesAmong } from './message.ts';
import { ownRecords } from './own-records.ts';
import { sitesOfRecords } from './sites.ts';
import { fromWire, toWire } from './wire.ts';

const NOBODY: ReadonlySet<string> = new Set();

export interface FlowSpeakerParts {
  client: {
    listen(addresses: ReadonlySet<string>): void;
    sendTo(message: Message & { to: string }): boolean;
  };
  clock: Clock;
  /** What is known of the other sites changed. */
  onChange: () => void;
}

export class FlowSpeaker {
  private readonly parts: FlowSpeakerParts;
  private readonly collector = new FlowCollector();
  private readonly emitter = new FlowEmitter();
  private readonly startTime: number;
  private timer: NodeJS.Timeout | undefined;
  private state: RouterState | undefined;
  private own: SiteContent | undefined;
  private isSpeaking = false;
  private others: readonly SiteContent[] = [];
  /** What `known` and what is told were made of. */
  private madeOf: readonly unknown[] = [];
  private known: readonly SiteContent[] = [];
  private listening: ReadonlySet<string> = NOBODY;
  private isStopped = false;

  constructor(parts: FlowSpeakerParts) {
    this.parts = parts;
    this.startTime = Math.round(parts.clock.wall() * 1000);
  }

  /** Those that tell nothing by other means. */
  sites(): readonly SiteContent[] {
    return this.known;
  }

  /** What this site says of itself, and whether it is this process that says it. */
  setOwn(own: SiteContent | undefined, isSpeaking: boolean): void {
    this.own = own;
    this.isSpeaking = isSpeaking;
    this.turn();
  }

  /** The sites that tell of themselves by the exchange: they are no business of this. */
  setOthers(others: readonly SiteContent[]): void {
    this.others = others;
    this.turn();
  }

  connected(): void {
    this.listening = NOBODY;
    this.turn((now) => this.collector.connected(now));
  }

  disconnected(): void {
    this.state = undefined;
    this.turn((now) => {
      this.collector.disconnected();
      this.emitter.setHeard(false, now);
    });
  }

  routerState(state: RouterState): void {
    this.state = state;
    this.turn();
  }

  /** `address` is where it was heard. */
  receive(message: Message, address: string): void {
    const event = fromWire(message, address);
    if (event === undefined) return;
    this.turn((now) => {
      if (event.type !== 'flush') this.collector.receive(event, now);
      else if (event.id === this.emitter.source) this.emitter.asked(now);
    });
  }

  /** Nothing is said afterwards; the last words are that the site ends, unless another process goes on. */
  stop(othersGoOn: boolean): void {
    if (!othersGoOn && this.isSpeaking) this.emitter.leave(this.parts.clock.wall());
    this.send();
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private turn(input: (now: number) => void = () => undefined): void {
    if (this.isStopped) return;
    const { clock, onChange } = this.parts;
    const now = clock.now();
    input(now);
    this.look(now);
    this.collector.tick(now);
    const isNews = this.learn(now);
    this.emitter.tick(now, clock.wall());
    this.listen();
    this.send();
    clearTimeout(this.timer);
    const deadline = Math.min(this.collector.deadline(), this.emitter.deadline());
    if (deadline !== Infinity) this.timer = setTimeout(() => this.turn(), Math.max(1, deadline - now));
    if (isNews) onChange();
  }

  /** Who speaks and who listens, by the addresses that the router knows; at the edge it knows none. */
  private look(now: number): void {
    const { own, others, state } = this;
    this.collector.ignore(new Set([own, ...others].flatMap((content) => content?.site.id ?? [])));
    if (state === undefined) return;
    if (!this.isAtEdge) this.collector.inTable(sourcesAmong(state.consumers.keys()), now);
    this.emitter.setHeard(this.isAtEdge || (state.consumers.get(BEACON_ADDRESS) ?? 0) > 0, now);
  }

  /** What is known and told anew, when what it is made of changed; whether more or else is known. */
  private learn(now: number): boolean {
    const { collector, own, others, isSpeaking } = this;
    const madeOf = [collector.revision, own, others, isSpeaking];
    if (madeOf.every((part, index) => part === this.madeOf[index])) return false;
    this.madeOf = madeOf;
    const told = new Set([own, ...others].map((content) => content?.site.id));
    const sites = sitesOfRecords(collector.records(), own === undefined ? others : [own, ...others]);
    const known = sites.filter(({ site }) => !told.has(site.id));
    const isNews = !isDeepStrictEqual(known, this.known);
    if (isNews) this.known = known;
    this.tell(now);
    return isNews;
  }

  private tell(now: number): void {
    const { own, startTime } = this;
    if (own === undefined || !this.isSpeaking) this.emitter.setRecords(undefined, [], now);
    else this.emitter.setRecords(own.site.id, ownRecords(own, startTime), now);
  }

  private listen(): void {
    const { source } = this.emitter;
    const addresses = this.collector.addresses();
    if (this.isAtEdge) addresses.add(BEACON_ADDRESS);
    if (source !== undefined) addresses.add(directAddress(source));
    if (isDeepStrictEqual(addresses, this.listening)) return;
    this.listening = addresses;
    this.parts.client.listen(addresses);
  }

  private send(): void {
    for (const machine of [this.collector, this.emitter]) {
      for (let message = machine.nextMessage(); message !== undefined; message = machine.nextMessage()) {
        this.parts.client.sendTo(toWire(message));
      }
    }
  }

  /** An edge router lists no addresses of others. */
  private get isAtEdge(): boolean {
    return this.state?.connections.some(({ role, direction }) => role === 'edge' && direction === 'out') ?? false;
  }
}
