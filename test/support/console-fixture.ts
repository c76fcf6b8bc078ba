/** Networks made up for the console: of 2, 20 or 200 sites, with links, services and traffic as real ones have. The same each time. */
import type { CertificateView, PolicyView, TokenOrder, TokenView } from '../../console/model/api.ts';
import type {
  EndpointView,
  EventView,
  FlowView,
  LinkView,
  NetworkView,
  RouterView,
  ServiceView,
  SiteView,
  TrafficView,
} from '../../console/model/view.ts';
import type { ConsolePlace } from '../../console/server/uses.ts';
import { type Random, randomInt, SeededRandom } from '../../lib/random.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const REGIONS = [
  'eu-west',
  'eu-north',
  'us-east',
  'us-west',
  'ap-south',
  'ap-east',
  'sa-east',
  'af-south',
  'me-central',
  'lab',
];
const SERVICES = ['backend', 'payments', 'database', 'search', 'mail', 'metrics', 'images', 'orders'];
const PLATFORMS = ['kubernetes', 'kubernetes', 'podman', 'linux'];

export interface MadeNetwork extends NetworkView {
  readonly flows: readonly FlowView[];
}

/** Two sites, west and east, as `skuprt demo` has them. */
export function twoSites(now: number): MadeNetwork {
  const sites = [site('west', 'local', now - 2 * HOUR_MS, true), site('east', 'local', now - 3 * HOUR_MS)];
  const routers = sites.flatMap((one) => routersOf(one, 1, now));
  const links = [
    link(routers[0]!, routers[1]!, now, {
      roundTripMs: 0.42,
      octetsPerSecond: 1_240_000,
      octetsBackPerSecond: 184_000,
    }),
  ];
  const endpoints = [
    endpoint('connector', 'backend:8080', routers[1]!, now),
    endpoint('listener', 'backend:8080', routers[0]!, now),
  ];
  return whole({ sites, routers, links, endpoints, now, random: new SeededRandom(1), carried: 1_424_000 });
}

/** Regions with a hub each: the hubs are linked in a ring, and every other site to its hub. */
export function manySites(count: number, now: number): MadeNetwork {
  const random = new SeededRandom(count);
  const regionCount = Math.max(2, Math.min(REGIONS.length, Math.round(count / 5)));
  const sites = Array.from({ length: count }, (_, index) => {
    const name = `${REGIONS[index % regionCount]}-${Math.floor(index / regionCount) + 1}`;
    return site(
      name,
      PLATFORMS[index % PLATFORMS.length]!,
      now - randomInt(random, 40) * DAY_MS - HOUR_MS,
      index === 0,
    );
  });
  const routersBySite = sites.map((one, index) => routersOf(one, index < regionCount ? 2 : 1, now));
  const links: LinkView[] = [];
  for (const [index, routers] of routersBySite.entries()) {
    const hub = index < regionCount ? routersBySite[(index + 1) % regionCount]! : routersBySite[index % regionCount]!;
    if (hub === routers) continue;
    const isBusy = randomInt(random, 3) > 0;
    links.push(
      link(routers[0]!, hub[0]!, now, {
        roundTripMs: 1 + randomInt(random, 900) / 10,
        octetsPerSecond: isBusy ? randomInt(random, 4_000_000) : 0,
        octetsBackPerSecond: isBusy ? randomInt(random, 900_000) : 0,
        ...(index % 37 === 17 && {
          status: 'down' as const,
          statusSince: now - 4 * 60_000,
          downCount: 3,
          message: 'connect ECONNREFUSED 203.0.113.7:55671',
        }),
      }),
    );
  }
  const endpoints = SERVICES.flatMap((name, index) => {
    const at = routersBySite[(index * 3) % count]!;
    const other = routersBySite[(index * 3 + 1) % count]!;
    const listeners = routersBySite.filter((_, site) => (site + index) % 3 === 0);
    return [
      endpoint('connector', `${name}:8080`, at[0]!, now),
      endpoint('connector', `${name}:8080`, other[0]!, now),
      ...listeners.map(([router]) => endpoint('listener', `${name}:8080`, router!, now)),
    ];
  });
  return whole({ sites, routers: routersBySite.flat(), links, endpoints, now, random, carried: 3_000_000 });
}

function site(name: string, platform: string, startedAt: number, self = false): SiteView {
  return { id: `site-${name}`, name, namespace: name, platform, version: '0.1.0', startedAt, self };
}

function routersOf({ id, name }: SiteView, count: number, now: number): RouterView[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${id}-router-${index}`,
    name: `${name}-skupper-router-${index + 1}`,
    site: id,
    mode: 'interior' as const,
    version: '0.1.0',
    startedAt: now - 2 * HOUR_MS,
  }));
}

function link(from: RouterView, to: RouterView, now: number, over: Partial<LinkView>): LinkView {
  const toName = to.site.replace('site-', '');
  return {
    id: `${from.id}:${to.id}`,
    name: `${from.site.replace('site-', '')}-to-${toName}`,
    role: 'inter-router',
    fromSite: from.site,
    fromRouter: from.id,
    toSite: to.site,
    toRouter: to.id,
    cost: 1,
    status: 'up',
    statusSince: now - HOUR_MS,
    downCount: 0,
    message: '',
    endpoint: `${toName}.example.com:55671`,
    octets: 48_000_000_000,
    octetsBack: 5_200_000_000,
    octetsPerSecond: 0,
    octetsBackPerSecond: 0,
    certificateExpiresAt: now + (from.id.length % 2 === 0 ? 9 : 71) * DAY_MS,
    ...over,
  };
}

function endpoint(kind: EndpointView['kind'], address: string, router: RouterView, now: number): EndpointView {
  const [name = '', port = ''] = address.split(':');
  const host = kind === 'listener' ? '0.0.0.0' : `10.42.0.${10 + name.length}`;
  const since = now - HOUR_MS;
  const counts = { flowsOpen: 4, flowsOpened: 1204, flowsRefused: 0, octetsPerSecond: 210_000 };
  return {
    id: `${kind} ${address} ${router.id}`,
    kind,
    name,
    address,
    site: router.site,
    router: router.id,
    host,
    port,
    protocol: 'tcp',
    since,
    ...counts,
  };
}

interface Parts {
  sites: SiteView[];
  routers: RouterView[];
  links: LinkView[];
  endpoints: EndpointView[];
  now: number;
  random: Random;
  carried: number;
}

function whole({ sites, routers, links, endpoints, now, random, carried }: Parts): MadeNetwork {
  const addresses = [...new Set(endpoints.map(({ address }) => address))];
  const services = addresses.map((address, index): ServiceView => {
    const ends = endpoints.filter((one) => one.address === address);
    const connectorCount = ends.filter(({ kind }) => kind === 'connector').length;
    return {
      address,
      protocol: 'tcp',
      listenerCount: ends.length - connectorCount,
      connectorCount,
      flowsOpen: 12 + index * 7,
      flowsOpened: 48_213,
      flowsRefused: index === 0 ? 3 : 0,
      flowsPerSecond: 2.4 + index,
      octets: 81_000_000_000,
      octetsPerSecond: carried / (index + 1),
    };
  });
  const traffic = addresses.flatMap((address) => trafficOf(address, endpoints, random));
  const events = eventsOf(sites, links, now);
  return {
    sites,
    routers,
    links,
    endpoints,
    services,
    traffic,
    events,
    problems: [],
    flows: flowsOf(endpoints, now, random),
  };
}

function trafficOf(address: string, endpoints: readonly EndpointView[], random: Random): TrafficView[] {
  const ends = endpoints.filter((one) => one.address === address);
  const [server] = ends.filter(({ kind }) => kind === 'connector');
  if (server === undefined) return [];
  return ends
    .filter(({ kind }) => kind === 'listener')
    .map(({ site: fromSite }) => ({
      id: `${address} ${fromSite} ${server.site}`,
      address,
      fromSite,
      toSite: server.site,
      flowsOpen: 1 + randomInt(random, 9),
      flowsPerSecond: randomInt(random, 30) / 10,
      octetsPerSecond: randomInt(random, 400_000),
      octetsBackPerSecond: randomInt(random, 2_000_000),
    }));
}

function eventsOf(sites: readonly SiteView[], links: readonly LinkView[], now: number): EventView[] {
  const [first, second = first] = sites;
  const [way] = links;
  const made: Omit<EventView, 'id'>[] = [
    {
      at: now - 52 * 60_000,
      severity: 'info',
      type: 'site-joined',
      site: second!.id,
      object: `site/${second!.name}`,
      message: `Site ${second!.name} has joined the network`,
      count: 1,
    },
    {
      at: now - 51 * 60_000,
      severity: 'info',
      type: 'token-redeemed',
      site: first!.id,
      object: `token/${second!.name}-1`,
      message: `Token ${second!.name}-1 has been redeemed`,
      count: 1,
    },
    {
      at: now - 50 * 60_000,
      severity: 'info',
      type: 'link-up',
      site: first!.id,
      object: `link/${way!.name}`,
      message: `Link ${way!.name} is up`,
      count: 1,
    },
    {
      at: now - 21 * 60_000,
      severity: 'warning',
      type: 'certificate-expiring',
      site: first!.id,
      object: `link/${way!.name}`,
      message: `The certificate of link ${way!.name} expires in 9 days`,
      count: 1,
    },
    {
      at: now - 6 * 60_000,
      severity: 'error',
      type: 'flow-refused',
      site: first!.id,
      object: 'service/backend:8080',
      message: 'AccessPolicy/shop/only-west refused a connection of site lab',
      count: 3,
    },
    ...links
      .filter(({ status }) => status === 'down')
      .map(({ name, fromSite, statusSince }) => ({
        at: statusSince,
        severity: 'error' as const,
        type: 'link-down',
        site: fromSite,
        object: `link/${name}`,
        message: `Link ${name} is down: connection refused`,
        count: 2,
      })),
  ];
  return made.sort((a, b) => a.at - b.at).map((event, index) => ({ id: index + 1, ...event }));
}

const STATES = ['open', 'open', 'closed', 'closed', 'closed', 'reset', 'refused'] as const;

function flowsOf(endpoints: readonly EndpointView[], now: number, random: Random): FlowView[] {
  const listeners = endpoints.filter(({ kind }) => kind === 'listener');
  return Array.from({ length: 60 }, (_, index) => {
    const listener = listeners[index % listeners.length]!;
    const connector = endpoints.find(({ kind, address }) => kind === 'connector' && address === listener.address)!;
    const state = STATES[index % STATES.length]!;
    const startedAt = now - index * 1700 - randomInt(random, 900);
    return {
      id: `flow-${index}`,
      address: listener.address,
      fromSite: listener.site,
      toSite: state === 'refused' ? '' : connector.site,
      client: `10.1.0.${randomInt(random, 250)}:${30_000 + randomInt(random, 20_000)}`,
      server: `${connector.host}:${connector.port}`,
      listener: listener.name,
      connector: connector.name,
      startedAt,
      ...(state !== 'open' && { endedAt: startedAt + 40 + randomInt(random, 2000) }),
      octets: randomInt(random, 90_000),
      octetsBack: randomInt(random, 4_000_000),
      latencyMs: randomInt(random, 300) / 100,
      state,
      ...(state === 'refused' && {
        reason: 'AccessPolicy/shop/only-west, rule 1: site lab is not among those that may connect',
      }),
      ...(state === 'reset' && { reason: 'the server reset the connection' }),
    };
  });
}

/** Tokens, policies and certificates beside a made-up network. */
export class MadePlace implements ConsolePlace {
  readonly #now: number;
  readonly orders: TokenOrder[] = [];
  readonly #tokens: TokenView[];

  constructor(now: number) {
    this.#now = now;
    const [direction, status, message] = ['issued', 'used', ''] as const;
    const made = { createdAt: now - HOUR_MS, expiresAt: now - 45 * 60_000, redemptions: 1, redemptionsAllowed: 1 };
    this.#tokens = [
      { name: 'east-311e1edf', direction, status, message, ...made },
      { name: 'lab-7', direction: 'redeemed', createdAt: now - DAY_MS, redemptions: 1, status, message },
    ];
  }

  async tokens() {
    return this.#tokens;
  }

  async policies() {
    return POLICIES;
  }

  async linkCertificate(): Promise<CertificateView> {
    const [notBefore, notAfter] = [this.#now - 20 * DAY_MS, this.#now + 9 * DAY_MS];
    return { name: 'link', subject: 'CN=west', issuer: 'CN=skupper-site-ca', notBefore, notAfter };
  }

  async linkEndpoints() {
    return ['east.example.com:55671', 'east-2.example.com:55671'];
  }

  async explain() {
    return { policies: ['AccessPolicy/shop/only-west'], explain: ['only site west may connect'] };
  }

  async issueToken(order: TokenOrder) {
    this.orders.push(order);
    const { name = 'west-1', redemptions: redemptionsAllowed = 1 } = order;
    const times = { createdAt: this.#now, expiresAt: this.#now + 900_000 };
    const [direction, status, message] = ['issued', 'waiting', ''] as const;
    this.#tokens.unshift({ name, direction, status, message, ...times, redemptions: 0, redemptionsAllowed });
    return { name, token: 'kind: AccessToken\n', command: `skuprt token redeem ${name}.yaml` };
  }
}

const POLICIES: readonly PolicyView[] = [
  {
    reference: 'AccessPolicy/shop/only-west',
    kind: 'AccessPolicy',
    name: 'only-west',
    namespace: 'shop',
    dryRun: false,
    enforceExisting: true,
    rules: ['Allow Connect from site west', 'Limit Connect from site lab to 20 connections a second'],
    selected: 1,
    refused: 3,
    ready: true,
    warnings: [],
  },
  {
    reference: 'ClusterAccessPolicy/no-lab',
    kind: 'ClusterAccessPolicy',
    name: 'no-lab',
    namespace: '',
    dryRun: true,
    enforceExisting: false,
    rules: ['Deny Connect, Link from site lab'],
    selected: 0,
    refused: 0,
    ready: true,
    warnings: ['It selects no service.'],
  },
];
