/** The whole configuration of the site's router, in skrouterd's JSON form. A pure function of what is observed. Control-plane reference 4.2, 4.6. */
import { CREDENTIAL, SETTING } from '../names.ts';
import { connectorEntities, connectorProfile } from './connector/plan.ts';
import { credentialsOf, linkEntities, linkProfile } from './link/plan.ts';
import { listenerEntities } from './listener/plan.ts';
import { multiKeyListenerEntities } from './multikeylistener/plan.ts';
import { type Credential, type Observed, ofKind, type PortWant, type RouterEntity } from './observed.ts';
import { accessEntities } from './routeraccess/plan.ts';
import { activeSite, routerIdOf, settingOf, siteIdOf } from './site/identity.ts';

const LOCAL_HOST = '127.0.0.1';
const HELLO_MAX_AGE_SECONDS = 3;
const DATA_CONNECTION_COUNT = 'auto';

export const AMQPS_PORT: PortWant = { purpose: 'amqps', from: 5671, host: LOCAL_HOST };
export const HTTP_PORT: PortWant = { purpose: 'http', from: 9090, host: LOCAL_HOST };

/** Undefined until there is a site and what its local listeners need. */
export function renderRouterConfig(observed: Observed): string | undefined {
  const site = activeSite(observed);
  const amqpsPort = observed.ports.get(AMQPS_PORT.purpose);
  const httpPort = observed.ports.get(HTTP_PORT.purpose);
  if (site === undefined || amqpsPort === undefined || httpPort === undefined) return undefined;
  if (!observed.credentials.get(CREDENTIAL.localServer)?.hasKey) return undefined;
  const identity = { id: siteIdOf(site), version: observed.version, platform: 'local' };
  const users = [
    ...accessEntities(observed),
    ...linkEntities(observed),
    ...listenerEntities(observed),
    ...multiKeyListenerEntities(observed),
    ...connectorEntities(observed),
  ];
  const entities: RouterEntity[] = [
    [
      'router',
      {
        id: routerIdOf(site),
        mode: 'interior',
        helloMaxAgeSeconds: HELLO_MAX_AGE_SECONDS,
        dataConnectionCount: settingOf(site, SETTING.dataConnectionCount) ?? DATA_CONNECTION_COUNT,
        metadata: JSON.stringify(identity),
      },
    ],
    ['site', { name: site.metadata.name, platform: 'local', namespace: observed.namespace, version: observed.version }],
    ...sslProfiles(observed, users),
    [
      'listener',
      {
        name: 'amqps',
        role: 'normal',
        host: LOCAL_HOST,
        port: amqpsPort,
        sslProfile: CREDENTIAL.localServer,
        saslMechanisms: 'EXTERNAL',
        authenticatePeer: true,
        requireSsl: true,
      },
    ],
    [
      'listener',
      { name: '@9090', role: 'normal', host: LOCAL_HOST, port: httpPort, http: true, healthz: true, metrics: true },
    ],
    ['address', { prefix: 'mc', distribution: 'multicast' }],
    ...users,
  ];
  return `[\n${entities.map((entity) => `  ${JSON.stringify(entity)}`).join(',\n')}\n]\n`;
}

/** The profiles that entities name, and the one of the local listener. */
function sslProfiles(observed: Observed, users: readonly RouterEntity[]): RouterEntity[] {
  const sources = profileSources(observed);
  const named = users.map(([, attributes]) => attributes.sslProfile).filter((name) => typeof name === 'string');
  return [...new Set([CREDENTIAL.localServer, ...named])].sort().flatMap((name): RouterEntity[] => {
    const { credential, caOnly } = sources.get(name) ?? { credential: observed.credentials.get(name), caOnly: false };
    return credential === undefined ? [] : [['sslProfile', { name, ...filesOf(credential, caOnly) }]];
  });
}

/** Profiles that are not named like their credential. A link needs all of it, whoever else uses the same one. */
function profileSources(observed: Observed): Map<string, { credential: Credential | undefined; caOnly: boolean }> {
  const sources = new Map<string, { credential: Credential | undefined; caOnly: boolean }>();
  for (const connector of ofKind(observed, 'Connector')) {
    const { tlsCredentials, useClientCert } = connector.spec;
    if (!tlsCredentials || useClientCert) continue;
    sources.set(connectorProfile(connector), { credential: observed.credentials.get(tlsCredentials), caOnly: true });
  }
  for (const link of ofKind(observed, 'Link')) {
    sources.set(linkProfile(link), { credential: observed.credentials.get(credentialsOf(link)), caOnly: false });
  }
  return sources;
}

function filesOf({ directory, ca, hasKey }: Credential, caOnly: boolean): Record<string, string> {
  return {
    ...(ca !== undefined && { caCertFile: `${directory}/ca.crt` }),
    ...(hasKey && !caOnly && { certFile: `${directory}/tls.crt`, privateKeyFile: `${directory}/tls.key` }),
  };
}
