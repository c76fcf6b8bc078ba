/** What a well-formed policy may still not say, because it has no meaning. Pure. */
import type { ClientSelector, LabelSelector, Limits, PolicyDocument, PolicyRule, PolicySpec } from './types.ts';

interface MeaningFault {
  readonly path: string;
  readonly message: string;
}

const CONNECT = ['Connect'] as const;

export function meaningFaults(kind: PolicyDocument['kind'], spec: PolicySpec): MeaningFault[] {
  const faults: MeaningFault[] = [];
  const say = (path: string, message: string) => faults.push({ path, message });
  for (const [at, service] of (spec.services ?? []).entries()) {
    const path = `spec.services[${at}]`;
    if (kind === 'AccessPolicy' && service.namespaces !== undefined) {
      say(`${path}.namespaces`, 'is for a ClusterAccessPolicy: an AccessPolicy is about services of its own namespace');
    }
    faults.push(...selectorFaults(service.selector, `${path}.selector`));
  }
  for (const [at, rule] of spec.rules.entries()) faults.push(...ruleFaults(rule, `spec.rules[${at}]`));
  return faults;
}

function ruleFaults({ action, operations = CONNECT, from = [], limits }: PolicyRule, path: string): MeaningFault[] {
  const faults: MeaningFault[] = [];
  const say = (place: string, message: string) => faults.push({ path: `${path}.${place}`, message });
  if (action !== 'Limit' && limits !== undefined) say('limits', 'goes with the action Limit only');
  if (action === 'Limit') {
    if (limits === undefined) say('limits', 'is required with the action Limit');
    else faults.push(...limitFaults(limits, `${path}.limits`));
    if (operations.some((operation) => operation !== 'Connect')) say('operations', 'may be Connect only with Limit');
  }
  const isAboutLinks = operations.includes('Link');
  for (const [at, client] of from.entries()) {
    const place = `${path}.from[${at}]`;
    faults.push(...selectorFaults(client.selector, `${place}.selector`), ...linkFaults(client, isAboutLinks, place));
  }
  return faults;
}

function linkFaults({ direction, hosts }: ClientSelector, isAboutLinks: boolean, path: string): MeaningFault[] {
  const faults: MeaningFault[] = [];
  if (!isAboutLinks) {
    if (direction !== undefined)
      faults.push({ path: `${path}.direction`, message: 'goes with the operation Link only' });
    if (hosts !== undefined) faults.push({ path: `${path}.hosts`, message: 'goes with the operation Link only' });
  } else if (direction === 'Incoming' && hosts !== undefined) {
    faults.push({ path: `${path}.hosts`, message: 'are of links that this site dials: leave direction: Incoming out' });
  }
  return faults;
}

function limitFaults(limits: Limits, path: string): MeaningFault[] {
  const { connectionsPerSecond, connectionsBurst, concurrentConnections, bytesPerSecond, queue } = limits;
  const faults: MeaningFault[] = [];
  const say = (place: string, message: string) => faults.push({ path: `${path}${place}`, message });
  const isAboutConnections = connectionsPerSecond !== undefined || concurrentConnections !== undefined;
  if (!isAboutConnections && bytesPerSecond === undefined) {
    say('', 'needs connectionsPerSecond, concurrentConnections or bytesPerSecond');
  }
  if (connectionsBurst !== undefined && connectionsPerSecond === undefined) {
    say('.connectionsBurst', 'needs connectionsPerSecond beside it');
  }
  if (queue !== undefined && !isAboutConnections) {
    say('.queue', 'needs connectionsPerSecond or concurrentConnections beside it');
  }
  return faults;
}

/** As an API server has it. */
function selectorFaults(selector: LabelSelector | undefined, path: string): MeaningFault[] {
  return (selector?.matchExpressions ?? []).flatMap(({ operator, values = [] }, at) => {
    const isList = operator === 'In' || operator === 'NotIn';
    if (isList === values.length > 0) return [];
    const message = isList ? `is required with ${operator}` : `may not be given with ${operator}`;
    return [{ path: `${path}.matchExpressions[${at}].values`, message }];
  });
}
