/** The endpoints that the setting `SETTING.endpoints` of a Connector names, to be dialled instead of its host or pods. Pure. */
import { isIPv6 } from 'node:net';
import { CONNECTOR_ENDPOINTS_MAX } from '../../../config/api/connector.ts';
import { SETTING } from '../../../config/names.ts';

export interface Endpoint {
  /** Without brackets. */
  host: string;
  port: number;
}

export type Endpoints = { endpoints: Endpoint[] } | { fault: string };

const HOST_LENGTH_MAX = 253;
const HOST = /^[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?$/;
const ENTRY = /^(?:\[([^\]]*)\]|([^:[\]]*)):([0-9]{1,5})$/;
/** Of an entry in a message. */
const SHOWN_LENGTH_MAX = 64;

/** `host:port` or `[v6]:port`, comma separated, each once; none in an empty text. The fault names the entry, counted from 1. */
export function parseEndpoints(text: string): Endpoints {
  if (text.trim() === '') return { endpoints: [] };
  const entries = text.split(',');
  if (entries.length > CONNECTOR_ENDPOINTS_MAX) {
    return faulty(`has ${entries.length} endpoints, at most ${CONNECTOR_ENDPOINTS_MAX} are possible`);
  }
  const found = new Map<string, Endpoint>();
  for (const [index, entry] of entries.entries()) {
    const endpoint = endpointOf(entry.trim());
    if (typeof endpoint === 'string') {
      return faulty(`endpoint ${index + 1}, "${entry.trim().slice(0, SHOWN_LENGTH_MAX)}", ${endpoint}`);
    }
    found.set(`${endpoint.host} ${endpoint.port}`, endpoint);
  }
  return { endpoints: [...found.values()] };
}

/** Or what is wrong with it. */
function endpointOf(entry: string): Endpoint | string {
  const [, bracketed, plain, digits] = ENTRY.exec(entry) ?? [];
  if (digits === undefined) return 'is not host:port or [address]:port';
  const port = Number(digits);
  if (port < 1 || port > 65535) return 'has no port from 1 to 65535';
  if (bracketed !== undefined) return isIPv6(bracketed) ? { host: bracketed, port } : 'has no IPv6 address in brackets';
  const isHost = plain!.length <= HOST_LENGTH_MAX && HOST.test(plain!);
  return isHost ? { host: plain!, port } : 'has no host name or address';
}

function faulty(what: string): Endpoints {
  return { fault: `settings.${SETTING.endpoints}: ${what}` };
}
