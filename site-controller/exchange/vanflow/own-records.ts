/** What a site says of itself, as records of Skupper's event protocol. Pure. */
import type { EndpointRecord, LinkRecord, RouterRecord, SiteContent } from '../record.ts';
import { ATTRIBUTE, accessId, type FlowRecord, flowRouterName, RECORD_TYPE } from './records.ts';

export interface OwnRecordsInput {
  own: SiteContent;
  /** The other sites: whom links lead to. */
  others: readonly SiteContent[];
  /** Of records of routers in the network that speak for themselves: router and role to the id of its access. */
  accessIds: ReadonlyMap<string, string>;
  /** The routers of this site tell of themselves: only the site is told. */
  routersSpeak: boolean;
  /** Wall-clock microseconds. */
  startTime: number;
}

type Values = readonly (readonly [code: number, value: string | number | undefined])[];

export function ownRecords(input: OwnRecordsInput): FlowRecord[] {
  const { own, routersSpeak } = input;
  const { site } = own;
  const about = record(input, RECORD_TYPE.site, site.id, [
    [ATTRIBUTE.provider, site.platform],
    [ATTRIBUTE.platform, site.platform],
    [ATTRIBUTE.namespace, site.namespace],
    [ATTRIBUTE.name, site.name],
    [ATTRIBUTE.version, site.version],
  ]);
  if (routersSpeak) return [about];
  return [about, ...own.routers.flatMap((router, index) => routerRecords(input, router, index === 0))];
}

/** The key under which `accessIds` has the access of a router. */
export function accessKey(routerId: string, role: string): string {
  return `${role} ${routerId}`;
}

function routerRecords(input: OwnRecordsInput, router: RouterRecord, isFirst: boolean): FlowRecord[] {
  const { site, listeners, connectors } = input.own;
  const child = (type: number, id: string, values: Values) =>
    record(input, type, `${router.id}/${id}`, [[ATTRIBUTE.parent, router.id], ...values]);
  const isEdge = router.links.some(({ role, direction }) => role === 'edge' && direction === 'outgoing');
  const records = [
    record(input, RECORD_TYPE.router, router.id, [
      [ATTRIBUTE.parent, site.id],
      [ATTRIBUTE.namespace, site.namespace],
      [ATTRIBUTE.mode, isEdge ? 'edge' : 'interior'],
      [ATTRIBUTE.hostname, router.id],
      [ATTRIBUTE.name, flowRouterName(router.id)],
      [ATTRIBUTE.version, site.version],
    ]),
    ...router.links
      .filter(({ direction }) => direction === 'outgoing')
      .map((link) => child(RECORD_TYPE.link, `link/${link.name}`, linkValues(input, link))),
    ...router.routerAccess.map(({ name, role }) =>
      record(input, RECORD_TYPE.routerAccess, accessId(router.id, `${name}-${role}`), [
        [ATTRIBUTE.parent, router.id],
        [ATTRIBUTE.name, `${name}-${role}`],
        [ATTRIBUTE.role, role],
        [
          ATTRIBUTE.linkCount,
          router.links.filter((link) => link.direction === 'incoming' && link.role === role).length,
        ],
      ]),
    ),
  ];
  // Each router of a site has the same ends; they are told once.
  if (!isFirst) return records;
  return [
    ...records,
    ...listeners.map((end) => child(RECORD_TYPE.listener, `listener/${endId(end)}`, endValues(end, 'listener'))),
    ...connectors.map((end) => child(RECORD_TYPE.connector, `connector/${endId(end)}`, endValues(end, 'connector'))),
  ];
}

function linkValues({ own, others, accessIds }: OwnRecordsInput, link: LinkRecord): Values {
  const { remoteRouterId, role } = link;
  const remote = [own, ...others].flatMap(({ routers }) => routers).find(({ id }) => id === remoteRouterId);
  const access = remote?.routerAccess.find((candidate) => candidate.role === role);
  const ofName = access && accessId(remoteRouterId, `${access.name}-${access.role}`);
  return [
    [ATTRIBUTE.peer, accessIds.get(accessKey(remoteRouterId, role)) ?? ofName],
    [ATTRIBUTE.protocol, 'amqp'],
    [ATTRIBUTE.name, link.name],
    [ATTRIBUTE.linkCost, link.cost],
    [ATTRIBUTE.status, link.operational ? 'up' : 'down'],
    [ATTRIBUTE.role, role],
    [ATTRIBUTE.httpProxy, 'no'],
  ];
}

function endId({ name, routingKey }: EndpointRecord): string {
  return `${name}/${routingKey}`;
}

function endValues({ name, routingKey, host, port }: EndpointRecord, kind: 'listener' | 'connector'): Values {
  return [
    // Skupper's tools take a connector without a host for none, and those of pods say nothing elsewhere.
    [ATTRIBUTE.destinationHost, host || name],
    [ATTRIBUTE.protocol, 'tcp'],
    [ATTRIBUTE.destinationPort, String(port)],
    [ATTRIBUTE.address, routingKey],
    [ATTRIBUTE.name, `${kind}/${name}`],
  ];
}

/** In the order of codes, as routers send them; without what is not known. */
function record({ startTime }: OwnRecordsInput, type: number, id: string, values: Values): FlowRecord {
  const given = [[ATTRIBUTE.startTime, startTime] as const, ...values].filter(
    (pair): pair is readonly [number, string | number] => pair[1] !== undefined && pair[1] !== '',
  );
  return { type, id, attributes: new Map(given.sort(([a], [b]) => a - b)) };
}
