/**
 * Whether a message that has come for this router's management may change something. Everybody in the network can ask what there is, as
 * with skupper-router. A router that is of a site is changed from there only: by its own clients, and by those of a router of
 * the same site, where the certificate of the connection to that router says so. A message says itself where it began, and routers in
 * between pass that on: so it counts only where it began at the other end of that connection.
 */
import type { Router } from './router.ts';
import type { Transit } from './transit.ts';

export function mayManage(router: Router, transit: Transit): boolean {
  if (transit.from === 0) return true;
  const peer = router.peers.get(transit.from);
  if (peer === undefined) return false;
  const { siteId } = router.site;
  if (siteId === undefined || peer.role === 'normal') return true;
  return peer.options.site === siteId && router.ingressOf(transit) === `0/${peer.containerId}`;
}
