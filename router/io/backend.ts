/** The backend of a tcpConnector: where it is, how its connections are secured, and one connection to it, not yet established. */
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions as TlsOptions } from 'node:tls';
import type { ClientEnds } from '../core/client-ends.ts';
import { composeProxyHeader, type ProxyVersion } from './proxy-protocol.ts';

export interface Backend {
  host: string;
  port: number;
  tls: TlsOptions | undefined;
  credentials?: Credentials;
  /** It is told by the PROXY protocol whose each connection is. */
  proxyProtocol?: ProxyVersion;
}

/** By what a flow is secured, and the profile's ordinal at that time. */
export interface Credentials {
  profile: string;
  ordinal: number;
}

/**
 * @param alpn the application protocol to offer over TLS
 * @param client whose connection it is; undefined for one of the router's own
 * @returns a socket that says `connect`, or with TLS `secureConnect`
 */
export function connectBackend(backend: Backend, alpn?: string, client?: ClientEnds): Socket {
  const { host, port, tls, proxyProtocol } = backend;
  const target = { host, port, allowHalfOpen: true, noDelay: true };
  const secured = tls && { ...tls, ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }) };
  if (proxyProtocol === undefined) return secured ? connectTls({ ...target, ...secured }) : connectTcp(target);
  const socket = connectTcp(target);
  // Written before anything else can be, it leaves first when the connection stands.
  socket.write(composeProxyHeader(proxyProtocol, client));
  return secured ? connectTls({ ...secured, host, socket, allowHalfOpen: true } as TlsOptions) : socket;
}
