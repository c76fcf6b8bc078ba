/** Other routers that there is a way to: who sends to an address that one of them has (`_topo/0/<id>/...`) may do so while there is. */
import type { Mesh } from '../mesh/mesh.ts';
import type { AddressTable } from './address-table.ts';

export class ReachedRouters {
  private readonly routerId: string;
  private readonly addresses: AddressTable;
  private known: ReadonlySet<string> = new Set();

  constructor(routerId: string, addresses: AddressTable) {
    this.routerId = routerId;
    this.addresses = addresses;
  }

  update(mesh: Mesh): void {
    const ids = new Set<string>();
    for (const { id, nextHop, siteLink } of mesh.routers()) {
      if (id !== this.routerId && (nextHop !== undefined || siteLink !== undefined)) ids.add(id);
    }
    for (const id of this.known) if (!ids.has(id)) this.addresses.setRemote(`R${id}`, id, false);
    for (const id of ids) if (!this.known.has(id)) this.addresses.setRemote(`R${id}`, id, true);
    this.known = ids;
  }
}
