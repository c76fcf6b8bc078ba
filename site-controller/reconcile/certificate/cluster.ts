/** The Certificates of a site on Kubernetes. Control-plane reference 3.1, 3.3. Pure. */
import type { Certificate } from '../../../config/api/certificate.ts';
import type { Resource } from '../../../config/api/index.ts';
import type { Site } from '../../../config/api/site.ts';
import { CREDENTIAL, NAME } from '../../../config/names.ts';
import { inOrderOfAge, type Observed, ofKind } from '../observed.ts';
import { accessHosts } from '../routeraccess/plan.ts';
import { planAccess } from '../securedaccess/plan.ts';
import { isConsoleWanted } from '../site/console.ts';
import { wantedCertificate } from './want.ts';

const LOOPBACK_HOSTS = ['localhost', '127.0.0.1'];
/** On a Certificate, one for each of its owners: the hosts that it needs the certificate for. */
const HOSTS_PREFIX = 'internal.skupper.io/hosts-';

/** What one user of a certificate needs of it. */
interface Need {
  certificate: string;
  ca: string;
  subject: string;
  owner: Resource;
  hosts: string[];
}

/** Issuers before what they sign. */
export function clusterCertificates(observed: Observed, site: Site): Certificate[] {
  const { name } = site.metadata;
  return [
    wantedCertificate(CREDENTIAL.siteCa, { ca: '', subject: `${name} site CA`, signing: true }),
    wantedCertificate(CREDENTIAL.localCa, { ca: '', subject: `${name} local CA`, signing: true }),
    wantedCertificate(CREDENTIAL.localServer, {
      ca: CREDENTIAL.localCa,
      subject: NAME.localService,
      hosts: [...serviceNames(NAME.localService, observed.namespace), ...LOOPBACK_HOSTS].sort(),
      server: true,
      client: true,
    }),
    // For other controllers of the cluster that speak through this site's routers.
    wantedCertificate(CREDENTIAL.localClient, {
      ca: CREDENTIAL.localCa,
      subject: CREDENTIAL.localClient,
      client: true,
    }),
    ...consoleCertificates(observed, site),
    // That of the redemption server is the controller's, also where a site shares its namespace.
    ...merged([
      ...routerNeeds(observed, site),
      ...accessNeeds(observed).filter(({ owner }) => owner.metadata.name !== CREDENTIAL.grantServer),
    ]),
  ];
}

/** Of the page of the network. Who comes by a proxy or a forwarded port takes it for what it is: of the site's own CA. */
function consoleCertificates(observed: Observed, site: Site): Certificate[] {
  if (!isConsoleWanted(observed, site)) return [];
  const hosts = [...serviceNames(NAME.console, observed.namespace), ...LOOPBACK_HOSTS].sort();
  return [
    wantedCertificate(CREDENTIAL.console, { ca: CREDENTIAL.localCa, subject: NAME.console, hosts, server: true }),
  ];
}

/** The Certificates of SecuredAccesses that do not stand for a router: such as that of the redemption server. */
export function accessCertificates(observed: Observed): Certificate[] {
  return merged(accessNeeds(observed));
}

function routerNeeds(observed: Observed, site: Site): Need[] {
  if (site.spec.edge) return [];
  return inOrderOfAge(ofKind(observed, 'RouterAccess'))
    .filter(({ spec }) => spec.generateTlsCredentials)
    .map((access) => ({
      certificate: access.spec.tlsCredentials,
      ca: access.spec.issuer || site.spec.defaultIssuer || CREDENTIAL.siteCa,
      subject: access.metadata.name,
      owner: access,
      hosts: accessHosts(observed, access),
    }));
}

function accessNeeds(observed: Observed): Need[] {
  const routers = new Set(ofKind(observed, 'RouterAccess').map(({ spec }) => spec.tlsCredentials));
  return inOrderOfAge(ofKind(observed, 'SecuredAccess')).flatMap((access): Need[] => {
    const { certificate, issuer } = access.spec;
    if (!certificate || !issuer || routers.has(certificate)) return [];
    const reached = planAccess(observed, access).endpoints.map(({ host }) => host);
    const hosts = [...reached, ...serviceNames(access.metadata.name, observed.namespace)];
    return [{ certificate, ca: issuer, subject: access.metadata.name, owner: access, hosts }];
  });
}

/** One Certificate each, for the hosts of all who need it; its oldest owner names subject and CA, so that these stay. */
function merged(needs: readonly Need[]): Certificate[] {
  const byName = new Map<string, Need[]>();
  for (const need of needs) byName.set(need.certificate, [...(byName.get(need.certificate) ?? []), need]);
  return [...byName].map(([name, users]) => {
    const { ca, subject } = users[0]!;
    const hosts = [...new Set(users.flatMap((user) => user.hosts))].filter(Boolean).sort();
    const owners = users.map(({ owner, hosts }): [string, string] => [
      `${HOSTS_PREFIX}${owner.metadata.uid ?? owner.metadata.name}`,
      [...new Set(hosts)].sort().join(','),
    ]);
    return wantedCertificate(name, { ca, subject, hosts, server: true, client: true }, Object.fromEntries(owners));
  });
}

/** How pods may write the name of a Service. */
function serviceNames(name: string, namespace: string): string[] {
  return ['', `.${namespace}`, `.${namespace}.svc`, `.${namespace}.svc.cluster.local`].map((suffix) => name + suffix);
}
