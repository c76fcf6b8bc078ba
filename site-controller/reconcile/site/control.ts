/** Which controller a namespace belongs to: ConfigMap `skupper` with `data.controller: [namespace/]name`. Control-plane reference 4.1. Pure. */
import { objectOf } from '../cluster.ts';
import type { Observed } from '../observed.ts';

const CONFIG_NAME = 'skupper';
const CONTROLLER_KEY = 'controller';

/** A controller of one namespace waits to be named there: a controller of the whole cluster may be at work too. */
export function controlsNamespace({ cluster, namespace }: Pick<Observed, 'cluster' | 'namespace'>): boolean {
  if (cluster === undefined) return true;
  const { name, requireExplicitControl, watchNamespace } = cluster.settings;
  const data = objectOf(cluster, 'ConfigMap', CONFIG_NAME)?.data as Record<string, string> | undefined;
  const chosen = data?.[CONTROLLER_KEY]?.trim();
  if (chosen === undefined) return !requireExplicitControl && watchNamespace === undefined;
  return (chosen.includes('/') ? chosen : `${namespace}/${chosen}`) === name;
}
