/** The network as one document, from what is observed. Pure. */
import type { Site } from '../../config/api/site.ts';
import { networkStatusOf } from '../exchange/network-status.ts';
import type { Observed } from './observed.ts';
import { ownContent } from './own-content.ts';

export function networkStatus(observed: Observed, site: Site): object {
  return networkStatusOf([ownContent(observed, site), ...observed.network.sites]);
}
