/** Which Service of the namespace a host stands for, and whose Services may be touched. Pure. */
import type { Site } from '../../../config/api/site.ts';
import { LISTENER_LABEL, NAME } from '../../../config/names.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import { objectOf } from '../cluster.ts';
import { type Observed, ofKind } from '../observed.ts';
import { isOwn } from '../ownership.ts';
import { activeSite } from '../site/identity.ts';

/** RFC 1035, as the API server asks of the names of Services. */
const SERVICE_NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

export function isServiceName(name: string): boolean {
  return SERVICE_NAME.test(name);
}

/** `name`, `name.namespace`, `name.namespace.svc` and `name.namespace.svc.<cluster domain>` are one Service. */
export function serviceNameOf(host: string, namespace: string): string {
  const [name, ...rest] = host.split('.');
  const isQualified = rest[0] === namespace && (rest.length === 1 || rest[1] === 'svc');
  return isQualified ? name! : host;
}

/** What keeps a host from being a Service; undefined when it can be one. */
export function hostFault(host: string, namespace: string): string | undefined {
  const name = serviceNameOf(host, namespace);
  if (isServiceName(name)) return undefined;
  const [first, second, ...rest] = name.split('.');
  if (second !== undefined && isServiceName(first!) && isServiceName(second) && [undefined, 'svc'].includes(rest[0])) {
    return `host "${host}" names a Service of namespace ${second}; a site makes Services in its own only (${namespace})`;
  }
  return (
    `host "${host}" cannot be the name of a Service: ` +
    `use at most 63 lower-case letters, digits and '-', first a letter, last no '-'`
  );
}

/** Whether the Service of a name is not one of this site's listeners: somebody else's, or one by which the site itself is reached. */
export function foreignServices(observed: Observed): (service: string) => boolean {
  const { cluster } = observed;
  const site = activeSite(observed);
  if (cluster === undefined || site === undefined) return () => false;
  const ofSite = [...ofKind(observed, 'SecuredAccess'), ...ofKind(observed, 'RouterAccess')];
  const names = new Set([NAME.localService, ...ofSite.map(({ metadata }) => metadata.name)]);
  return (service) => {
    const object = objectOf(cluster, 'Service', service);
    return names.has(service) || (object !== undefined && !isListenerService(object, site));
  };
}

/** Made for a listener of the site by us, or by Skupper, whose place we take. */
export function isListenerService(object: KubeObject, site: Site): boolean {
  return isOwn(object, site) && object.metadata.labels?.[LISTENER_LABEL] !== undefined;
}
