/**
 * An address of the network may be written in several ways: with a scheme and a host, with a slash before it, with dots or slashes after it
 * (skupper-router's `parse_address_view`, wire reference 4.1). Whoever compares addresses compares what is left without these. Pure.
 */
const SCHEME = /^amqps?:(\/\/[^/]*)?\//;

export function plainAddress(address: string): string {
  const text = address.startsWith('/') ? address.slice(1) : address.replace(SCHEME, '');
  let end = text.length;
  while (end > 0 && (text[end - 1] === '.' || text[end - 1] === '/')) end--;
  return text.slice(0, end);
}
