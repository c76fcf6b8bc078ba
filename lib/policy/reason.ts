/** What a decision says to people: one sentence, with the policy, the client as far as it is known, and the service; limits in words. Pure. */
import type { Limits, PolicyClient, PolicyRequest, RuleReference } from './types.ts';

const SHOWN_MAX = 3;

const WISHES = { Connect: 'connects to', Expose: 'exposes', Import: 'imports', Link: 'links' } as const;

/** `AccessPolicy/shop/backend, rule 1`. Rules are counted from 0, as in `spec.rules[1]`. */
export function ruleText({ policy, rule }: RuleReference): string {
  return rule === undefined ? policy : `${policy}, rule ${rule}`;
}

/** `workload frontend of namespace web at site west`, with what is known. */
export function clientText(client: PolicyClient): string {
  const { siteName, siteId, namespace, workload, pod } = client;
  const who = workload !== undefined ? `workload ${workload}` : pod !== undefined ? `pod ${pod}` : undefined;
  const where = siteName ?? siteId;
  const parts = [
    who,
    namespace && (who ? `of namespace ${namespace}` : `namespace ${namespace}`),
    where !== undefined ? (who || namespace ? `at site ${where}` : `site ${where}`) : undefined,
  ];
  return parts.filter((part) => part !== undefined && part !== '').join(' ') || 'a client that is not known';
}

/** `site west connects to service backend of namespace shop (routing key backend:8080)`. */
export function wishText(request: PolicyRequest): string {
  const { operation, client, service } = request;
  if (operation === 'Link' || service === undefined) return linkText(request);
  const { name, namespace: owner, routingKey } = service;
  const key = routingKey === name || routingKey === '' ? '' : ` (routing key ${routingKey})`;
  return `${clientText(client)} ${WISHES[operation]} service ${name}${owner === '' ? '' : ` of namespace ${owner}`}${key}`;
}

function linkText({ client, namespace, direction, host }: PolicyRequest): string {
  const here = namespace === undefined || namespace === '' ? 'here' : `the site of namespace ${namespace}`;
  if (direction !== 'Outgoing') return `${clientText(client)} links to ${here}`;
  const isKnown = client.siteName !== undefined || client.siteId !== undefined;
  const where = isKnown ? clientText(client) : host === undefined ? 'another site' : `host ${host}`;
  return `${here === 'here' ? 'this site' : here} links to ${where}`;
}

/** `50 connections per second, 200 connections at a time, 1000000 bytes per second, for each site; 100 more wait for up to 5 s`. */
export function limitsText(limits: Limits): string {
  const { connectionsPerSecond, connectionsBurst, concurrentConnections, bytesPerSecond, per = 'Rule', queue } = limits;
  const burst = connectionsBurst === undefined ? '' : ` (${connectionsBurst} at once after a pause)`;
  const parts = [
    connectionsPerSecond !== undefined && `${connectionsPerSecond} connections per second${burst}`,
    concurrentConnections !== undefined && `${concurrentConnections} connections at a time`,
    bytesPerSecond !== undefined && `${bytesPerSecond} bytes per second`,
    per !== 'Rule' && `for each ${per.toLowerCase()}`,
  ];
  const wait = queue === undefined ? '' : `; ${queue.length} more wait for up to ${queue.seconds} s`;
  return `${parts.filter((part) => part !== false).join(', ')}${wait}`;
}

/** `A, B, C and 4 more`. */
export function listText(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_MAX).join(', ');
  return names.length > SHOWN_MAX ? `${shown} and ${names.length - SHOWN_MAX} more` : shown;
}

/** Why rules that name the client may not mean it: it is not known well enough. */
export function doubtText({ verification, doubt }: PolicyClient): string {
  if (verification !== 'none') return '';
  return `; what the client says of itself could not be verified${doubt === undefined ? '' : `: ${doubt}`}`;
}
