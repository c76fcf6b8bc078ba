/** The links of a connection that stand for addresses; found by link at once, since a peer may end a hundred thousand of them. */
import type { AnyLink } from '../amqp/engine/events.ts';
import type { Endpoint } from './edge-protocol.ts';

export class EndpointSet implements Iterable<Endpoint> {
  private readonly byLink = new Map<AnyLink, Endpoint>();

  get size(): number {
    return this.byLink.size;
  }

  add(endpoint: Endpoint): void {
    this.byLink.set(endpoint.link, endpoint);
  }

  of(link: AnyLink): Endpoint | undefined {
    return this.byLink.get(link);
  }

  delete(endpoint: Endpoint): void {
    this.byLink.delete(endpoint.link);
  }

  clear(): void {
    this.byLink.clear();
  }

  [Symbol.iterator](): IterableIterator<Endpoint> {
    return this.byLink.values();
  }
}
