/**
 * The places where a connector finds its other end: the configured one, and those that the other end has offered when it opened
 * (wire reference 1.3). The next is tried when one has failed twice in a row, as skupper-router does.
 */
import type { Typed } from '../amqp/codec/value.ts';
import type { FailoverServer } from '../core/peer.ts';
import { offeredServers } from './failover-urls.ts';

const FAILURES_MAX = 2;

export class Failover {
  private servers: readonly FailoverServer[];
  private at = 0;
  private failureCount = 0;
  private learnt: Typed | undefined;

  constructor(host: string, port: string) {
    this.servers = [{ host, port, scheme: 'amqp' }];
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
    const all = [this.servers[0]!, current, ...offered];
    const keys = all.map(keyOf);
    this.servers = all.filter((_, index) => keys.indexOf(keys[index]!) === index);
    this.at = this.servers.findIndex((server) => keyOf(server) === keyOf(current));
  }

  /** @param wasOpen the connection had stood */
  failed(wasOpen: boolean): void {
    this.failureCount = wasOpen ? 1 : this.failureCount + 1;
    if (this.failureCount < FAILURES_MAX) return;
    this.failureCount = 0;
    this.at = (this.at + 1) % this.servers.length;
  }
}

function keyOf({ host, port }: FailoverServer): string {
  return `${host}:${port}`;
}

function urlOf(server: FailoverServer): string {
  return `${server.scheme ?? 'amqp'}://${keyOf(server)}`;
}
