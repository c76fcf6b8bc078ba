/** The whole configuration of the site's router, in skrouterd's JSON form. A pure function of what is observed. Control-plane reference 4.2, 4.6. */
import type { Site } from '../../config/api/site.ts';
import { CREDENTIAL, NAME, SETTING } from '../../config/names.ts';
import { routerLogging } from '../../lib/router-logging.ts';
import { connectorEntities } from './connector/plan.ts';
import { connectorProfiles } from './connector/records.ts';
import { credentialsOf, linkEntities, linkProfile } from './link/plan.ts';
import { listenerEntities } from './listener/plan.ts';
import { multiKeyListenerEntities } from './multikeylistener/plan.ts';
import { type Credential, type Observed, ofKind, type PortWant, type RouterEntity } from './observed.ts';
import { platformOf } from './own-content.ts';
import { accessPolicyEntities } from './policy/router-entities.ts';
import { accessEntities } from './routeraccess/plan.ts';
import { activeSite, isDrained, routerIdOf, settingOf, siteIdOf } from './site/identity.ts';

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
  return renderEntities(
    routerEntities(observed, site, {
      routerId: routerIdOf(site),
      group: NAME.router,
      own: [
        amqpsListener(LOCAL_HOST, amqpsPort),
        [
          'listener',
          {
            name: '@9090',
            role: 'normal',
            host: LOCAL_HOST,
            port: httpPort,
            http: true,
            websockets: false,
            healthz: true,
            metrics: true,
          },
        ],
      ],
      further: [],
      profile: ({ credential, caOnly }) => credential && filesOf(credential.directory, credential, caOnly),
    }),
  );
}

/** What differs between the places where a router runs. */
export interface RouterPlace {
  routerId: string;
  /** One of `routerGroups`. */
  group: string;
  /** Its own listeners: AMQP for those who manage it, HTTP for health and metrics. */
  own: readonly RouterEntity[];
  /** Entities beside those that resources of every platform ask for. */
  further: readonly RouterEntity[];
  /** Attributes of an sslProfile; undefined leaves it out. */
  profile: (source: ProfileSource) => Record<string, string | number> | undefined;
}

export interface ProfileSource {
  /** Of the sslProfile. */
  name: string;
  /** Of the credential: of the Secret on Kubernetes. */
  credentialName: string;
  credential: Credential | undefined;
  caOnly: boolean;
}

/** One entry of each type and name, in an order in which each can be made after those it names. */
export function routerEntities(observed: Observed, site: Site, place: RouterPlace): RouterEntity[] {
  const platform = platformOf(observed);
  const identity = { id: siteIdOf(site), version: observed.version, platform };
  const users = usersOf(observed, place);
  return unique([
    [
      'router',
      {
        id: place.routerId,
        mode: site.spec.edge ? 'edge' : 'interior',
        helloMaxAgeSeconds: HELLO_MAX_AGE_SECONDS,
        dataConnectionCount: dataConnectionCount(site),
        metadata: JSON.stringify(identity),
        // What policies know the site and its clients by.
        siteName: site.metadata.name,
        siteNamespace: observed.namespace,
        // Only said when it is so: other routers do not know it.
        ...(isDrained(site, place.group) && { adminStatus: 'draining' }),
      },
    ],
    ...siteEntities(observed, site),
    ...profileSources(observed, users).flatMap((source): RouterEntity[] => {
      const attributes = place.profile(source);
      return attributes === undefined ? [] : [['sslProfile', { name: source.name, ...attributes }]];
    }),
    ...place.own,
    ...routerLogging(settingOf(site, SETTING.routerLogging)).levels.map((level): RouterEntity => ['log', { ...level }]),
    ['address', { prefix: 'mc', distribution: 'multicast' }],
    ...accessPolicyEntities(observed),
    ...users,
  ]);
}

/** On Kubernetes the leading pod tells of the site, elsewhere its router does. */
function siteEntities(observed: Observed, site: Site): RouterEntity[] {
  const platform = platformOf(observed);
  const { namespace, version } = observed;
  return platform === 'kubernetes' ? [] : [['site', { name: site.metadata.name, platform, namespace, version }]];
}

/** Skupper's documents name it otherwise than its code. */
function dataConnectionCount(site: Site): string {
  const setting = settingOf(site, SETTING.dataConnectionCount) ?? settingOf(site, 'routerDataConnections');
  return setting ?? DATA_CONNECTION_COUNT;
}

function usersOf(observed: Observed, { further }: RouterPlace): RouterEntity[] {
  return [
    ...accessEntities(observed),
    ...linkEntities(observed),
    ...listenerEntities(observed),
    ...multiKeyListenerEntities(observed),
    ...connectorEntities(observed),
    ...further,
  ];
}

/** The AMQP listener for controllers and tools; each must show a certificate of the local CA. */
export function amqpsListener(host: string, port: number): RouterEntity {
  return [
    'listener',
    {
      name: 'amqps',
      role: 'normal',
      host,
      port,
      sslProfile: CREDENTIAL.localServer,
      saslMechanisms: 'EXTERNAL',
      authenticatePeer: true,
      requireSsl: true,
    },
  ];
}

export function renderEntities(entities: readonly RouterEntity[]): string {
  return `[\n${entities.map((entity) => `  ${JSON.stringify(entity)}`).join(',\n')}\n]\n`;
}

function unique(entities: readonly RouterEntity[]): RouterEntity[] {
  const seen = new Set<string>();
  return entities.filter(([type, { name }]) => {
    if (name === undefined) return true;
    const key = `${type}/${name}`;
    return !seen.has(key) && seen.add(key);
  });
}

/** The profiles that entities name, and the one of the local listener. A link needs all of a credential, whoever else uses the same one. */
function profileSources(observed: Observed, users: readonly RouterEntity[]): ProfileSource[] {
  const special = specialSources(observed);
  const named = users.map(([, attributes]) => attributes.sslProfile).filter((name) => typeof name === 'string');
  return [...new Set([CREDENTIAL.localServer, ...named])].sort().map((name) => {
    const { credentialName, caOnly } = special.get(name) ?? { credentialName: name, caOnly: false };
    return { name, credentialName, caOnly, credential: observed.credentials.get(credentialName) };
  });
}

/** Profiles that are not named like their credential. */
function specialSources(observed: Observed): Map<string, { credentialName: string; caOnly: boolean }> {
  const sources = connectorProfiles(observed);
  for (const link of ofKind(observed, 'Link')) {
    sources.set(linkProfile(link), { credentialName: credentialsOf(link), caOnly: false });
  }
  return sources;
}

/** The files of a profile in `directory`. */
export function filesOf(directory: string, { ca, hasKey }: Credential, caOnly: boolean): Record<string, string> {
  return {
    ...(ca !== undefined && { caCertFile: `${directory}/ca.crt` }),
    ...(hasKey && !caOnly && { certFile: `${directory}/tls.crt`, privateKeyFile: `${directory}/tls.key` }),
  };
}
