/**
 * The places where a connector finds its other end: the configured one, the further ones of its attribute `endpoints`, and those that
 * the other end has offered when it opened (wire reference 1.3).
 *
 * One that has worked is tried once more when the connection is lost. With `endpoints` the next place is tried as soon as one has failed;
 * without, when one has failed twice in a row, as skupper-router does.
 */
import type { Typed } from '../amqp/codec/value.ts';
import type { FailoverServer } from '../core/peer.ts';
import { offeredServers } from './failover-urls.ts';

const FAILURES_MAX = 2;
const FAILURES_MAX_OF_SEVERAL = 1;

export class Failover {
  private servers: readonly FailoverServer[];
  private at = 0;
  private failureCount = 0;
  private learnt: Typed | undefined;

  private readonly failuresMax: number;
  private readonly configured: readonly FailoverServer[];

  constructor(host: string, port: string, endpoints: readonly FailoverServer[] = []) {
    this.configured = withoutRepeats([{ host, port, scheme: 'amqp' }, ...endpoints]);
    this.servers = this.configured;
    this.failuresMax = endpoints.length > 0 ? FAILURES_MAX_OF_SEVERAL : FAILURES_MAX;
  }

  /** There is another place to go to. */
  get hasOthers(): boolean {
    return this.servers.length > 1;
  }

  get current(): FailoverServer {
    return this.servers[this.at]!;
  }

  /** As URLs, the current one first. */
  get places(): string[] {
    const { servers, at } = this;
    return [...servers.slice(at), ...servers.slice(0, at)].map(urlOf);
  }

  /** Takes over what the other end offers; who offers no list changes nothing. @param properties of its OPEN */
  learn(properties: Typed | undefined): void {
    if (properties === undefined || properties === this.learnt) return;
    this.learnt = properties;
    const offered = offeredServers(properties);
    if (offered === undefined) return;
    const { current } = this;
    this.servers = withoutRepeats([...this.configured, current, ...offered]);
    this.at = this.servers.findIndex((server) => keyOf(server) === keyOf(current));
  }

  /** @param wasOpen the connection had stood */
  failed(wasOpen: boolean): void {
    if (wasOpen) this.failureCount = this.failuresMax - 1;
    else this.failureCount++;
    if (this.failureCount < this.failuresMax) return;
    this.failureCount = 0;
    this.at = (this.at + 1) % this.servers.length;
  }
}

function withoutRepeats(servers: readonly FailoverServer[]): FailoverServer[] {
  const keys = servers.map(keyOf);
  return servers.filter((_, index) => keys.indexOf(keys[index]!) === index);
}

function keyOf({ host, port }: FailoverServer): string {
  return `${host}:${port}`;
}

function urlOf(server: FailoverServer): string {
  return `${server.scheme ?? 'amqp'}://${keyOf(server)}`;
}
