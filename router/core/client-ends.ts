/**
 * Who the client of a flow is, as it travels with the flow's stream: both ends of the connection that it made, so that a
 * backend can be told by the PROXY protocol. The words are those of its version 1: `192.0.2.1 198.51.100.7 40000 443`.
 *
 * It is the word of the router where the client connected, or of the load balancer before that; nobody else has checked it.
 * Application property `client` of the stream's head; other routers pass it on and ignore it (docs/adr/0029).
 */

export interface ClientEnds {
  readonly host: string;
  readonly port: number;
  /** What the client has connected to. */
  readonly localHost: string;
  readonly localPort: number;
}

/** Two IPv6 addresses, two ports, three spaces. */
const TEXT_LENGTH_MAX = 2 * 45 + 2 * 5 + 3;
const PORT_MAX = 65_535;

export function clientText({ host, port, localHost, localPort }: ClientEnds): string {
  return `${plain(host)} ${plain(localHost)} ${port} ${localPort}`;
}

/** Undefined for what cannot be one; that the addresses are addresses is for who dials to see. */
export function parseClient(text: string): ClientEnds | undefined {
  if (text.length > TEXT_LENGTH_MAX) return undefined;
  const [host = '', localHost = '', port = '', localPort = '', ...more] = text.split(' ');
  if (more.length > 0 || ![host, localHost].every((each) => ADDRESS.test(each))) return undefined;
  if (!isPort(port) || !isPort(localPort)) return undefined;
  return { host, port: Number(port), localHost, localPort: Number(localPort) };
}

/** Without the zone, which means something to one machine only, and as IPv4 where it is that. */
function plain(address: string): string {
  const zone = address.indexOf('%');
  const bare = zone < 0 ? address : address.slice(0, zone);
  return bare.startsWith('::ffff:') && bare.includes('.') ? bare.slice('::ffff:'.length) : bare;
}

function isPort(text: string): boolean {
  return DIGITS.test(text) && Number(text) <= PORT_MAX;
}

const ADDRESS = /^[0-9A-Fa-f.:]{2,45}$/;
const DIGITS = /^[0-9]{1,5}$/;
