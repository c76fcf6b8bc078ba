/** How other machines may reach this one. */
import { hostname, networkInterfaces } from 'node:os';

/** IPv4 addresses first (most links use them), then global IPv6 ones, then the host's name; the loopback address alone when there is nothing else. */
export function machineHosts(): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:') && !address.startsWith('169.254.'));
  const ofFamily = (family: string) =>
    addresses.filter((entry) => entry.family === family).map(({ address }) => address);
  const found = [...ofFamily('IPv4'), ...ofFamily('IPv6')];
  return found.length === 0 ? ['127.0.0.1'] : [...new Set([...found, hostname()])];
}
