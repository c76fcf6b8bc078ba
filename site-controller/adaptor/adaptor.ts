/**
 * The adaptor beside one router: brings the ConfigMap and the Secrets to the router, and what the router and the other sites say
 * back to the API server. Wiring only; the parts do the work.
 *
 * Nothing here keeps the router from going on: without an API server it stays as it is, and everything is looked at again later.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import { RouterClient } from '../../lib/router-client/client.ts';
import { RouterPoller } from '../../lib/router-client/poller.ts';
import { encodeReport } from '../../lib/router-client/report.ts';
import type { RouterState } from '../../lib/router-client/state.ts';
import type { Tracer } from '../../lib/trace/tracer.ts';
import { EXCHANGE_ADDRESS, type SiteContent } from '../exchange/record.ts';
import type { NetworkView } from '../reconcile/observed.ts';
import type { AdaptorCluster } from './cluster.ts';
import { type Place, placeOf, statusMap, withRefusals } from './documents.ts';
import { LatestWriter } from './latest-writer.ts';
import { NetworkPublisher, type Publication } from './network-publisher.ts';
import type { AdaptorOptions } from './options.ts';
import { RouterKeeper } from './router-keeper.ts';
import { SiteSpeaker } from './site-speaker.ts';
import type { Wanted } from './wanted.ts';
import { NOBODY, WorkloadTeller } from './workload-teller.ts';

/** The router takes the first address of this name, which may be of either family; the client tries all. */
const LOCAL_HOST = 'localhost';
const AMQP_PORT = 5672;
const REPORT_INTERVAL_MS = 200;
const NETWORK_INTERVAL_MS = 500;
const LAST_WORDS_MS = 2000;

export interface AdaptorParts {
  options: AdaptorOptions;
  cluster: AdaptorCluster;
  clock: Clock;
  random: Random;
  log: Logger;
  tracer?: Tracer;
}

export class Adaptor {
  readonly keeper: RouterKeeper;
  readonly client: RouterClient;
  readonly publisher: NetworkPublisher;
  private readonly parts: AdaptorParts;
  private readonly poller: RouterPoller;
  private readonly speaker: SiteSpeaker;
  private readonly workloads: WorkloadTeller;
  private workloadMapCount: number | undefined;
  private readonly report: LatestWriter<{ place: Place; state: RouterState | undefined }>;
  private readonly network: LatestWriter<Publication>;
  private amqpPort = AMQP_PORT;
  private isPair = false;
  private election: AbortController | undefined;
  private electing: Promise<void> = Promise.resolve();
  private heard: { view: NetworkView; own: SiteContent; count: number } | undefined;

  constructor(parts: AdaptorParts) {
    const { options, cluster, clock, log } = parts;
    this.parts = parts;
    this.publisher = new NetworkPublisher(cluster);
    this.report = new LatestWriter({
      ...parts,
      what: 'state of the router',
      write: ({ place, state }) => this.writeReport(place, state),
      identify: ({ place, state }) => JSON.stringify(place) + (state === undefined ? '' : encodeReport(state)),
      intervalMs: REPORT_INTERVAL_MS,
    });
    this.network = new LatestWriter({
      ...parts,
      what: 'network',
      write: (publication) => this.publisher.write(publication),
      identify: ({ key }) => key,
      intervalMs: NETWORK_INTERVAL_MS,
    });
    this.client = new RouterClient({
      containerId: `skuprt-adaptor-${options.pod}`,
      endpoint: async () => ({ host: options.bind ?? LOCAL_HOST, port: this.amqpPort }),
      multicastAddress: EXCHANGE_ADDRESS,
      onUp: () => {
        this.speaker.connected();
        this.keeper.reconnected();
        this.workloads.reconnected();
        this.poller.look();
      },
      onDown: () => {
        this.speaker.disconnected();
        this.keeper.reconnected();
        this.poller.look();
      },
      onMessage: (text) => this.speaker.receive(text),
      onHeard: (message, address) => this.speaker.flow.receive(message, address),
      log,
    });
    this.speaker = new SiteSpeaker({
      send: (text) => this.client.send(text),
      client: this.client,
      onView: (view, own) => {
        this.heard = { view, own, count: (this.heard?.count ?? 0) + 1 };
        this.publish();
      },
      clock,
      log,
    });
    this.poller = new RouterPoller({
      client: this.client,
      clock,
      log,
      onChange: (...states) => this.stateChanged(...states),
    });
    this.workloads = new WorkloadTeller({
      ...parts,
      client: this.client,
      wanted: () => (this.workloadMapCount === undefined ? NOBODY : cluster.workloads(this.workloadMapCount)),
    });
    this.keeper = new RouterKeeper({
      ...parts,
      place: options,
      configMap: () => cluster.configMap(),
      secrets: () => cluster.secrets(),
      routerState: () => this.poller.state,
      client: this.client,
      onChanged: () => this.poller.look(),
      onWanted: (wanted) => this.wantedChanged(wanted),
      onRefusals: () => this.tellState(),
    });
  }

  /** Why the pod should get no connections; undefined when it should. */
  problem(): string | undefined {
    if (!this.client.isUp) return 'not connected to the router';
    return this.keeper.isReady ? undefined : 'the configuration is not applied yet';
  }

  /** Runs until `signal` aborts; the last words are said by then. */
  async run(signal: AbortSignal): Promise<void> {
    const { cluster, log } = this.parts;
    const stopping = new AbortController();
    const stop = () => stopping.abort();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const guarded = (task: Promise<void>) => task.finally(stop);
    const clientEnd = new AbortController();
    const client = guarded(this.client.run(clientEnd.signal));
    this.election = new AbortController();
    const tasks = [
      cluster.run(() => this.clusterChanged(), stopping.signal),
      this.workloads.run(stopping.signal),
      this.keeper.run(stopping.signal),
      this.poller.run(stopping.signal),
      this.report.run(stopping.signal),
      this.network.run(stopping.signal),
      this.speaker.run(stopping.signal),
    ].map(guarded);
    const results = await Promise.allSettled(tasks);
    this.speaker.stop(this.isPair);
    this.election.abort();
    await this.client.close();
    clientEnd.abort();
    results.push(...(await Promise.allSettled([client, this.electing])));
    await this.takeBackReport();
    log.info('adaptor stopped');
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  private clusterChanged(): void {
    this.keeper.look();
    this.workloads.look();
  }

  private wantedChanged({ config, entities, siteContent }: Wanted): void {
    const own = entities.find(({ type, name }) => type === 'listener' && name === 'amqp');
    const port = Number(own?.attributes.port ?? AMQP_PORT);
    if (Number.isInteger(port)) this.amqpPort = port;
    this.speaker.setContent(siteContent);
    this.followLead(config.ha);
    this.workloadMapCount = config.workloads;
    this.workloads.look();
    // Another Site may own them now.
    this.tellState();
    this.publish();
  }

  /** One of a pair speaks when it is elected, a single one always. */
  private followLead(isPair: boolean): void {
    if (!isPair) {
      this.speaker.lead(true);
    } else if (!this.isPair) {
      this.speaker.lead(false);
      const { cluster } = this.parts;
      this.electing = cluster.elect((isLeading) => {
        this.publisher.forget();
        this.speaker.lead(isLeading);
      }, this.election!.signal);
    }
    this.isPair = isPair;
  }

  private stateChanged(before: RouterState | undefined, after: RouterState | undefined): void {
    if (after !== undefined && before?.routerIds.join() !== after.routerIds.join()) {
      this.speaker.topologyChanged(after.routerIds);
      // A router that is back should be seen in time.
      this.poller.look();
    }
    if (after !== undefined) this.speaker.routerState(after);
    this.tellState();
    if (!isDeepStrictEqual(before?.connectors, after?.connectors)) this.keeper.look();
  }

  private tellState(): void {
    const { place } = this;
    const { state } = this.poller;
    if (place !== undefined) this.report.set({ place, state: state && withRefusals(state, this.keeper.refusals) });
  }

  private async writeReport(place: Place, state: RouterState | undefined, signal?: AbortSignal): Promise<void> {
    const { cluster, options } = this.parts;
    await cluster.apply(statusMap(place, options.pod, state), `skuprt-adaptor-${options.pod}`, signal);
  }

  /** A pod that ends says nothing of its router any more. */
  private async takeBackReport(): Promise<void> {
    try {
      const { place } = this;
      if (place !== undefined) await this.writeReport(place, undefined, AbortSignal.timeout(LAST_WORDS_MS));
    } catch (err) {
      this.parts.log.debug({ err }, 'state of the router not taken back');
    }
  }

  private publish(): void {
    const { place, heard } = this;
    if (place === undefined || heard === undefined) return;
    this.network.set({ place, ...heard, key: `${heard.count} ${JSON.stringify(place)}` });
  }

  private get place(): Place | undefined {
    const { cluster, options } = this.parts;
    const configMap = cluster.configMap();
    return configMap && placeOf(configMap, options.namespace);
  }
}
