/** `dns serve`: hands over to the DNS server, for a cluster or for the local sites of this user. */
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { isInCluster } from '../../../lib/kube/config.ts';
import { type DnsOptions, runDnsServer } from '../../../service-controller/dns/main.ts';
import { watchFiles } from '../../../site-controller/platform/local/file-watch.ts';
import { dataHomeOf, namespacesDir, sitePaths } from '../../../site-controller/platform/local/paths.ts';
import { type Context, say } from '../../context.ts';
import type { DnsServeFlags, Endpoint } from '../../definitions/dns.ts';
import { UsageError } from '../../errors.ts';

const PORT = 5353;
const METRICS_PORT = 9000;
/** As CoreDNS does: until nobody's kube-proxy sends queries here any more. */
const LAME_DUCK_MS = 5000;

/** @throws UsageError, DnsListenError, MetricsServerListenError, KubeconfigError */
export async function serveDns(context: Context, flags: DnsServeFlags): Promise<void> {
  const { env, cluster, platform, verbose } = context;
  const isPod = platform === 'kubernetes' && isInCluster(env);
  const { zones, domain = [], shortNames = [] } = flags;
  const stray = shortNames.find((zone) => !zones.includes(zone));
  if (stray !== undefined)
    throw new UsageError(`--short-names has ${stray}, which --zones has not`, { next: 'Name it in both, or in none' });
  const double = domain.find((name) => zones.includes(name));
  if (double !== undefined)
    throw new UsageError(`--domain has ${double}, which is one of the zones`, { next: 'Name it in one of the two' });
  if (platform === 'local' && domain.length > 0) {
    throw new UsageError('--domain is for clusters: DNSEndpoints are objects of an API server', {
      next: 'Leave it out, or choose a cluster with --context',
    });
  }
  const options: DnsOptions = {
    listen: flags.listen ?? (isPod ? everywhere() : [{ host: '127.0.0.1', port: PORT }]),
    zones: zones.map((origin) => ({ origin, hasShortNames: shortNames.includes(origin) })),
    domains: domain,
    nameServerAddresses: [env.SKUPRT_DNS_SERVICE_HOST ?? ''].filter((address) => isIP(address) !== 0),
    lameDuckMs: isPod ? LAME_DUCK_MS : 0,
    metricsPort: flags.metricsPort ?? (isPod ? METRICS_PORT : undefined),
    logLevel: verbose ? 'debug' : 'info',
    source: platform === 'local' ? { local: localPlaces(env) } : { ...cluster },
    onListening: (addresses) => {
      const texts = addresses.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`));
      say(context, `Answering for ${[...zones, ...domain].join(' and ')} at ${texts.join(' and ')}`);
    },
  };
  await runDnsServer(options, context.signal);
}

/** Of the families that this pod has. */
function everywhere(): Endpoint[] {
  const families = new Set(
    Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ family }) => family)),
  );
  return [
    ...(families.has('IPv4') ? [{ host: '0.0.0.0', port: PORT }] : []),
    ...(families.has('IPv6') ? [{ host: '::', port: PORT }] : []),
  ];
}

/** Of the sites of this user. */
export function localPlaces(env: NodeJS.ProcessEnv) {
  const dataHome = dataHomeOf(env);
  return {
    namespacesDirectory: namespacesDir(dataHome),
    resourcesOf: (namespace: string) => sitePaths(dataHome, namespace).runtimeResources,
    watch: watchFiles,
  };
}
