/** Access types `ingress` and `ingress-nginx`: an Ingress that passes TLS through by host name. Control-plane reference 4.4. Pure. */
import type { SecuredAccess } from '../../../config/api/secured-access.ts';
import { NAME } from '../../../config/names.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import {
  ACCESS_LABEL,
  type AccessPort,
  type AccessView,
  accessSetting,
  balancerEntries,
  portName,
  type Realization,
  TLS_PORT,
  wildcardDomain,
} from './realization.ts';

const CLASS_SETTING = 'ingressClassName';
const DOMAIN_SETTING = 'domain';
const NGINX_CLASS = 'nginx';
const NGINX_ANNOTATIONS = {
  'nginx.ingress.kubernetes.io/ssl-passthrough': 'true',
  'nginx.ingress.kubernetes.io/ssl-redirect': 'true',
};

export function ingressAccess(view: AccessView, isNginx: boolean): Realization {
  const { access, cluster, namespace, live } = view;
  const existing = live('Ingress', access.metadata.name);
  const domain = accessSetting(access, DOMAIN_SETTING) ?? (cluster.settings.ingressDomain || deducedDomain(existing));
  const suffix = domain === '' ? namespace : `${namespace}.${domain}`;
  const hosts = access.spec.ports.map((port) => ({ port, host: `${hostLabel(access, port)}.${suffix}` }));
  const isQualified = domain !== '' && existing !== undefined;
  return {
    objects: [ingress(access, hosts, ingressClass(view, isNginx), isNginx)],
    places: isQualified ? hosts.map(({ port, host }) => ({ name: port.name, host, port: TLS_PORT })) : [],
    waiting: `Ingress ${access.metadata.name} has no address yet from which its domain would follow`,
  };
}

/** Skupper's names for the site's own access. Every other access has its own name before: two of them may be in one namespace. */
function hostLabel(access: SecuredAccess, port: AccessPort): string {
  return access.metadata.name === NAME.router ? port.name : portName(access, port);
}

function ingressClass({ access, cluster }: AccessView, isNginx: boolean): string {
  const given = accessSetting(access, CLASS_SETTING) ?? cluster.settings.ingressClassName.trim();
  return given || (isNginx ? NGINX_CLASS : '');
}

/** The first address decides, so that the hosts do not change when others come. */
function deducedDomain(existing: KubeObject | undefined): string {
  const [first] = balancerEntries(existing);
  return first?.hostname || (first?.ip ? wildcardDomain(first.ip) : '');
}

function ingress(
  access: SecuredAccess,
  hosts: readonly { port: AccessPort; host: string }[],
  className: string,
  isNginx: boolean,
): KubeObject {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      name: access.metadata.name,
      labels: { [ACCESS_LABEL]: 'true' },
      ...(isNginx && { annotations: { ...NGINX_ANNOTATIONS } }),
    },
    spec: {
      ...(className !== '' && { ingressClassName: className }),
      rules: hosts.map(({ port, host }) => ({
        host,
        http: {
          paths: [
            {
              path: '/',
              pathType: 'Prefix',
              backend: { service: { name: access.metadata.name, port: { number: port.port } } },
            },
          ],
        },
      })),
    },
  };
}
