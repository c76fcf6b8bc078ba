/** `console`: a collector that listens to a router of the site, and the server that shows what it hears. Stays until Ctrl-C. */
import { userInfo } from 'node:os';
import { Collector } from '../../../console/collector/collector.ts';
import { PAGE_FOLDER, readPageFiles } from '../../../console/server/page-files.ts';
import { ConsoleServer } from '../../../console/server/server.ts';
import { isLoopback, withPort } from '../../../lib/address.ts';
import { systemClock } from '../../../lib/clock.ts';
import { createLogger } from '../../../lib/log.ts';
import { MetricsServer } from '../../../lib/metrics-server.ts';
import { consoleAddressFile, dataHomeOf } from '../../../site-controller/platform/local/paths.ts';
import { AddressFile } from '../../console/address-file.ts';
import { ConsoleTokenAccess } from '../../console/console-token.ts';
import { issuerOf } from '../../console/issue.ts';
import { KubernetesAccess } from '../../console/kubernetes-access.ts';
import { ResourcePlace } from '../../console/resource-place.ts';
import { routerWithFiles } from '../../console/router-endpoint.ts';
import { keepTls, readTls } from '../../console/tls-files.ts';
import { clusterPlaces, UserPlaces } from '../../console/user-places.ts';
import { type Context, print, say } from '../../context.ts';
import type { ConsoleFlags } from '../../definitions/console.ts';
import { UsageError } from '../../errors.ts';
import { openPlace } from '../../places/choose.ts';
import { openRouter, type RouterWay } from '../../places/router.ts';
import { requireSite } from '../../resources.ts';
import { openBrowser } from './browser.ts';

export async function runConsole(context: Context, flags: ConsoleFlags): Promise<void> {
  const isLoopbackOnly = isLoopback(flags.host);
  checkFlags(context, flags, isLoopbackOnly);
  const place = await openPlace(context);
  await requireSite(context, place);
  const log = createLogger({ name: 'console', level: context.verbose ? 'debug' : 'warn' });
  const isForMany = flags.signIn === 'kubernetes';
  const { namespace } = context;
  const clock = systemClock;
  const issue = issuerOf(context, place);
  const own = new ResourcePlace({ place, namespace, clock, issue, mayReadTokens: !isForMany });
  const users = new UserPlaces(clusterPlaces(context));
  const access = isForMany ? kubernetesAccess(context) : new ConsoleTokenAccess(userInfo().username);
  const way = await routerOf(context, flags);
  const collector = new Collector({ connect: () => way.endpoint(), clock, log, platform: own });
  const address = new AddressFile(consoleAddressFile(dataHomeOf(context.env), context.platform, namespace));
  const page = await readPageFiles(PAGE_FOLDER);
  const tls = flags.tlsCredentials === undefined ? undefined : await readTls(flags.tlsCredentials);
  const placeOf = isForMany ? users.of : async () => own;
  const server = new ConsoleServer(
    { model: collector, placeOf, onLeft: users.forget, access, page, clock, log },
    { isReadOnly: flags.readOnly, isLoopbackOnly, tls },
  );
  const metrics = new MetricsServer({ metrics: (format) => server.metrics.render(format) });
  try {
    if (flags.metricsPort !== undefined) await metrics.start({ port: flags.metricsPort });
    const port = await server.start({ host: flags.host, port: flags.port });
    if (tls !== undefined) keepTls(flags.tlsCredentials!, tls, { server, log, signal: context.signal });
    await tell(context, flags, { access, port, file: address });
    await collector.start(context.signal);
  } finally {
    await server.stop();
    await metrics.stop();
    users.close();
    way.close();
    await address.remove();
  }
}

/** @throws UsageError */
function checkFlags(context: Context, flags: ConsoleFlags, isLoopbackOnly: boolean): void {
  if (flags.signIn === 'kubernetes' && context.platform === 'local') {
    throw new UsageError('A local site knows no users of a cluster', { next: 'Leave --sign-in out' });
  }
  if (!isLoopbackOnly && flags.tlsCredentials === undefined) {
    throw new UsageError(`Tokens of those who sign in would cross the network in the clear from ${flags.host}`, {
      next: 'Give --tls-credentials, or listen on 127.0.0.1 behind a proxy that has TLS',
    });
  }
  if ((flags.routerHost === undefined) !== (flags.routerCredentials === undefined)) {
    throw new UsageError('--router-host and --router-credentials belong together', { next: 'Give both, or neither' });
  }
}

function kubernetesAccess({ cluster, env, namespace }: Context): KubernetesAccess {
  return new KubernetesAccess({ kubeconfig: cluster.kubeconfig, context: cluster.context, env }, namespace);
}

/** As it is named, or found. */
async function routerOf(context: Context, flags: ConsoleFlags): Promise<RouterWay> {
  const { routerHost: host, routerPort: port, routerCredentials: directory } = flags;
  if (host === undefined || directory === undefined) return await openRouter(context);
  return { endpoint: () => routerWithFiles({ host, port, directory }), close: () => {} };
}

/** The token reaches who started it, and nobody else: a terminal, or a file of this user. */
async function tell(
  context: Context,
  flags: ConsoleFlags,
  { access, port, file }: { access: ConsoleTokenAccess | KubernetesAccess; port: number; file: AddressFile },
): Promise<void> {
  const url = `${flags.tlsCredentials === undefined ? 'http' : 'https'}://${withPort(flags.host, port)}/`;
  if (access.kind === 'kubernetes') {
    print(context, url);
    const command = `kubectl create token NAME -n ${context.namespace}`;
    say(context, `Sign in with a token of the cluster, such as that of a service account: ${command}`);
    return;
  }
  const full = `${url}#token=${access.token}`;
  await file.write(full);
  // Output that is kept somewhere is no place for a secret.
  const isTerminal = (context.stdout as { isTTY?: boolean }).isTTY === true;
  print(context, isTerminal ? full : url);
  if (!isTerminal) say(context, `The address with the token to sign in is in ${file.path}`);
  if (flags.open) await openBrowser(context, full);
}
