/** The status of a ServiceImport: who exports it, and whether it can be used here. Reference 1.3, 1.4. Pure. */
import { fieldsOf, listOf, textOf, textsOf } from '../fields.ts';
import type { Frame } from '../frame.ts';
import type { EventWant, StatusWrite } from '../observed.ts';
import { importRefusal } from '../refusals.ts';
import { type Finding, withConditions } from '../serviceexport/conditions.ts';
import { selectorResults } from './selector-results.ts';

export const UNSUPPORTED_PORTS = 'skuprt.io/UnsupportedPorts';

/** None until the import is there. */
export function importStatus(frame: Frame): StatusWrite[] {
  const { owner, now } = frame;
  if (owner === undefined) return [];
  const unsupported = unsupportedPorts(frame);
  const findings = [readyFinding(frame), ...(unsupported === undefined ? [] : [unsupported])];
  const { conditions } = withConditions(owner, findings, [UNSUPPORTED_PORTS], now);
  const status = {
    clusters: exportingClusters(frame).map((cluster) => ({ cluster })),
    conditions,
    endpointSliceObjects: 'Present',
    ...selectorResults(frame),
  };
  return [{ object: owner, status }];
}

/** Once, when it becomes so. */
export function importEvents(frame: Frame): EventWant[] {
  const { owner } = frame;
  const unsupported = unsupportedPorts(frame);
  if (owner === undefined || unsupported === undefined) return [];
  const before = listOf(fieldsOf(owner.status).conditions).find(({ type }) => type === UNSUPPORTED_PORTS);
  if (before?.message === unsupported.message) return [];
  return [{ about: owner, type: 'Warning', reason: unsupported.reason, message: unsupported.message }];
}

/** Sorted. Those that may be live and were not heard yet stay where they were listed. */
function exportingClusters({ sources, owner }: Frame): string[] {
  const before = new Set(listOf(fieldsOf(owner?.status).clusters).map(({ cluster }) => textOf(cluster)));
  return sources
    .filter(({ state, cluster }) => state === 'own' || state === 'live' || (state === 'unseen' && before.has(cluster)))
    .map(({ cluster }) => cluster);
}

function readyFinding(frame: Frame): Finding {
  const { merged, ips, owner, observed } = frame;
  const type = 'Ready';
  const refusal = refusalOf(frame);
  if (refusal !== undefined && frame.own === undefined) {
    return { type, status: 'False', reason: 'PolicyRefused', message: refusal };
  }
  if (merged.type === 'ClusterSetIP') {
    if (ips.ips.length === 0 && ips.wanted.length === 0) {
      const message = `the service is exported with ${merged.ipFamilies.join(', ')}, which this cluster does not have`;
      return { type, status: 'False', reason: 'IPFamilyNotSupported', message };
    }
    const shown = textsOf(fieldsOf(owner?.spec).ips);
    if (ips.ips.length === 0 || shown.join() !== ips.ips.join()) {
      return { type, status: 'False', reason: 'Pending', message: 'waiting for the clusterset IP' };
    }
  }
  const hindrance = observed.carrier === undefined ? observed.carrierFault : refusal;
  const fault = hindrance === undefined ? '' : `; endpoints of other clusters are out of reach: ${hindrance}`;
  return { type, status: 'True', reason: 'Ready', message: `the service can be used in this cluster${fault}` };
}

/** Of the endpoints of all other clusters. */
function refusalOf({ observed, sources, ports }: Frame): string | undefined {
  const others = sources.filter(({ state }) => state !== 'own');
  const carried = ports.filter(({ isCarried }) => isCarried).map(({ port }) => port);
  const refusals = others.map(({ cluster }) => importRefusal(observed, carried, cluster));
  return refusals.length > 0 && refusals.every((text) => text !== undefined) ? refusals[0] : undefined;
}

function unsupportedPorts({ ports }: Frame): Finding | undefined {
  const named = ports.filter(({ isCarried }) => !isCarried).map(({ protocol, port }) => `${protocol} ${port}`);
  if (named.length === 0) return undefined;
  return {
    type: UNSUPPORTED_PORTS,
    status: 'True',
    reason: 'PortsNotCarried',
    message: `TCP only is carried between clusters; only endpoints of this cluster serve ${named.join(', ')}`,
  };
}
