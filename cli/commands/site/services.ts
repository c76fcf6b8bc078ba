/** Services of the cluster set in the process of a local site: hands over what the site lends. */
import { readFile } from 'node:fs/promises';
import { SETTING } from '../../../config/names.ts';
import { LocalServices, type LocalSite } from '../../../service-controller/platform/local/local-services.ts';
import type { Companion, SiteLoan } from '../../../site-controller/platform/local/companion.ts';

/** Of Linux, unless it says otherwise. */
const FIRST_PORT_DEFAULT = 1024;

export const localServices: Companion = async (loan, signal) => {
  const { paths, store, resources, version, routerState, endpoint, onChange, clock, log, tracer } = loan;
  const services = new LocalServices({
    namespace: paths.namespace,
    site: () => siteOf(loan),
    resources,
    exports: () => store.exports(),
    routerState,
    endpoint,
    onChange,
    paths: { resources: paths.runtimeResources, address: paths.servicesAddress, cluster: paths.servicesCluster },
    firstPort: await firstPort(),
    version,
    clock,
    log,
    tracer,
  });
  await services.run(signal);
};

/** The one whose resources are acted on. */
async function siteOf({ store }: SiteLoan): Promise<LocalSite | undefined> {
  const sites = await store.list('Site');
  const site = sites.find(
    ({ status }) => status?.conditions?.some(({ type, status: is }) => type === 'Configured' && is === 'True') === true,
  );
  const { name, uid } = site?.metadata ?? {};
  if (name === undefined || uid === undefined) return undefined;
  return { name, id: uid, imports: site?.spec.settings?.[SETTING.import] !== 'false' };
}

/** The first port that this user may listen on. */
async function firstPort(): Promise<number> {
  if (process.getuid?.() === 0) return 0;
  const text = await readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').catch(() => '');
  const port = Number.parseInt(text, 10);
  return Number.isNaN(port) ? FIRST_PORT_DEFAULT : port;
}
