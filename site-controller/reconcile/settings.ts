/** How a controller on Kubernetes was set up. Control-plane reference 4.1, 2.1. */

export const ACCESS_TYPES = [
  'local',
  'loadbalancer',
  'nodeport',
  'route',
  'ingress-nginx',
  'ingress',
  'contour-http-proxy',
  'gateway',
  /** The router's own port at `clusterHost`: routers that run as processes of a host. */
  'host',
] as const;
export type AccessType = (typeof ACCESS_TYPES)[number];

export interface ControllerSettings {
  /** `namespace/name`, unique in the cluster. */
  name: string;
  /** The namespace that the controller itself runs in. */
  namespace: string;
  /** Name of the pod that it runs in; '' outside of pods. */
  pod: string;
  /** The one namespace that it serves; undefined for all. */
  watchNamespace: string | undefined;
  requireExplicitControl: boolean;
  /** `deployment`: the controller runs routers as pods; `external`: somebody else runs them (`skuprt dev`). */
  routers: 'deployment' | 'external';
  routerImage: string;
  routerImagePullPolicy: string;
  adaptorImage: string;
  adaptorImagePullPolicy: string;
  disableSecurityContext: boolean;
  /** Members of ACCESS_TYPES. */
  enabledAccessTypes: readonly string[];
  /** `''`: route where there are routes, else loadbalancer, else the first enabled. */
  defaultAccessType: string;
  clusterHost: string;
  ingressDomain: string;
  ingressClassName: string;
  httpProxyDomain: string;
  gatewayClass: string;
  gatewayDomain: string;
  gatewayPort: number;
  enableGrants: boolean;
  grantServer: {
    autoconfigure: boolean;
    /** `https://host:port`; `''` when it is found out. */
    baseUrl: string;
    port: number;
    /** Name of the Secret of its certificate, in the controller's namespace. */
    tlsCredentials: string;
  };
}
