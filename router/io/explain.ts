/** What the policies of a running router say of somebody who need not be there (`EXPLAIN`, management/explain.ts). */
import type { ExplainedEnd, ExplainedEnds, ExplainedTraffic } from '../../lib/policy/explained.ts';
import type { Operation, PolicyService } from '../../lib/policy/types.ts';
import { plainAddress } from '../../lib/routing-address.ts';
import type { Bridge } from '../bridge/bridge.ts';
import { serviceOf } from '../bridge/doors.ts';
import { type ConnectorSettings, DEFAULT_SETTINGS } from '../bridge/tcp-connector.ts';
import type { Router } from '../core/router.ts';
import { asKnown } from '../identity/as-known.ts';
import type { EndType, PolicyQuestion } from '../management/explain.ts';
import type { ManagedRouter } from '../management/managed-router.ts';
import { RefusedError } from '../management/request.ts';
import { TokenBucket } from '../policy/token-bucket.ts';
import { EntityError } from './entity-error.ts';

/** Each costs about what a connection does, and everybody in the network may ask. */
const QUESTIONS = { perSecond: 50, burst: 200 };
/** Of an answer. */
const ENDS_MAX = 64;

const ASKED: Readonly<Record<EndType, readonly Operation[]>> = {
  tcpListener: ['Import', 'Connect'],
  tcpConnector: ['Expose', 'Connect'],
};

export function explainer(router: Router, now: () => number): NonNullable<ManagedRouter['explain']> {
  const bucket = new TokenBucket(QUESTIONS.perSecond, QUESTIONS.burst, now());
  return (question) => {
    if (bucket.available(now()) < 1) throw new RefusedError(429, 'too many questions at once: ask again in a second');
    bucket.take(1, now());
    return question.entityType === undefined ? decisionOn(router, question) : endsOf(router, question);
  };
}

function decisionOn({ bridge }: Router, question: PolicyQuestion) {
  const { operation, client, namespace, direction, host } = question;
  const request = { operation, client: { ...client, verification: client.verification ?? 'local' } } as const;
  if (operation === 'Link') return bridge.policies.table.decide({ ...request, namespace, direction, host });
  return bridge.policies.table.decide({ ...request, service: serviceIn(bridge, question) });
}

/** @throws EntityError when the entity that is asked about is not there */
function serviceIn({ listeners, connectors }: Bridge, { entity, routingKey, service }: PolicyQuestion): PolicyService {
  if (service !== undefined) {
    return { routingKey: routingKey ?? service.name, ...service, labels: service.labels ?? {} };
  }
  for (const [name, { options, addresses }] of listeners) {
    const address = name === entity ? addresses[0] : addresses.find((each) => each.address === routingKey);
    if (name === entity || (entity === undefined && address)) {
      return serviceOf(name, options, routingKey ?? address?.address ?? '');
    }
  }
  for (const [name, { settings, address }] of connectors) {
    if (name === entity || (entity === undefined && address === routingKey)) {
      return serviceOf(name, settings, address);
    }
  }
  const what = entity === undefined ? `for routing key '${routingKey}'` : `named '${entity}'`;
  throw new EntityError(`there is no tcpListener or tcpConnector ${what}`);
}

function endsOf(router: Router, question: PolicyQuestion): ExplainedEnds {
  const { entityType = 'tcpConnector', client, routingKey = '' } = question;
  const { site, bridge, identity } = router;
  const { siteId, siteName } = site;
  const known = asKnown(client, site, identity?.links.identity);
  const found = entityType === 'tcpConnector' ? connectorsOf(bridge, routingKey) : listenersOf(bridge, routingKey);
  const ends = found.map(({ service, traffic }): ExplainedEnd => {
    const { name, namespace } = service;
    const own = { siteId, siteName, namespace, verification: 'local' } as const;
    const checks = ASKED[entityType].map((operation) => {
      const who = operation === 'Connect' ? known : own;
      return { operation, client: who, decision: bridge.policies.table.decide({ operation, client: who, service }) };
    });
    return { name, namespace, checks, traffic };
  });
  return { siteId, siteName, ends };
}

interface End {
  readonly service: PolicyService;
  readonly traffic: ExplainedTraffic;
}

function connectorsOf({ connectors }: Bridge, routingKey: string): End[] {
  const plain = plainAddress(routingKey);
  const groups = new Map<string, { service: PolicyService; settings: ConnectorSettings; weight: number }>();
  let weightSum = 0;
  let isWeighted = false;
  for (const [name, { settings, address }] of connectors) {
    if (plainAddress(address) !== plain) continue;
    const { weight } = settings;
    const service = serviceOf(name, settings, address);
    const key = groupKey(name, service);
    const group = groups.get(key);
    if (group !== undefined) group.weight += weight;
    else groups.set(key, { service, settings, weight });
    weightSum += weight;
    isWeighted ||= weight !== DEFAULT_SETTINGS.weight;
  }
  return [...groups.values()].slice(0, ENDS_MAX).map(({ service, settings, weight }) => {
    const { maxConnections, maxQueuedConnections } = settings;
    const share = isWeighted && { weight, weightSum };
    return { service, traffic: { maxConnections, maxQueuedConnections, ...share } };
  });
}

function listenersOf({ listeners }: Bridge, routingKey: string): End[] {
  const plain = plainAddress(routingKey);
  const groups = new Map<string, End>();
  for (const [name, { options, addresses }] of listeners) {
    const own = addresses.find(({ address }) => plainAddress(address) === plain);
    if (own === undefined || groups.size >= ENDS_MAX) continue;
    const { maxConnections = 0, multiAddressStrategy = 'none' } = options;
    const ranked = addresses.slice(0, ENDS_MAX).map(({ address, value, weight }) => ({ address, value, weight }));
    const choice = multiAddressStrategy !== 'none' && { choice: multiAddressStrategy, addresses: ranked };
    const service = serviceOf(name, options, routingKey);
    groups.set(groupKey(name, service), { service, traffic: { maxConnections, ...choice } });
  }
  return [...groups.values()];
}

/** Entities of one resource, such as a tcpConnector for each pod, have the same name up to an `@`; with policies, the same service. */
function groupKey(entity: string, service: PolicyService): string {
  const { name } = service;
  return JSON.stringify({ ...service, name: name === entity ? entity.replace(/@.*$/, '') : name });
}
