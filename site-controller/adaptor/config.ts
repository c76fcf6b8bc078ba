/**
 * `adaptor.json` in the ConfigMap of a router: what the adaptor needs to know beyond the router's configuration.
 *
 * Skupper's ConfigMaps have none. Everything defaults: the Secrets of profiles then follow from the names of the profiles
 * (control-plane reference 3.4). Unknown members are ignored, since the controller may be newer than a running pod.
 */

import { SkuprtError } from '../../lib/errors.ts';
import { checkOf, choice, type Static, Type } from '../../lib/shape.ts';
import { PART_COUNT_MAX } from '../reconcile/policy/workload-document.ts';

const Name = Type.String({ minLength: 1, maxLength: 253 });
const Ordinal = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

const ProfileSource = Type.Object({
  secret: Name,
  parts: choice(['all', 'ca']),
  digest: Type.String(),
  ordinal: Ordinal,
  oldestValidOrdinal: Ordinal,
});
const EndpointAddress = Type.Object({
  host: Type.String({ minLength: 1 }),
  port: Type.Integer({ minimum: 1, maximum: 65535 }),
});

const Document = Type.Object({
  tls: Type.Optional(Type.Record(ProfileSource)),
  endpoints: Type.Optional(Type.Record(Type.Array(EndpointAddress))),
  proxies: Type.Optional(Type.Record(Name)),
  ha: Type.Optional(Type.Boolean()),
  workloads: Type.Optional(Type.Integer({ minimum: 0, maximum: PART_COUNT_MAX })),
});
const DOCUMENT = checkOf(Document);

/** Which Secret a profile is made of, which parts of it, and which revision the files must have before its ordinal is applied. */
export type ProfileSource = Static<typeof ProfileSource>;
export type EndpointAddress = Static<typeof EndpointAddress>;

export interface AdaptorConfig {
  /** By sslProfile. */
  tls: Readonly<Record<string, ProfileSource>>;
  /** By connector: all endpoints of a Link, tried in turn when the present one does not answer. */
  endpoints: Readonly<Record<string, readonly EndpointAddress[]>>;
  /** By proxyProfile: its Secret (basic-auth: host, port, username, password). */
  proxies: Readonly<Record<string, string>>;
  /** Several routers serve the site: one of their adaptors speaks for it. */
  ha: boolean;
  /** How many ConfigMaps say which pod has which address; absent: the router is not told. */
  workloads?: number;
}

export class AdaptorConfigError extends SkuprtError {
  readonly code = 'SKUPRT_ADAPTOR_CONFIG';
  readonly fault = 'caller';
}

/** All defaults when there is no text. @throws AdaptorConfigError that names every fault */
export function parseAdaptorConfig(text: string | undefined): AdaptorConfig {
  const document = text === undefined ? {} : parseJson(text);
  if (!DOCUMENT.Check(document)) {
    const faults = DOCUMENT.Errors(document).map(({ instancePath, message }) => `${instancePath || '/'}: ${message}`);
    throw new AdaptorConfigError(`adaptor.json: ${faults.join('; ')}`);
  }
  const { tls = {}, endpoints = {}, proxies = {}, ha = false, workloads } = document;
  return { tls, endpoints, proxies, ha, ...(workloads !== undefined && { workloads }) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AdaptorConfigError('adaptor.json is not JSON', { cause });
  }
}
