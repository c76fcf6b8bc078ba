/** `site-controller`: the controller of a cluster, with the flags of Skupper's. Nobody types it but who runs one outside of a pod. */
import { type Command, Option } from 'commander';
import type { GlobalFlags } from '../platform.ts';
import { examples, type Scope } from './define.ts';

/** Those that say how the controller is set up; `-namespace` is one of them and a flag of every command. */
export const CONTROLLER_FLAG_TEXTS: readonly (readonly [flag: string, does: string, env: string])[] = [
  ['watch-namespace', 'the one namespace to serve (default: all)', 'WATCH_NAMESPACE'],
  ['name', 'its name in the cluster (default: from the name of its pod)', 'CONTROLLER_NAME'],
  [
    'require-explicit-control',
    'serve only namespaces whose ConfigMap skupper names this controller',
    'REQUIRE_EXPLICIT_CONTROL',
  ],
  ['disable-security-context', 'leave the security context of router pods to the cluster', 'DISABLE_SECURITY_CONTEXT'],
  ['routers', 'who runs routers: deployment or external', 'SKUPRT_ROUTERS'],
  ['router-image', 'image of the router', 'SKUPPER_ROUTER_IMAGE'],
  ['router-image-pull-policy', 'when to pull', 'SKUPPER_ROUTER_IMAGE_PULL_POLICY'],
  ['kube-adaptor-image', "image of the router's adaptor", 'SKUPPER_KUBE_ADAPTOR_IMAGE'],
  ['kube-adaptor-image-pull-policy', 'when to pull', 'SKUPPER_KUBE_ADAPTOR_IMAGE_PULL_POLICY'],
  ['enabled-access-types', 'access types that sites may choose, comma separated', 'SKUPPER_ENABLED_ACCESS_TYPES'],
  ['default-access-type', 'the one that they get', 'SKUPPER_DEFAULT_ACCESS_TYPE'],
  ['cluster-host', 'host of nodeport access', 'SKUPPER_CLUSTER_HOST'],
  ['ingress-domain', 'domain of ingress access', 'SKUPPER_INGRESS_DOMAIN'],
  ['ingress-class-name', 'class of Ingresses', 'SKUPPER_INGRESS_CLASS_NAME'],
  ['http-proxy-domain', 'domain of contour-http-proxy access', 'SKUPPER_HTTP_PROXY_DOMAIN'],
  ['gateway-class', 'class of the Gateway', 'SKUPPER_GATEWAY_CLASS'],
  ['gateway-domain', 'domain of gateway access', 'SKUPPER_GATEWAY_DOMAIN'],
  ['gateway-port', 'port of the Gateway', 'SKUPPER_GATEWAY_PORT'],
  ['enable-grants', 'serve the redemption of tokens', 'SKUPPER_ENABLE_GRANTS'],
  ['grant-server-autoconfigure', 'make its certificate and its access too', 'SKUPPER_GRANT_SERVER_AUTOCONFIGURE'],
  ['grant-server-base-url', 'where it is reached (default: found out)', 'SKUPPER_GRANT_SERVER_BASE_URL'],
  ['grant-server-port', 'where it listens', 'SKUPPER_GRANT_SERVER_PORT'],
  ['grant-server-tls-credentials', 'Secret of its certificate', 'SKUPPER_GRANT_SERVER_TLS_CREDENTIALS'],
];

/** As typed, by the names above; true for one without a value. */
export type SiteControllerFlags = Readonly<Record<string, string | boolean | undefined>> & {
  readonly namespace?: string;
  readonly leaderElect?: boolean;
  readonly metricsPort?: string;
};

export function defineSiteController(program: Command, scope: Scope): void {
  const controller = program
    .command('site-controller')
    .description(
      'Run the controller of sites on Kubernetes in the foreground, until SIGTERM: what `install` makes pods of',
    )
    .option('--leader-elect', 'one of several replicas leads, the others stand by')
    .option('--metrics-port <port>', 'port of /metrics, /healthz and /readyz (default: 9000)');
  for (const [flag, does, env] of CONTROLLER_FLAG_TEXTS) {
    // Go's flags may be given without a value, which is true.
    controller.addOption(new Option(`--${flag} [value]`, `${does} (env ${env})`));
  }
  controller.action(async (_flags: object, self: Command) => {
    const context = scope.local(self);
    const { runSiteController } = await import('../commands/site-controller.ts');
    const given = self.opts<SiteControllerFlags>();
    await runSiteController(context, { ...given, namespace: self.optsWithGlobals<GlobalFlags>().namespace });
  });
  examples(
    controller,
    ['skuprt site-controller --leader-elect', 'in a pod'],
    ['skuprt site-controller -namespace skupper -kubeconfig f', 'outside of the cluster, as Skupper is started'],
  );
}
