/** Clusters on a calm network, for tests that watch what is sent and who knows what. */
import { SERVICES_ADDRESS } from '../../service-controller/exchange/messages.ts';
import type { ServiceRecord } from '../../service-controller/records.ts';
import { contentOf, type Process, ServicesNetwork, serviceRecord } from './sim/services-network.ts';

export const CALM = { loss: 0, duplication: 0, delayMs: [1, 1] } as const;

export function network(options = {}): ServicesNetwork {
  return new ServicesNetwork(1, CALM, options);
}

/** A cluster with these services, or numbered ones. */
export function join(net: ServicesNetwork, id: string, services: number | ServiceRecord[] = 1): Process {
  const list = typeof services === 'number' ? numbered(services) : services;
  const process = net.start(id);
  net.setOwn(process, contentOf(list));
  return process;
}

export function numbered(count: number): ServiceRecord[] {
  return Array.from({ length: count }, (_, index) => serviceRecord(`web-${index}`));
}

/** `cluster:state:services` of each view. */
export function known({ exchange }: Process): string[] {
  return exchange.views().map(({ id, state, services }) => `${id}:${state}:${services.size}`);
}

/** Messages sent while `work` runs, as `type` or `type>inbox`. */
export function sentDuring(net: ServicesNetwork, work: () => void): string[] {
  const sent: string[] = [];
  const restore = net.processes.map((process) => {
    const { exchange } = process;
    const next = exchange.nextMessage.bind(exchange);
    exchange.nextMessage = () => {
      const message = next();
      if (message !== undefined) {
        const to = message.to === SERVICES_ADDRESS ? '' : `>${message.to}`;
        sent.push(`${process.cluster}:${JSON.parse(message.text).type}${to}`);
      }
      return message;
    };
    return () => {
      exchange.nextMessage = next;
    };
  });
  work();
  for (const undo of restore) undo();
  return sent;
}
