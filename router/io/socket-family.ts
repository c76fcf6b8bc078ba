/** `socketAddressFamily` of listeners and connectors, for node:net. */
export function familyOf(name: 'IPv4' | 'IPv6' | undefined): 4 | 6 | undefined {
  if (name === undefined) return undefined;
  return name === 'IPv4' ? 4 : 6;
}
