/**
 * `failoverUrls` of a listener: other places that whoever connects may turn to when the connection is lost, told in the OPEN; and what
 * a connector makes of such a list (wire reference 1.3).
 */

import { SkuprtError } from '../../lib/errors.ts';
import { mapGet, type Typed } from '../amqp/codec/value.ts';
import type { FailoverServer } from '../core/peer.ts';

export class FailoverUrlsError extends SkuprtError {
  readonly code = 'SKUPRT_ROUTER_FAILOVER_URLS';
  readonly fault = 'caller';
}

const DEFAULT_PORT = '5672';
/** Entries of a peer's list that are looked at: one that is longer is no help. */
const SERVERS_MAX = 16;

/** `[scheme://]host[:port]`, separated by commas. @throws FailoverUrlsError */
export function failoverServers(text: string | undefined, attribute = 'failoverUrls'): FailoverServer[] | undefined {
  const items = text?.replaceAll(/\s/g, '').split(',');
  // A comma at the end adds nothing.
  if (items?.at(-1) === '') items.pop();
  if (items === undefined || items.length === 0) return undefined;
  return items.map((item) => {
    const [, scheme, host, port] = /^(?:([^:/]*):\/\/)?(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(item) ?? [];
    if (!host)
      throw new FailoverUrlsError(`${attribute}: '${item}' names no host`, { next: 'Write [scheme://]host[:port]' });
    return { host: host.replace(/^\[(.*)\]$/, '$1'), port: port || DEFAULT_PORT, ...(scheme ? { scheme } : {}) };
  });
}

/** What a peer's OPEN lists; undefined when it lists nothing, empty when it has an empty list. */
export function offeredServers(properties: Typed | undefined): FailoverServer[] | undefined {
  const list = mapGet(properties, 'failover-server-list');
  if (list?.type !== 'list') return undefined;
  return list.value.slice(0, SERVERS_MAX).flatMap((item) => {
    const text = (key: string): string | undefined => {
      const value = mapGet(item, key);
      return value === undefined || value.type === 'null' ? undefined : String(value.value);
    };
    const host = text('network-host');
    if (!host) return [];
    return [{ host, port: text('port') ?? DEFAULT_PORT, scheme: text('scheme') ?? 'amqp', hostname: text('hostname') }];
  });
}
