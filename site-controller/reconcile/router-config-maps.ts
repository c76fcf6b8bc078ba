/**
 * The ConfigMaps by which a site on Kubernetes tells its routers what to be: one a group, read by the adaptor beside each router.
 * Control-plane reference 3.4, 3.5, 4.2.
 *
 * Revisions of TLS material are counted here: a Secret whose content changed makes the next ordinal of each profile that uses it.
 * What was counted so far is read back from the ConfigMap itself, so nothing else has to remember it: one that Skupper wrote too.
 */
import type { Secret } from '../../config/api/secret.ts';
import type { Site } from '../../config/api/site.ts';
import { CONFIG_KEY, CREDENTIAL, ROUTER_CONFIG_LABEL, ROUTER_FILES, SETTING } from '../../config/names.ts';
import { asConfigText, sectionsOf } from '../../config/router-config.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { type AdaptorConfig, AdaptorConfigError, parseAdaptorConfig } from '../adaptor/config.ts';
import { secretDigest } from '../pki/secret.ts';
import { attachedEntities } from './attachedconnector/plan.ts';
import { endpointsOf, proxyOf } from './link/plan.ts';
import { type Observed, ofKind, type RouterEntity } from './observed.ts';
import { toldContent } from './own-content.ts';
import { amqpsListener, filesOf, type ProfileSource, renderEntities, routerEntities } from './router-config.ts';
import { groupEntities } from './routeraccess/plan.ts';
import { routerGroups, settingOf } from './site/identity.ts';

const PRIOR_REVISIONS_ANNOTATION = 'skupper.io/tls-prior-valid-revisions';

/** Of the data of one, for an API server. */
const SIZE_BYTES_MAX = 1024 * 1024;

export interface RouterConfigMaps {
  objects: KubeObject[];
  /** What there is no room for. */
  faults: string[];
}

/** None until the material of the local listener is there. */
export function planRouterConfigMaps(observed: Observed, site: Site): RouterConfigMaps {
  if (!observed.credentials.get(CREDENTIAL.localServer)?.hasKey) return { objects: [], faults: [] };
  const { content, leftOutCount } = toldContent(observed, site);
  const objects = routerConfigMaps(observed, site, asConfigText(JSON.stringify(content)));
  const notTold = `what the site tells the others fits into no message: ${leftOutCount} connectors and listeners are left out`;
  return { objects, faults: [...(leftOutCount > 0 ? [notTold] : []), ...objects.flatMap(sizeFaults)] };
}

/** The API server would refuse it too, in fewer words. */
function sizeFaults({ metadata, data }: KubeObject): string[] {
  const texts = Object.values(data as Record<string, string>);
  const size = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (size <= SIZE_BYTES_MAX) return [];
  return [
    `the configuration of the routers has ${size} bytes, compressed, and ConfigMap ${metadata.name} holds ${SIZE_BYTES_MAX}: ` +
      'they keep what they have. Give some of the listeners and connectors to another site',
  ];
}

function routerConfigMaps(observed: Observed, site: Site, siteContent: string): KubeObject[] {
  const groups = routerGroups(site);
  return groups.map((group, index) => {
    const tls: Record<string, Revision> = {};
    const before = { ...foreignRevisions(observed, group), ...adaptorConfigOf(observed, group).tls };
    const entities = routerEntities(observed, site, {
      routerId: `${site.metadata.name}-\${HOSTNAME}`,
      group,
      own: OWN_LISTENERS,
      further: [...attachedEntities(observed), ...groupEntities(observed, index)],
      profile: (source) => {
        const revision = revisionOf(observed, site, source, before[source.name]);
        if (revision === undefined || source.credential === undefined) return undefined;
        tls[source.name] = revision;
        const { ordinal, oldestValidOrdinal } = revision;
        return {
          ...filesOf(`${ROUTER_FILES.certs}/${source.name}`, source.credential, source.caOnly),
          ordinal,
          oldestValidOrdinal,
        };
      },
    });
    const adaptor: AdaptorConfig = {
      tls,
      endpoints: endpoints(observed),
      proxies: proxies(observed),
      ha: groups.length > 1,
      ...(observed.cluster?.workloads !== undefined && { workloads: observed.cluster.workloads.length }),
    };
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: group, labels: { [ROUTER_CONFIG_LABEL]: '' } },
      data: {
        [CONFIG_KEY.router]: asConfigText(renderEntities(entities.map(asSkupperReads))),
        [CONFIG_KEY.adaptor]: `${JSON.stringify(adaptor, undefined, 2)}\n`,
        [CONFIG_KEY.site]: siteContent,
      },
    };
  });
}

/** Attributes that Skupper's adaptor takes as texts only; routers take either. */
const TEXTS: Readonly<Record<string, string>> = {
  router: 'helloMaxAgeSeconds',
  connector: 'port',
  proxyProfile: 'port',
  tcpConnector: 'port',
  tcpListener: 'port',
};

/** Either adaptor drives either router: control-plane reference 4.6. */
function asSkupperReads([type, attributes]: RouterEntity): RouterEntity {
  const name = TEXTS[type];
  if (name === undefined || attributes[name] === undefined) return [type, attributes];
  return [type, { ...attributes, [name]: String(attributes[name]) }];
}

const OWN_LISTENERS: readonly RouterEntity[] = [
  [
    'listener',
    {
      name: '@9090',
      role: 'normal',
      host: '',
      port: 9090,
      http: true,
      websockets: false,
      healthz: true,
      metrics: true,
    },
  ],
  ['listener', { name: 'amqp', role: 'normal', host: 'localhost', port: 5672 }],
  amqpsListener('', 5671),
];

function adaptorConfigOf(observed: Observed, group: string): AdaptorConfig {
  const data = observed.cluster?.objects.get(`ConfigMap/${group}`)?.data as Record<string, string> | undefined;
  try {
    return parseAdaptorConfig(data?.[CONFIG_KEY.adaptor]);
  } catch (error) {
    if (!(error instanceof AdaptorConfigError)) throw error;
    // Somebody wrote into it: what was counted is lost, and counting begins anew.
    return parseAdaptorConfig(undefined);
  }
}

type Revision = AdaptorConfig['tls'][string];

/** What Skupper counted, whose ConfigMap says no more than ordinals: they are taken to be of what the Secrets hold. */
function foreignRevisions({ cluster, resources }: Observed, group: string): Record<string, Revision> {
  const data = cluster?.objects.get(`ConfigMap/${group}`)?.data as Record<string, string> | undefined;
  if (data === undefined || data[CONFIG_KEY.adaptor] !== undefined) return {};
  const revisions: Record<string, Revision> = {};
  for (const { name, ordinal, oldestValidOrdinal } of profilesIn(data)) {
    // Profile `x-profile` is of Secret `x`, unless there is one of its own name.
    const secret = resources.get(`Secret/${name}`) ?? resources.get(`Secret/${name.replace(/-profile$/, '')}`);
    if (secret?.kind !== 'Secret') continue;
    const digest = secretDigest(secret);
    revisions[name] = { secret: secret.metadata.name, parts: 'all', digest, ordinal, oldestValidOrdinal };
  }
  return revisions;
}

function profilesIn(data: Record<string, string>): { name: string; ordinal: number; oldestValidOrdinal: number }[] {
  return sectionsOf(data).flatMap(({ type, attributes }) => {
    const { name, ordinal = 0, oldestValidOrdinal = 0 } = attributes;
    if (type !== 'sslProfile' || typeof name !== 'string' || !isCount(ordinal) || !isCount(oldestValidOrdinal))
      return [];
    return [{ name, ordinal, oldestValidOrdinal }];
  });
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Undefined while there is no Secret. */
function revisionOf(
  observed: Observed,
  site: Site,
  { credentialName, caOnly }: ProfileSource,
  before: Revision | undefined,
): Revision | undefined {
  const secret = observed.resources.get(`Secret/${credentialName}`);
  if (secret?.kind !== 'Secret') return undefined;
  const digest = secretDigest(secret);
  const ordinal = before === undefined ? 0 : before.digest === digest ? before.ordinal : before.ordinal + 1;
  // Once refused, a revision stays refused.
  const oldestValidOrdinal = Math.max(before?.oldestValidOrdinal ?? 0, ordinal - priorRevisions(site, secret));
  return { secret: credentialName, parts: caOnly ? 'ca' : 'all', digest, ordinal, oldestValidOrdinal };
}

/**
 * How many revisions before the present one keep their connections. All of them unless somebody says otherwise: one roll-over of a CA is
 * three revisions, and a flow is not to end because a certificate was renewed in time.
 */
function priorRevisions(site: Site, { metadata }: Secret): number {
  const text = metadata.annotations?.[PRIOR_REVISIONS_ANNOTATION] ?? settingOf(site, SETTING.priorRevisions);
  const count = Number(text ?? Infinity);
  return Number.isInteger(count) && count >= 0 ? count : Infinity;
}

/** Those of which there are several: the adaptor takes turns. */
function endpoints(observed: Observed): AdaptorConfig['endpoints'] {
  return Object.fromEntries(
    ofKind(observed, 'Link')
      .map(
        (link) =>
          [
            link.metadata.name,
            endpointsOf(observed, link).map(({ host, port }) => ({ host, port: Number(port) })),
          ] as const,
      )
      .filter(([, list]) => list.length > 1),
  );
}

function proxies(observed: Observed): AdaptorConfig['proxies'] {
  const names = ofKind(observed, 'Link').map(proxyOf);
  return Object.fromEntries(names.filter((name) => name !== undefined).map((name) => [name, name]));
}
