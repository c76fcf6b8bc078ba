/**
 * The adaptor's part in the exchange between sites: says what `site.json` says, and hands on what the others say.
 *
 * Sites that speak only vanflow, Skupper's, are known and told by their own means.
 *
 * It always listens; it speaks while it leads, so that a new leader knows the others at once. Without a leader's good-bye the
 * site stays known when another pod goes on: see Exchange.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { RouterState } from '../../lib/router-client/state.ts';
import { ExchangeDriver } from '../exchange/driver.ts';
import { Exchange } from '../exchange/exchange.ts';
import { decodeMessage, ExchangeMessageError, type SiteContent } from '../exchange/record.ts';
import { FlowSpeaker, type FlowSpeakerParts } from '../exchange/vanflow/speaker.ts';
import type { NetworkView } from '../reconcile/observed.ts';

/** Time alone settles the view. */
const LOOK_MS = 1000;

export interface SiteSpeakerParts {
  send: (text: string) => boolean;
  /** For what is said by vanflow. */
  client: FlowSpeakerParts['client'];
  /** The view is another than before. */
  onView: (view: NetworkView, own: SiteContent) => void;
  clock: Clock;
  log: Logger;
}

export class SiteSpeaker {
  readonly flow: FlowSpeaker;
  private readonly parts: SiteSpeakerParts;
  private exchange: { machine: Exchange; driver: ExchangeDriver; siteId: string } | undefined;
  private own: SiteContent | undefined;
  private isLeading = false;
  private isConnected = false;
  private routerIds: readonly string[] | undefined;
  private told: object | undefined;

  constructor(parts: SiteSpeakerParts) {
    this.parts = parts;
    this.flow = new FlowSpeaker({ ...parts, onChange: () => this.look() });
  }

  /** `text` as in `site.json`; without one nothing is said. */
  setContent(text: string | undefined): void {
    if (text === undefined) return;
    const own = this.parse(text);
    if (own === undefined) return;
    this.own = own;
    if (this.exchange?.siteId !== own.site.id) this.join(own.site.id);
    if (this.isLeading) this.exchange!.driver.setOwn(own);
    this.flow.setOwn(own, this.isLeading);
    this.look();
  }

  lead(isLeading: boolean): void {
    if (this.isLeading === isLeading) return;
    this.isLeading = isLeading;
    this.told = undefined;
    this.flow.setOwn(this.own, isLeading);
    if (this.exchange === undefined) return;
    if (!isLeading) this.exchange.driver.resign();
    else if (this.own !== undefined) this.exchange.driver.setOwn(this.own);
    this.look();
  }

  connected(): void {
    this.isConnected = true;
    this.exchange?.driver.connected();
    this.flow.connected();
  }

  disconnected(): void {
    this.isConnected = false;
    this.routerIds = undefined;
    this.exchange?.driver.disconnected();
    this.flow.disconnected();
  }

  /** Which addresses the router knows says which sites speak vanflow, and whether somebody listens. */
  routerState(state: RouterState): void {
    this.flow.routerState(state);
  }

  topologyChanged(routerIds: readonly string[]): void {
    this.routerIds = routerIds;
    this.exchange?.driver.topologyChanged(routerIds);
  }

  receive(text: string): void {
    this.exchange?.driver.receive(text);
  }

  /** The other sites as known now. */
  view(): NetworkView {
    const machine = this.exchange?.machine;
    return {
      sites: [...(machine?.records() ?? []), ...this.flow.sites()],
      settled: machine?.isSettled(this.parts.clock.now()) ?? false,
      gone: machine?.goneSites() ?? new Set(),
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    const timer = setInterval(() => this.look(), LOOK_MS);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    clearInterval(timer);
  }

  /** Ends: with a good-bye when this process spoke for the site and no other goes on. */
  stop(othersGoOn: boolean): void {
    if (othersGoOn) this.exchange?.driver.resign();
    this.exchange?.driver.stop();
    this.flow.stop(othersGoOn);
  }

  private join(siteId: string): void {
    const { clock, send } = this.parts;
    this.exchange?.driver.stop();
    const machine = new Exchange({ siteId, instance: clock.wall() });
    const onChange = () => {
      this.flow.setOthers(machine.records());
      this.look();
    };
    const driver = new ExchangeDriver({ exchange: machine, clock, send, onChange });
    this.exchange = { machine, driver, siteId };
    if (!this.isConnected) return;
    driver.connected();
    if (this.routerIds !== undefined) driver.topologyChanged(this.routerIds);
  }

  private look(): void {
    const { exchange, own, isLeading } = this;
    if (exchange === undefined || own === undefined || !isLeading) return;
    const { machine } = exchange;
    const settled = machine.isSettled(this.parts.clock.now());
    const { revision } = machine;
    const flow = this.flow.sites();
    const told = { siteId: exchange.siteId, revision, flow, settled, gone: machine.goneSites(), own };
    if (isDeepStrictEqual(told, this.told)) return;
    this.told = told;
    this.parts.onView(this.view(), own);
  }

  private parse(text: string): SiteContent | undefined {
    try {
      const content = JSON.parse(text);
      const message = decodeMessage(JSON.stringify({ ...content, v: 1, type: 'record', instance: 0, seq: 0 }));
      if (message.type !== 'record') return undefined;
      const { site, routers, listeners, connectors, services } = message;
      return { site, routers, listeners, connectors, services };
    } catch (err) {
      if (!(err instanceof SyntaxError) && !(err instanceof ExchangeMessageError)) throw err;
      this.parts.log.warn({ err }, 'what this site tells the others cannot be read, the former goes on');
      return undefined;
    }
  }
}
