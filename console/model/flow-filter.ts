/** Which connections somebody wants to see. */
import type { FlowView } from './view.ts';

export interface FlowFilter {
  /** Of the service. */
  readonly address?: string;
  /** Name or id of the client's site, of the server's, or of either. */
  readonly from?: string;
  readonly to?: string;
  readonly site?: string;
  readonly state?: FlowView['state'];
  readonly limit?: number;
}

export interface SiteNames {
  siteName(id: string): string;
}

/** Of flows that have changed: also those that were wanted while they were open, and have ended, so that who follows sees them end. */
export function changeMatcherOf(filter: FlowFilter, names: SiteNames): (flow: FlowView) => boolean {
  const { state, ...others } = filter;
  return matcherOf(state === 'open' ? others : filter, names);
}

export function matcherOf(filter: FlowFilter, names: SiteNames): (flow: FlowView) => boolean {
  const { address, from, to, site, state } = filter;
  const isAt = (id: string, wanted: string) => id === wanted || names.siteName(id) === wanted;
  return (flow) =>
    (address === undefined || flow.address === address) &&
    (state === undefined || flow.state === state) &&
    (from === undefined || isAt(flow.fromSite, from)) &&
    (to === undefined || isAt(flow.toSite, to)) &&
    (site === undefined || isAt(flow.fromSite, site) || isAt(flow.toSite, site));
}
