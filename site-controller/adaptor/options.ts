/** How an adaptor was started. */
import { NAME, ROUTER_FILES } from '../../config/names.ts';
import type { LogLevel } from '../../lib/log.ts';
import type { Place } from './wanted.ts';

export interface AdaptorOptions extends Place {
  namespace: string;
  /** Name of the ConfigMap of its router. */
  configMap: string;
  /** The configuration file that `--init` writes. */
  routerConfig: string;
  /** Outside a cluster; the pod's own service account when absent. */
  kubeconfig: string | undefined;
  context: string | undefined;
  healthPort: number;
  metricsPort: number;
  logLevel: LogLevel;
}

export const ADAPTOR_DEFAULTS = {
  configMap: NAME.router,
  certs: ROUTER_FILES.certs,
  proxies: ROUTER_FILES.proxies,
  routerConfig: '/etc/skupper-router/config/skrouterd.json',
  healthPort: 9191,
  metricsPort: 9000,
} as const;
