/**
 * What a site says of itself, as a record of Skupper's event protocol. Pure.
 *
 * Its routers tell of themselves, of their links and services (router/telemetry/vanflow), and name the site as theirs: nothing is
 * told twice.
 */
import type { SiteContent } from '../record.ts';
import { ATTRIBUTE, type FlowRecord, RECORD_TYPE } from './records.ts';

/** @param startTime wall-clock microseconds */
export function ownRecords({ site }: Pick<SiteContent, 'site'>, startTime: number): FlowRecord[] {
  const values: [code: number, value: string | number][] = [
    [ATTRIBUTE.startTime, startTime],
    [ATTRIBUTE.provider, site.platform],
    [ATTRIBUTE.platform, site.platform],
    [ATTRIBUTE.namespace, site.namespace],
    [ATTRIBUTE.name, site.name],
    [ATTRIBUTE.version, site.version],
  ];
  return [{ type: RECORD_TYPE.site, id: site.id, attributes: new Map(values.filter(([, value]) => value !== '')) }];
}
