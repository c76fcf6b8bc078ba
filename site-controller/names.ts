/** Names that the site-controller, the command line and other controllers share: labels, annotations, settings, credentials. */

/** On everything that a controller generated; such a resource lives in runtime/resources on the local platform. */
export const CONTROLLED_LABEL = 'internal.skupper.io/controlled';

/** On a generated Listener: the ids of the sites that advertise its address, comma separated. */
export const IMPORTED_FROM_ANNOTATION = 'skuprt.io/imported-from';

/** On a generated Listener: the port that its service asked for; `spec.port` is another where that one was taken. */
export const IMPORTED_PORT_ANNOTATION = 'skuprt.io/imported-port';

/** On a generated Link and its Secret: the AccessToken they came from. */
export const REDEEMED_FROM_ANNOTATION = 'skuprt.io/redeemed-from';

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
  /** Site: how many older revisions of a TLS profile keep their connections; all of them unless given. */
  priorRevisions: 'tls-prior-valid-revisions',
} as const;

/** Names of certificates: of the Secret on Kubernetes, of the directory in runtime/certs on the local platform. */
export const CREDENTIAL = {
  siteCa: 'skupper-site-ca',
  siteServer: 'skupper-site-server',
  localCa: 'skupper-local-ca',
  localServer: 'skupper-local-server',
  localClient: 'skupper-local-client',
  grantServer: 'skupper-grant-server',
} as const;

/** Names of objects on Kubernetes, which are Skupper's. */
export const NAME = {
  /** Deployment, ServiceAccount, Role, ConfigMap, RouterAccess of the site's router; `-2` is appended for the second of two. */
  router: 'skupper-router',
  /** ConfigMap: what each router of the site says, by pod. */
  routerStatus: 'skupper-router-status',
  /** ConfigMap, and with `-2`, `-3` appended further ones: the network as the site sees it. */
  networkStatus: 'skupper-network-status',
} as const;
