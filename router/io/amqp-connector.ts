/**
 * A `connector` entity: a group of connections to another router, one for control and some for data; all carry one
 * correlator, by which the other router knows that they belong together.
 *
 * When its sslProfile gets a higher ordinal, a group with the new credentials is made beside the one that stands: new
 * flows take it, and the older one goes when its last flow has ended.
 */
import { withPort } from '../../lib/address.ts';
import type { Logger } from '../../lib/log.ts';
import { type Random, randomId } from '../../lib/random.ts';
import { type ConnectorEntity, portNumber } from '../management/schema.ts';
import type { LinkSpans } from '../telemetry/trace/link-spans.ts';
import { Line, type LineOwner } from './connector-line.ts';
import type { Driver } from './driver.ts';
import { Failover } from './failover.ts';
import { failoverServers } from './failover-urls.ts';
import type { HttpProxy } from './http-proxy.ts';
import type { TlsProfiles } from './tls-profiles.ts';

/** As skupper-router's discriminators. */
const CORRELATOR_LENGTH = 15;
const RETIRED_POLL_MS = 500;
/**
 * Data connections where the network loses packets: one that is lost again and again holds up its connection for seconds, and the
 * link is given up when none of its connections is heard (docs/adr/0028).
 */
const TROUBLED_DATA_CONNECTIONS = 4;
const TROUBLE_POLL_MS = 5000;

export interface AmqpConnectorParts {
  driver: Driver;
  profiles: TlsProfiles;
  log: Logger;
  random: Random;
  dataConnectionCount: number;
  linkSpans?: LinkSpans;
  /** By name of a proxyProfile. @throws ProxyError */
  proxyOf?: (name: string) => HttpProxy | undefined;
}

export type ConnectionStatus = 'CONNECTING' | 'SUCCESS' | 'FAILED';

export class AmqpConnector implements LineOwner {
  entity: ConnectorEntity;
  /** Why the last try ended; empty before the first one did. */
  private failure = '';
  private readonly parts: AmqpConnectorParts;
  private readonly correlator: string | undefined;
  /** The first one is for control. */
  private lines: Line[] = [];
  private older: Line[] = [];
  private readonly failover: Failover;
  private dataConnectionCount: number;
  private ordinal = 0;
  private readonly unwatch: () => void;
  private timer: NodeJS.Timeout | undefined;
  private troubleTimer: NodeJS.Timeout | undefined;
  private isTroubled = false;

  /** @throws FailoverUrlsError */
  constructor(entity: ConnectorEntity, parts: AmqpConnectorParts) {
    this.entity = entity;
    this.parts = parts;
    this.dataConnectionCount = parts.dataConnectionCount;
    this.correlator = this.isGroup ? randomId(parts.random, CORRELATOR_LENGTH) : undefined;
    const { sslProfile, host, port, endpoints } = entity;
    this.failover = new Failover(host, String(portNumber(port)), failoverServers(endpoints, 'endpoints'));
    this.unwatch = sslProfile ? parts.profiles.watch(sslProfile, () => this.profileChanged(sslProfile)) : () => {};
  }

  start(): void {
    const { sslProfile } = this.entity;
    this.ordinal = sslProfile ? this.parts.profiles.ordinal(sslProfile) : 0;
    this.lines = [];
    this.setDataConnectionCount(this.dataConnectionCount);
    if (this.isGroup) this.troubleTimer ??= setInterval(() => this.lookForTrouble(), TROUBLE_POLL_MS).unref();
  }

  /** Opens or closes connections of the group, so that it has so many beside the one for control. */
  setDataConnectionCount(count: number): void {
    this.dataConnectionCount = count;
    // Where the configuration wants none there is one connection for all.
    const least = this.isTroubled && count > 0 ? TROUBLED_DATA_CONNECTIONS : 0;
    const wanted = 1 + (this.isGroup ? Math.max(count, least) : 0);
    while (this.lines.length < wanted) {
      const { correlator, failover } = this;
      const line = new Line(this, this.parts, { data: this.lines.length > 0, correlator, failover });
      this.lines.push(line);
      line.start();
    }
    const surplus = this.lines.splice(wanted);
    if (surplus.length > 0) this.retire(surplus);
  }

  /** Of the connections that stand too; what the other end says still counts where it is more. */
  setCost(entity: ConnectorEntity): void {
    this.entity = entity;
    const { router } = this.parts.driver;
    for (const { peer } of [...this.lines, ...this.older]) {
      if (peer) router.setCost(peer.id, entity.cost, this.parts.driver.now());
    }
  }

  close(): void {
    this.unwatch();
    clearInterval(this.troubleTimer);
    clearTimeout(this.timer);
    for (const line of [...this.lines, ...this.older]) line.close();
  }

  /** Success only when the other end has opened: after its handshake a TLS server may still refuse our certificate. */
  get status(): ConnectionStatus {
    if ([...this.lines, ...this.older].some(({ data, peer }) => !data && peer?.openedAt !== undefined))
      return 'SUCCESS';
    return this.failure === '' ? 'CONNECTING' : 'FAILED';
  }

  /** The one in use or tried, `host:port`. */
  get place(): string {
    const { host, port } = this.lines[0]?.place ?? this.entity;
    return withPort(host, port);
  }

  /** All places that are known for the other end, the one in use or next to be tried first. */
  get failoverUrls(): string {
    return this.lines[0]?.places.join(', ') ?? '';
  }

  get message(): string {
    return this.status === 'SUCCESS' ? '' : this.failure;
  }

  failed(line: Line, reason: string, wasOpen: boolean): void {
    if (line.data || this.older.includes(line)) return;
    const { name } = this.entity;
    const { host, port } = line.place ?? this.entity;
    if (wasOpen) this.parts.log.warn({ name, host, port, reason }, 'connector has lost its connection');
    else if (this.failure !== reason) this.parts.log.warn({ name, host, port, reason }, 'connector cannot connect');
    this.failure = this.failover.hasOthers ? `${withPort(host, port)}: ${reason}` : reason;
  }

  /** Data connections to the place before are of no use any more. */
  reached(line: Line): void {
    const { router, now } = { router: this.parts.driver.router, now: this.parts.driver.now() };
    if (!this.lines.includes(line)) return;
    for (const { data, peer, place } of this.lines) {
      if (!data || peer === undefined || (place?.host === line.place?.host && place?.port === line.place?.port))
        continue;
      router.close(peer.id, 'amqp:connection:forced', 'the link goes to another place now', now);
    }
  }

  private get isGroup(): boolean {
    return this.entity.role === 'inter-router';
  }

  private lookForTrouble(): void {
    const isTroubled = this.lines.some(({ peer }) => peer?.isWatched === true && peer.connection.isTroubled);
    if (isTroubled === this.isTroubled) return;
    this.isTroubled = isTroubled;
    this.setDataConnectionCount(this.dataConnectionCount);
  }

  private profileChanged(name: string): void {
    for (const line of this.lines) line.hurry();
    const ordinal = this.parts.profiles.ordinal(name);
    if (ordinal <= this.ordinal) return;
    this.ordinal = ordinal;
    // An edge router has one uplink in use: it goes on until its credentials are no longer valid.
    if (!this.isGroup) return;
    const before = this.lines;
    this.start();
    this.retire(before);
  }

  private retire(lines: readonly Line[]): void {
    this.older.push(...lines);
    for (const line of lines) line.retire();
    this.timer ??= setTimeout(() => this.closeIdle(), RETIRED_POLL_MS);
  }

  /** Older connections go when the new one is up and they carry nothing more. */
  private closeIdle(): void {
    this.timer = undefined;
    const { driver } = this.parts;
    const isReplaced = this.lines[0]?.peer?.linked === true;
    const isBusy = this.older.some(({ peer }) => peer !== undefined && peer.ends.size > 0);
    if (isReplaced && !isBusy) {
      for (const { peer } of this.older) {
        if (peer) driver.router.close(peer.id, 'amqp:connection:forced', 'a newer connection took over', driver.now());
      }
      driver.schedule();
    }
    this.older = this.older.filter(({ peer }) => peer !== undefined);
    if (this.older.length > 0) this.timer = setTimeout(() => this.closeIdle(), RETIRED_POLL_MS);
  }
}
