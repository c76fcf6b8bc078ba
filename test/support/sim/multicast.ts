/** Messages to all consumers of one address in a network of simulated routers, and who hears them. */
import { composeMessage } from '../../../router/amqp/message/compose.ts';
import type { Candidate, Outlet, Transit } from '../../../router/core/transit.ts';
import type { RouterNetwork } from './router-network.ts';

export const ADDRESS = 'mc/news';
export const MESSAGE = composeMessage({ properties: { to: ADDRESS } });

/** A consumer at a router: of each message, where it entered the network. */
export class Consumer implements Candidate, Outlet {
  readonly cost = 0;
  readonly openCount = 0;
  readonly queuedBytes = 0;
  readonly heard: (string | undefined)[] = [];
  private readonly ingressOf: (transit: Transit) => string | undefined;

  constructor(network: RouterNetwork, at: string) {
    const { router } = network.router(at);
    this.ingressOf = (transit) => router.ingressOf(transit);
    router.treatments.set('mc', { prefix: 'mc' }, 'multicast');
    network.router(at).input(() => {
      router.addresses.addConsumer(`M${ADDRESS}`, this);
      router.step(network.now);
    });
  }

  take(transit: Transit): Outlet {
    this.heard.push(this.ingressOf(transit));
    return this;
  }

  done(): void {}
  write(): void {}
  end(): void {}
  abort(): void {}
  senderUpdate(): void {}
}

/** By a sender that has not attached to the address: the message names it. */
export function send(network: RouterNetwork, at: string): void {
  const sender = network.router(at);
  sender.input(() => sender.router.send(ADDRESS, MESSAGE, network.now));
  network.scheduler.runFor(50);
}
