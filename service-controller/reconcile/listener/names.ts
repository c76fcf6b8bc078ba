/** Names of what is made in the namespace of the site for one service, and of the router's tcpListeners that follow. Pure. */
import { resourceName, shortHash } from '../../names.ts';
import type { ServiceName } from '../made.ts';

export function listenerName(service: ServiceName, cluster: string, port: number, hostname?: string): string {
  return hostname === undefined
    ? resourceName(service, cluster, port)
    : resourceName(service, cluster, port, shortHash(hostname));
}

export function multiKeyListenerName(service: ServiceName, port: number): string {
  return resourceName(service, port);
}

/** As the site-controller calls it. */
export function entityOf(kind: 'Listener' | 'MultiKeyListener', name: string): string {
  return kind === 'Listener' ? `listener/${name}` : `multiAddress/${name}`;
}

/** A host that only this listener has, and that a Service could have as its name; no Service is made. */
export function hostOf(service: ServiceName, name: string): string {
  return resourceName(service, shortHash(name));
}
