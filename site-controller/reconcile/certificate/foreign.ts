/** Whether a Secret that no controller made will do for a Certificate of its name. Pure. */
import { isIP } from 'node:net';
import type { Certificate } from '../../../config/api/certificate.ts';
import { isLoopback } from '../../../lib/address.ts';
import type { Credential } from '../observed.ts';

/** Said by Skupper in the same words. */
const FOREIGN = 'secret exists but is not controlled by skupper';

/** Why it will not do; undefined when it will. */
export function foreignFault(
  { spec }: Certificate,
  found: Credential | undefined,
  namespace: string,
): string | undefined {
  const because = (reason: string) => `${FOREIGN}: ${reason}`;
  if (found?.certificate === undefined) return because('it does not hold a certificate');
  if (!found.hasKey) return because('it lacks tls.key');
  if (found.fault !== undefined && !spec.signing) return because(`its certificate is ${found.fault}`);
  if (spec.signing) return found.certificate.isCa ? undefined : because('its certificate is not one of a CA');
  const names = found.certificate.hosts;
  const missing = (spec.hosts ?? []).filter(
    (host) => isFromOutside(host, namespace) && !names.some((name) => covers(name, host)),
  );
  return missing.length === 0 ? undefined : because(`its certificate is not for ${missing.join(', ')}`);
}

/** Names within the cluster are for our own use: nobody has to put them into a certificate. */
function isFromOutside(host: string, namespace: string): boolean {
  if (isLoopback(host)) return false;
  if (isIP(host)) return true;
  return host.includes('.') && !/\.svc(\.cluster\.local)?$/.test(host) && !host.endsWith(`.${namespace}`);
}

/** A wildcard stands for one label. */
function covers(name: string, host: string): boolean {
  if (name.toLowerCase() === host.toLowerCase()) return true;
  return (
    name.startsWith('*.') && !isIP(host) && host.slice(host.indexOf('.')).toLowerCase() === name.slice(1).toLowerCase()
  );
}
