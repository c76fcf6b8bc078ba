/** What the CRDs say beyond the schemas: names, columns, what each kind and condition means, and what an API server refuses. */
import type { ConditionType } from '../api/conditions.ts';
import type { Kind } from '../api/index.ts';
import { OBSERVERS } from '../api/listener.ts';
import { ROUTING_KEYS_MAX } from '../api/multi-key-listener.ts';
import type { Overlay } from './loosen.ts';

/** Kinds of skuprt's own group. */
export type PolicyKind = 'ClusterAccessPolicy' | 'AccessPolicy';
/** Skupper's kinds. */
export type CustomKind = Exclude<Kind, 'Secret' | PolicyKind>;

export interface Column {
  name: string;
  type: 'string' | 'integer' | 'boolean';
  jsonPath: string;
  description: string;
}

export interface CrdFacts {
  description: string;
  shortNames?: readonly string[];
  columns: readonly Column[];
  conditions: Partial<Record<ConditionType, string>>;
  /** Kinds without a required member in the spec may come without one; Skupper asks for it in one kind only. */
  requiresSpec?: boolean;
  overlay?: Overlay;
}

const column = (name: string, type: Column['type'], jsonPath: string, description: string): Column => ({
  name,
  type,
  jsonPath,
  description,
});
const STATUS = column('Status', 'string', '.status.status', 'Ready, Pending or Error');
const MESSAGE = column('Message', 'string', '.status.message', 'OK, or what is missing');
const ROUTING_KEY = column(
  'Routing Key',
  'string',
  '.spec.routingKey',
  'The address that listeners and connectors share',
);
const HAS_LISTENER = column(
  'Has Matching Listener',
  'boolean',
  '.status.hasMatchingListener',
  'Whether a listener has the same routing key',
);

const EXACTLY_ONE_STRATEGY = {
  rule: 'has(self.priority) != has(self.weighted)',
  message: 'exactly one of the fields in [priority weighted] must be set',
};
const SAME_STRATEGY = {
  rule: 'has(oldSelf.priority) == has(self.priority) && has(oldSelf.weighted) == has(self.weighted)',
  message: 'the kind of strategy cannot be changed: make another MultiKeyListener',
};
/** Skupper's own samples of these kinds lack what its CRDs require. The condition Configured says what is missing. */
const NOTHING_REQUIRED: Overlay = { spec: { required: undefined } };
const SELECTED_PODS: Overlay = { 'status.selectedPods[]': { required: undefined } };

export const CRD_FACTS: Readonly<Record<CustomKind, CrdFacts>> = {
  Site: {
    description: 'A place of the network: the routers of a namespace. One Site of a namespace is active, the oldest.',
    shortNames: ['st'],
    columns: [
      STATUS,
      column('Sites In Network', 'integer', '.status.sitesInNetwork', 'How many sites the network has'),
      MESSAGE,
    ],
    conditions: {
      Configured: 'everything that the site needs has been made',
      Running: 'a router runs',
      Resolved: 'the addresses at which other sites reach this one are known',
    },
  },
  Link: {
    description: 'A link from this site to another one. Mostly made from an AccessToken rather than by hand.',
    shortNames: ['ln'],
    columns: [
      STATUS,
      column('Remote Site', 'string', '.status.remoteSiteName', 'The name of the site at the other end'),
      MESSAGE,
    ],
    conditions: { Configured: 'the router knows the link', Operational: 'the link is up' },
    overlay: { 'spec.endpoints[]': { required: undefined } },
  },
  Listener: {
    description: 'A service of the network, offered to the clients of this site under a host name and port.',
    shortNames: ['lnr'],
    columns: [
      ROUTING_KEY,
      column('Port', 'integer', '.spec.port', 'The port that clients use'),
      column('Host', 'string', '.spec.host', 'The host name that clients use'),
      STATUS,
      column(
        'Has Matching Connector',
        'boolean',
        '.status.hasMatchingConnector',
        'Whether a connector has the same routing key',
      ),
      MESSAGE,
    ],
    conditions: { Configured: 'the router listens', Matched: 'a connector of the network has the routing key' },
    overlay: { 'spec.observer': { enum: OBSERVERS } },
  },
  Connector: {
    description: 'Workloads of this site, by label selector or host, offered to the listeners of the network.',
    shortNames: ['cnr'],
    columns: [
      ROUTING_KEY,
      column('Port', 'integer', '.spec.port', 'The port of the workload'),
      column('Host', 'string', '.spec.host', 'The host of the workload'),
      column('Selector', 'string', '.spec.selector', 'The labels of the pods'),
      STATUS,
      HAS_LISTENER,
      MESSAGE,
    ],
    conditions: {
      Configured: 'the router knows the workload',
      Matched: 'a listener of the network has the routing key',
    },
    overlay: { spec: { oneOf: [{ required: ['selector'] }, { required: ['host'] }] }, ...SELECTED_PODS },
  },
  MultiKeyListener: {
    description: 'A host name and port that lead to several routing keys, by priority or by weight.',
    columns: [
      STATUS,
      MESSAGE,
      column('HasDestination', 'boolean', '.status.hasDestination', 'Whether one of the routing keys is reachable'),
    ],
    conditions: { Configured: 'the router listens', Operational: 'one of the routing keys is reachable' },
    requiresSpec: true,
    overlay: {
      'spec.observer': { enum: OBSERVERS },
      'spec.strategy': { 'x-kubernetes-validations': [EXACTLY_ONE_STRATEGY, SAME_STRATEGY] },
      'spec.strategy.priority.routingKeys': {
        minItems: 1,
        maxItems: ROUTING_KEYS_MAX,
        'x-kubernetes-list-type': 'set',
      },
      'spec.strategy.weighted.routingKeys': {
        minProperties: 1,
        maxProperties: ROUTING_KEYS_MAX,
        'x-kubernetes-map-type': 'granular',
      },
      'status.strategy.weighted.routingKeysReachable': { 'x-kubernetes-map-type': 'granular' },
    },
  },
  AttachedConnector: {
    description:
      'Pods of this namespace, offered through the site of another one that agrees by an AttachedConnectorBinding.',
    shortNames: ['acnr'],
    columns: [
      column('Port', 'integer', '.spec.port', 'The port of the workload'),
      column('Selector', 'string', '.spec.selector', 'The labels of the pods'),
      column('Site Namespace', 'string', '.spec.siteNamespace', 'The namespace of the site'),
      STATUS,
    ],
    conditions: { Configured: 'the site agrees and its router knows the workload' },
    overlay: SELECTED_PODS,
  },
  AttachedConnectorBinding: {
    description: "The site's consent to the AttachedConnector of the same name in another namespace.",
    shortNames: ['acnrb'],
    columns: [
      ROUTING_KEY,
      column('Connector Namespace', 'string', '.spec.connectorNamespace', 'The namespace of the AttachedConnector'),
      STATUS,
      HAS_LISTENER,
    ],
    conditions: {
      Configured: 'the router knows the workload of the AttachedConnector',
      Matched: 'a listener of the network has the routing key',
    },
  },
  AccessGrant: {
    description:
      'The offer of this site to be linked to, for so many redemptions until some time. Its status makes tokens.',
    shortNames: ['grant', 'gr'],
    columns: [
      column('Redemptions Allowed', 'integer', '.spec.redemptionsAllowed', 'How many sites may redeem it'),
      column('Redemptions Made', 'integer', '.status.redemptions', 'How many times it was redeemed'),
      column('Expiration', 'string', '.status.expirationTime', 'Until when it can be redeemed'),
      STATUS,
      MESSAGE,
    ],
    conditions: { Processed: 'it can be redeemed', Resolved: 'the address of the redemption server is known' },
  },
  AccessToken: {
    description: 'A claim on the AccessGrant of another site, redeemed once for a Link and its Secret.',
    shortNames: ['token', 'to'],
    columns: [
      column('URL', 'string', '.spec.url', 'Where it is redeemed'),
      column('Redeemed', 'boolean', '.status.redeemed', 'Whether it became a Link'),
      STATUS,
      MESSAGE,
    ],
    conditions: { Redeemed: 'it became a Link' },
  },
  RouterAccess: {
    description:
      'Ports on which the routers of this site accept links. Made from linkAccess of the Site when that is set.',
    columns: [STATUS, MESSAGE],
    conditions: { Configured: 'the routers listen', Resolved: 'the addresses of the ports are known' },
    overlay: NOTHING_REQUIRED,
  },
  SecuredAccess: {
    description: 'TLS ports of pods made reachable from outside. Made by the controller.',
    columns: [STATUS, MESSAGE],
    conditions: {
      Configured: 'everything that it needs has been made',
      Resolved: 'the addresses of the ports are known',
    },
    overlay: NOTHING_REQUIRED,
  },
  Certificate: {
    description: 'A key pair and certificate that the controller keeps in the Secret of the same name.',
    columns: [
      column('CA', 'string', '.spec.ca', 'The Secret of the CA that signs'),
      column('Server', 'boolean', '.spec.server', 'Whether a TLS server may use it'),
      column('Client', 'boolean', '.spec.client', 'Whether a TLS client may use it'),
      column('Signing', 'boolean', '.spec.signing', 'Whether it is a CA'),
      STATUS,
      column('Expiration', 'string', '.status.expiration', 'Until when it is valid'),
      MESSAGE,
    ],
    conditions: {},
    overlay: NOTHING_REQUIRED,
  },
};
