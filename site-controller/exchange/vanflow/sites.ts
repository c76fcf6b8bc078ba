/** Records of Skupper's event protocol as what sites say of themselves. Pure. */
import type { EndpointRecord, LinkRecord, RouterRecord, SiteContent } from '../record.ts';
import { ATTRIBUTE, type FlowRecord, RECORD_TYPE, routerIdOf, textOf } from './records.ts';

/** In front of the names of a router's entities, as Skupper gives them; after `@` comes the pod or host. */
const ENTITY_NAME = /^(?:listener|connector|multiAddress)\/([^@]*)/;
const UP = 'up';

interface RouterPlace {
  routerId: string;
  siteId: string;
}

/**
 * The sites among the records, by id. `known` are those that told of themselves otherwise: links lead there too.
 */
export function sitesOfRecords(records: readonly FlowRecord[], known: readonly SiteContent[] = []): SiteContent[] {
  const ofType = (type: number) => records.filter((record) => record.type === type);
  const children = childrenOf(records);
  const sites = ofType(RECORD_TYPE.site);
  const names = new Map<string, string>();
  for (const { site } of known) names.set(site.id, site.name);
  for (const site of sites) names.set(site.id, textOf(site, ATTRIBUTE.name));
  const accesses = new Map<string, RouterPlace>();
  for (const router of ofType(RECORD_TYPE.router)) {
    const place = { routerId: routerIdOf(router), siteId: textOf(router, ATTRIBUTE.parent) };
    for (const access of children(router.id, RECORD_TYPE.routerAccess)) accesses.set(access.id, place);
  }
  const contentOf = (site: FlowRecord): SiteContent => {
    const routers = children(site.id, RECORD_TYPE.router).filter((router) => routerIdOf(router) !== '');
    const ends = (type: number) => endpointsOf(routers.flatMap((router) => children(router.id, type)));
    return {
      site: {
        id: site.id,
        name: textOf(site, ATTRIBUTE.name),
        namespace: textOf(site, ATTRIBUTE.namespace),
        platform: textOf(site, ATTRIBUTE.platform),
        version: textOf(site, ATTRIBUTE.version),
      },
      routers: routers.map(
        (router): RouterRecord => ({
          id: routerIdOf(router),
          links: children(router.id, RECORD_TYPE.link).map((link) => linkOf(link, accesses, names)),
          routerAccess: children(router.id, RECORD_TYPE.routerAccess).map(accessOf),
        }),
      ),
      listeners: ends(RECORD_TYPE.listener),
      connectors: ends(RECORD_TYPE.connector),
      services: [],
    };
  };
  return sites.sort((a, b) => (a.id < b.id ? -1 : 1)).map(contentOf);
}

function childrenOf(records: readonly FlowRecord[]): (parent: string, type: number) => FlowRecord[] {
  const groups = new Map<string, FlowRecord[]>();
  for (const record of records) {
    const key = `${record.type} ${textOf(record, ATTRIBUTE.parent)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [record]);
    else group.push(record);
  }
  for (const group of groups.values()) group.sort((a, b) => (a.id < b.id ? -1 : 1));
  return (parent, type) => groups.get(`${type} ${parent}`) ?? [];
}

function linkOf(
  link: FlowRecord,
  accesses: ReadonlyMap<string, RouterPlace>,
  names: ReadonlyMap<string, string>,
): LinkRecord {
  const operational = textOf(link, ATTRIBUTE.status) === UP;
  // A link that is down still names whom it led to last.
  const remote = accesses.get(textOf(link, ATTRIBUTE.peer));
  const cost = Number(link.attributes.get(ATTRIBUTE.linkCost) ?? 1);
  return {
    name: textOf(link, ATTRIBUTE.name),
    role: textOf(link, ATTRIBUTE.role),
    direction: 'outgoing',
    cost: Number.isSafeInteger(cost) && cost >= 0 ? cost : 1,
    operational,
    remoteSiteId: remote?.siteId ?? '',
    remoteSiteName: names.get(remote?.siteId ?? '') ?? '',
    remoteRouterId: remote?.routerId ?? '',
    message: operational ? 'OK' : '',
  };
}

function accessOf(access: FlowRecord): { name: string; role: string } {
  const role = textOf(access, ATTRIBUTE.role);
  const name = textOf(access, ATTRIBUTE.name);
  return { name: name.endsWith(`-${role}`) ? name.slice(0, -role.length - 1) : name, role };
}

/** One for each name and routing key: a connector has a record for each of its pods, and each router has its own. */
function endpointsOf(records: readonly FlowRecord[]): EndpointRecord[] {
  const endpoints = new Map<string, EndpointRecord>();
  for (const record of records) {
    const routingKey = textOf(record, ATTRIBUTE.address);
    const port = Number(textOf(record, ATTRIBUTE.destinationPort));
    if (routingKey === '' || !Number.isInteger(port) || port < 1 || port > 65_535) continue;
    const entity = textOf(record, ATTRIBUTE.name);
    const name = ENTITY_NAME.exec(entity)?.[1] ?? entity;
    const key = JSON.stringify([name, routingKey]);
    if (endpoints.has(key)) continue;
    endpoints.set(key, { name, routingKey, host: textOf(record, ATTRIBUTE.destinationHost), port });
  }
  return [...endpoints.values()];
}
