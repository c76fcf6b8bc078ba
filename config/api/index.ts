/** The table of kinds: what schemas, stores, parsers and CRDs are keyed by. */
import type Type from 'typebox';
import { AccessGrant } from './access-grant.ts';
import { AccessPolicy, ClusterAccessPolicy, POLICY_API_VERSION } from './access-policy.ts';
import { AccessToken } from './access-token.ts';
import { AttachedConnector } from './attached-connector.ts';
import { AttachedConnectorBinding } from './attached-connector-binding.ts';
import { Certificate } from './certificate.ts';
import { Connector } from './connector.ts';
import { Link } from './link.ts';
import { Listener } from './listener.ts';
import { MultiKeyListener } from './multi-key-listener.ts';
import { RouterAccess } from './router-access.ts';
import { SKUPPER_API_VERSION } from './schema.ts';
import { Secret } from './secret.ts';
import { SecuredAccess } from './secured-access.ts';
import { Site } from './site.ts';

export const KINDS = {
  Site: { apiVersion: SKUPPER_API_VERSION, plural: 'sites', schema: Site },
  Link: { apiVersion: SKUPPER_API_VERSION, plural: 'links', schema: Link },
  Listener: { apiVersion: SKUPPER_API_VERSION, plural: 'listeners', schema: Listener },
  Connector: { apiVersion: SKUPPER_API_VERSION, plural: 'connectors', schema: Connector },
  MultiKeyListener: { apiVersion: SKUPPER_API_VERSION, plural: 'multikeylisteners', schema: MultiKeyListener },
  AttachedConnector: { apiVersion: SKUPPER_API_VERSION, plural: 'attachedconnectors', schema: AttachedConnector },
  AttachedConnectorBinding: {
    apiVersion: SKUPPER_API_VERSION,
    plural: 'attachedconnectorbindings',
    schema: AttachedConnectorBinding,
  },
  AccessGrant: { apiVersion: SKUPPER_API_VERSION, plural: 'accessgrants', schema: AccessGrant },
  AccessToken: { apiVersion: SKUPPER_API_VERSION, plural: 'accesstokens', schema: AccessToken },
  RouterAccess: { apiVersion: SKUPPER_API_VERSION, plural: 'routeraccesses', schema: RouterAccess },
  SecuredAccess: { apiVersion: SKUPPER_API_VERSION, plural: 'securedaccesses', schema: SecuredAccess },
  Certificate: { apiVersion: SKUPPER_API_VERSION, plural: 'certificates', schema: Certificate },
  ClusterAccessPolicy: { apiVersion: POLICY_API_VERSION, plural: 'clusteraccesspolicies', schema: ClusterAccessPolicy },
  AccessPolicy: { apiVersion: POLICY_API_VERSION, plural: 'accesspolicies', schema: AccessPolicy },
  Secret: { apiVersion: 'v1', plural: 'secrets', schema: Secret },
} as const;

export type Kind = keyof typeof KINDS;
export type ResourceOf<K extends Kind> = Type.Static<(typeof KINDS)[K]['schema']>;
/** Any resource; narrowed by its `kind`. */
export type Resource = { [K in Kind]: ResourceOf<K> }[Kind];

/** Of the cluster, in no namespace. */
export function isClusterScoped(kind: Kind): boolean {
  return kind === 'ClusterAccessPolicy';
}

export function isKind(name: unknown): name is Kind {
  return typeof name === 'string' && Object.hasOwn(KINDS, name);
}
