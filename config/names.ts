/** Names that the controllers and the command line share: labels, annotations, settings, credentials, objects, files. */

/** On everything that a controller generated; such a resource lives in runtime/resources on the local platform. */
export const CONTROLLED_LABEL = 'internal.skupper.io/controlled';

/** On a generated Listener: the ids of the sites that advertise its address, comma separated. */
export const IMPORTED_FROM_ANNOTATION = 'skuprt.io/imported-from';

/** On a generated Listener: the port that its service asked for; `spec.port` is another where that one was taken. */
export const IMPORTED_PORT_ANNOTATION = 'skuprt.io/imported-port';

/** On a generated Link and its Secret: the AccessToken they came from. */
export const REDEEMED_FROM_ANNOTATION = 'skuprt.io/redeemed-from';

/** Annotation of what a command or a controller wrote: the traceparent of that, while spans are exported. */
export const TRACE_ANNOTATION = 'skuprt.io/trace';

/** The same of who is about to delete it: its last word. */
export const DELETION_TRACE_ANNOTATION = 'skuprt.io/deletion-trace';

/** Keys of `spec.settings`. Skupper accepts any key there, so these resources stay valid for it. */
export const SETTING = {
  /** Connector: "true" makes its address known to the network as a service. */
  advertise: 'skuprt.io/advertise',
  /** Connector: the port of the service where that is not the port of the workload: what importing sites try to listen on. */
  servicePort: 'skuprt.io/service-port',
  /** Connector: the name of the service of which its address is one port, where the service has several. */
  serviceName: 'skuprt.io/service-name',
  /** Site: "false" stops the import of advertised services. */
  import: 'skuprt.io/import',
  /** Site: the host that imported services listen on; 127.0.0.1 unless given. */
  importHost: 'skuprt.io/import-host',
  /** Site: the host that link access and the redemption server bind to; every interface unless given. */
  bindHost: 'skuprt.io/bind-host',
  /** Site: the port of link access; the next free one from 55671 unless given. */
  linkPort: 'skuprt.io/link-port',
  /** Site: hosts, comma separated, that other sites reach this one by, best first; found out unless given. */
  linkHosts: 'skuprt.io/link-hosts',
  /** Site: the number of data connections of each link, as `router.dataConnectionCount`. */
  dataConnectionCount: 'router-data-connection-count',
  /** Site: ConfigMap with a fragment of a PodTemplateSpec that is laid over the router's pods; see pod-overlay.ts. */
  podTemplate: 'skuprt.io/pod-template',
  /** Site: what the router logs; see router-logging.ts. */
  routerLogging: 'router-logging',
  /** Site: which of its routers leave the network, by the names of their groups, comma separated; ALL_ROUTERS for all. */
  drain: 'skuprt.io/drain',
  /** Site: how many older revisions of a TLS profile keep their connections; all of them unless given. */
  priorRevisions: 'tls-prior-valid-revisions',
  /** Site: for how many seconds a connection waits for a way through the network; 0 to 600, 10 unless given. */
  flowPauseSeconds: 'skuprt.io/flow-pause-seconds',
  /** Site: what its routers may hold for connections: octets, or like `256Mi`; an eighth of their memory unless given. */
  flowMemory: 'skuprt.io/flow-memory',
  /** Site: where its routers send spans, as `http://collector:4318`; none unless given. */
  traceEndpoint: 'skuprt.io/trace-endpoint',
  /** Site: which share of the connections that begin at it are traced, from 0 to 1; 0 unless given. */
  traceRatio: 'skuprt.io/trace-ratio',
  /** Site: "true" lets the controller limit by NetworkPolicies at which ports its routers and its console are reached. */
  networkPolicy: 'skuprt.io/network-policy',
  /** Site: "true" tells its routers which pod has which address always, "false" never; else while a policy of some site asks. */
  workloadIdentity: 'skuprt.io/workload-identity',
  /** Site: "true" runs a console that shows the network, "read-write" one in which tokens can be made by who may; see console.ts. */
  console: 'skuprt.io/console',
  /** Link: the Secret of the proxy that it is dialled through. */
  proxy: 'proxy-configuration',
  /** Connector: `host:port` or `[v6]:port`, comma separated: what is dialled instead of its host or pods. Empty for nothing. */
  endpoints: 'skuprt.io/endpoints',
  /** Listener, MultiKeyListener: `NO_SERVICE` keeps a controller on Kubernetes from making a Service for it. */
  service: 'skuprt.io/service',
  /** MultiKeyListener: JSON list of objects, routing key to weight. The first with a reachable key is used. */
  tiers: 'skuprt.io/tiers',
  /** Listener, MultiKeyListener: `CLIENT_IP` leads connections of one client address to one workload. */
  sessionAffinity: 'skuprt.io/session-affinity',
  /** Connector, Listener, MultiKeyListener: connections at a time, for each server or port and router; 0 is no limit. See service-settings.ts. */
  maxConnections: 'skuprt.io/max-connections',
  /** Connector: `none`, `v1` or `v2`: how its server is told whose each connection is. Listeners: `none` or `required`. */
  proxyProtocol: 'skuprt.io/proxy-protocol',
  /** Connector: how many connections more wait for a place. */
  maxQueuedConnections: 'skuprt.io/max-queued-connections',
  /** Connector: how long a connection to its server may take. */
  connectTimeoutSeconds: 'skuprt.io/connect-timeout-seconds',
  /** Connector: `none`, `tcp`, `http` or `http:/PATH`: how its server is looked at all the time. */
  healthCheck: 'skuprt.io/health-check',
  healthCheckIntervalSeconds: 'skuprt.io/health-check-interval-seconds',
  healthCheckTimeoutSeconds: 'skuprt.io/health-check-timeout-seconds',
  /** Connector: results in a row after which its server counts as well, or as unwell. */
  healthyThreshold: 'skuprt.io/healthy-threshold',
  unhealthyThreshold: 'skuprt.io/unhealthy-threshold',
  /** Connector: its share of the connections that its site gets for its routing key, among connectors of that key; 100 unless given. */
  share: 'skuprt.io/share',
  /** AccessGrant: id of the only site that may redeem it, which then needs no proof that it is that site. */
  forSite: 'skuprt.io/for-site',
} as const;

/** Of `SETTING.drain`. */
export const ALL_ROUTERS = 'all';
/** Of `SETTING.service`. */
export const NO_SERVICE = 'none';
/** Of `SETTING.sessionAffinity`. */
export const CLIENT_IP = 'ClientIP';

/** Names of certificates: of the Secret on Kubernetes, of the directory in runtime/certs on the local platform. */
export const CREDENTIAL = {
  siteCa: 'skupper-site-ca',
  siteServer: 'skupper-site-server',
  localCa: 'skupper-local-ca',
  localServer: 'skupper-local-server',
  localClient: 'skupper-local-client',
  grantServer: 'skupper-grant-server',
  console: 'skuprt-console',
} as const;

/** Names of objects on Kubernetes, which are Skupper's. */
export const NAME = {
  /** Deployment, ServiceAccount, Role, ConfigMap, RouterAccess of the site's router; `-2` is appended for the second of two. */
  router: 'skupper-router',
  /** ConfigMap: what each router of the site says, by pod. */
  routerStatus: 'skupper-router-status',
  /** Service by which pods of the namespace, and controllers, reach the AMQP port of the site's routers. */
  localService: 'skupper-router-local',
  /** Deployment, Service, ServiceAccount, Role of the console of a site. */
  console: 'skuprt-console',
  /** Lease: which of the adaptors of a site speaks for it. */
  siteLeader: 'skupper-site-leader',
  /** ConfigMap, and with `-2`, `-3` appended further ones: the network as the site sees it. */
  networkStatus: 'skupper-network-status',
  /** ConfigMap, and with `-2`, `-3` appended further ones: which pod has which address, for the routers of the site. */
  workloads: 'skuprt-workloads',
} as const;

/** Labels of the pods of every router of a site. */
export const ROUTER_SELECTOR = { application: NAME.router, 'skupper.io/component': 'router' } as const;

/** On the ConfigMap of a group of routers. */
export const ROUTER_CONFIG_LABEL = 'internal.skupper.io/router-config';

/** On the Service of listeners: the name of one of them, as Skupper writes it. */
export const LISTENER_LABEL = 'internal.skupper.io/listener';

/** Keys of the ConfigMap of a group of routers. */
export const CONFIG_KEY = {
  /** The router's configuration: see router-config.ts. */
  router: 'skrouterd.json',
  adaptor: 'adaptor.json',
  /** What the site tells the others. */
  site: 'site.json',
} as const;

/** Where routers in pods find what their adaptors write. Also in texts for routers elsewhere, whose adaptor knows better. */
export const ROUTER_FILES = {
  /** Directory of a directory for each sslProfile. */
  certs: '/etc/skupper-router-certs',
  /** Directory of a directory for each proxyProfile. */
  proxies: '/etc/skupper-router-proxies',
} as const;
