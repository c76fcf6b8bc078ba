/**
 * What sites tell each other on the multicast address `mc/skuprt.site`, and the check of what others say.
 *
 * A message is JSON text in one AMQP message. Unknown members are dropped, not refused: a later version may add some.
 * Everything is bounded, because any site of the network can send here.
 */

import { SkuprtError } from '../../lib/errors.ts';
import { checkOf, choice, type Static, Type } from '../../lib/shape.ts';

export const EXCHANGE_ADDRESS = 'mc/skuprt.site';

export const LIMITS = {
  messageSizeBytesMax: 1024 * 1024,
  textLengthMax: 512,
  routerCountMax: 64,
  linkCountMax: 4096,
  serviceCountMax: 8192,
} as const;

const Text = Type.String({ maxLength: LIMITS.textLengthMax });
const Id = Type.String({ minLength: 1, maxLength: LIMITS.textLengthMax });
const Port = Type.Integer({ minimum: 1, maximum: 65535 });
const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

/**
 * `asksWorkloads`: its policies ask which workload a client is, so the others' routers should say it. `ca`: fingerprint of its own CA, by
 * which it proves to issuers of tokens that it is this site.
 */
const SiteIdentity = Type.Object({
  id: Id,
  name: Text,
  namespace: Text,
  platform: Text,
  version: Text,
  asksWorkloads: Type.Optional(Type.Boolean()),
  ca: Type.Optional(Text),
});

const LinkRecord = Type.Object({
  name: Text,
  role: Text,
  direction: choice(['outgoing', 'incoming']),
  cost: Count,
  operational: Type.Boolean(),
  remoteSiteId: Text,
  remoteSiteName: Text,
  remoteRouterId: Text,
  message: Text,
});

const RouterRecord = Type.Object({
  id: Id,
  links: Type.Array(LinkRecord, { maxItems: LIMITS.linkCountMax }),
  routerAccess: Type.Array(Type.Object({ name: Text, role: Text }), { maxItems: LIMITS.routerCountMax }),
});

const Endpoint = Type.Object({ name: Text, routingKey: Id, host: Text, port: Port });
/**
 * `service` names the one of which this is a port, when it has several: each port has an address of its own.
 * `podsByName`: each of its pods can be reached under its own name too.
 */
const Service = Type.Object({
  address: Id,
  protocol: Text,
  port: Port,
  service: Type.Optional(Text),
  podsByName: Type.Optional(Type.Boolean()),
});

const SiteContent = Type.Object({
  site: SiteIdentity,
  routers: Type.Array(RouterRecord, { maxItems: LIMITS.routerCountMax }),
  listeners: Type.Array(Endpoint, { maxItems: LIMITS.serviceCountMax }),
  connectors: Type.Array(Endpoint, { maxItems: LIMITS.serviceCountMax }),
  services: Type.Array(Service, { maxItems: LIMITS.serviceCountMax }),
});

const Version = Type.Literal(1);
const RecordMessage = Type.Object({
  v: Version,
  type: Type.Literal('record'),
  instance: Count,
  seq: Count,
  ...SiteContent.properties,
});
const DigestMessage = Type.Object({
  v: Version,
  type: Type.Literal('digest'),
  siteId: Id,
  instance: Count,
  seq: Count,
});
const RequestMessage = Type.Object({ v: Version, type: Type.Literal('request'), siteId: Id });
const LeaveMessage = Type.Object({ v: Version, type: Type.Literal('leave'), siteId: Id, instance: Count });

export type LinkRecord = Static<typeof LinkRecord>;
export type RouterRecord = Static<typeof RouterRecord>;
export type ServiceRecord = Static<typeof Service>;
export type EndpointRecord = Static<typeof Endpoint>;
/** What one site says about itself. */
export type SiteContent = Static<typeof SiteContent>;
export type ExchangeMessage =
  | Static<typeof RecordMessage>
  | Static<typeof DigestMessage>
  | Static<typeof RequestMessage>
  | Static<typeof LeaveMessage>;

const CHECKS = {
  record: checkOf(RecordMessage),
  digest: checkOf(DigestMessage),
  request: checkOf(RequestMessage),
  leave: checkOf(LeaveMessage),
};

/** A message of another site that does not have the agreed form. Counted and dropped. */
export class ExchangeMessageError extends SkuprtError {
  readonly code = 'SKUPRT_EXCHANGE_MESSAGE';
  readonly fault = 'peer';
}

export function encodeMessage(message: ExchangeMessage): string {
  return JSON.stringify(message);
}

/** Throws ExchangeMessageError. */
export function decodeMessage(text: string): ExchangeMessage {
  if (Buffer.byteLength(text) > LIMITS.messageSizeBytesMax) {
    throw new ExchangeMessageError(
      `message of ${Buffer.byteLength(text)} bytes, at most ${LIMITS.messageSizeBytesMax}`,
    );
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (cause) {
    throw new ExchangeMessageError('not JSON', { cause });
  }
  const type = isTyped(body) ? body.type : undefined;
  if (type !== 'record' && type !== 'digest' && type !== 'request' && type !== 'leave') {
    throw new ExchangeMessageError('of an unknown type');
  }
  const check = CHECKS[type];
  if (!check.Check(body)) {
    const [first] = check.Errors(body);
    throw new ExchangeMessageError(`${type} with a fault at ${first?.instancePath || '/'}: ${first?.message ?? ''}`);
  }
  return body;
}

function isTyped(body: unknown): body is { type: unknown } {
  return typeof body === 'object' && body !== null && 'type' in body;
}
