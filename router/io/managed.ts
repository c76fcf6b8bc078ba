/** The running router as the management agent sees it: shown by `show.ts`, changed through `Entities`. */
import type { ManagedRouter } from '../management/managed-router.ts';
import { type Entity, isConfigType } from '../management/schema.ts';
import { EntityError } from './entity-error.ts';
import { explainer } from './explain.ts';
import { type Shown, show } from './show.ts';

export function managedRouter(shown: Shown): ManagedRouter {
  const { router, entities, now, logBook, driver, log } = shown;
  const told = (message: string, type: string, name: string) => log?.info({ type, name }, message);
  const abortFlow = (identity: string) => router.bridge.flows.get(Number(identity.split('/').pop()))?.reset();
  return {
    read: (type, protocol) => show(type, shown, protocol),
    recentLog: (limit) => logBook?.recent(limit) ?? [],
    explain: explainer(router, now),
    setWorkloads: (change) => {
      const problem = router.workloads.change(change);
      if (problem !== undefined) throw new EntityError(`workloads are not taken: ${problem}`);
      return { revision: router.workloads.toldRevision, count: router.workloads.count };
    },
    routerIds: () => router.mesh.routers().map(({ id }) => id),
    create: (type, entity) => {
      entities.change({ op: 'create', type, name: entity.name, entity });
      told('created by management', type, entity.name);
    },
    update: (type, name, entity) => {
      if (isConfigType(type)) entities.change({ op: 'update', type, name, entity: entity as Entity });
      else if (type === 'connection' && 'adminStatus' in entity && entity.adminStatus === 'deleted') {
        if (name.startsWith('tcp/')) abortFlow(name);
        else router.close(Number(name), 'amqp:connection:forced', 'closed by management', now());
      } else if (type === 'connection' && 'enableProtocolTrace' in entity) {
        driver?.protocolTrace?.setOne(Number(name), entity.enableProtocolTrace === true);
      }
      told('changed by management', type, name);
    },
    delete: (type, name) => {
      if (isConfigType(type)) entities.change({ op: 'delete', type, name });
      else if (type === 'tcpConnection') abortFlow(name);
      else throw new EntityError(`${type} ${name} cannot be deleted`);
      told('deleted by management', type, name);
    },
  };
}
