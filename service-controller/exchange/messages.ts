/**
 * What service-controllers send each other: JSON text in one AMQP message each, and the check of what others send. Pure.
 *
 * Each message tells who speaks: the cluster, the site that carries it, and the process, by its instance (orders restarts) and box
 * (the number of its inbox, which stays when the instance grows). The address of an inbox is made from those, never taken from
 * a message, so that nobody can have answers sent elsewhere.
 *
 * `update` carries changes that lead from any state at or after `from` to the state `to`; from -1 they are the whole set. `hash`
 * is that of the whole set at `to`, so a receiver knows that it has it. Large changes are gzip in base64, cut into parts.
 * `traces` says what led to a change, to who exports spans (`traces.ts`).
 * Unknown members are dropped: a later version may add some. They count in the hash, which is over what was sent.
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import { SkuprtError } from '../../lib/errors.ts';
import { checkOf, type Static, Type } from '../../lib/shape.ts';
import { LIMITS } from './limits.ts';
import { Count, Id, Label } from './record.ts';

export const SERVICES_ADDRESS = 'mc/skuprt.services';

export function inboxOf(cluster: string, box: number): string {
  return `skuprt.services/${cluster}/${box}`;
}

const Hash = Type.String({ minLength: 32, maxLength: 32 });
const PartCount = Type.Integer({ minimum: 1, maximum: LIMITS.partCountMax });

const Head = { v: Type.Literal(1), set: Label, cluster: Label, site: Id, instance: Count, box: Count };
const Digest = Type.Object({ ...Head, type: Type.Literal('digest'), seq: Count, count: Count, hash: Hash });
const Update = Type.Object({
  ...Head,
  type: Type.Literal('update'),
  from: Type.Integer({ minimum: -1, maximum: LIMITS.countMax }),
  to: Count,
  hash: Hash,
  part: Type.Integer({ minimum: 0, maximum: LIMITS.partCountMax - 1 }),
  parts: PartCount,
  packed: Type.Optional(Type.String({ minLength: 1, maxLength: LIMITS.partLengthMax })),
});
const Leave = Type.Object({ ...Head, type: Type.Literal('leave') });
/** "I have begun to listen": of those in `known` only whether they are alive is of interest. */
const Hello = Type.Object({
  ...Head,
  type: Type.Literal('hello'),
  known: Type.Array(Label, { maxItems: LIMITS.clusterCountMax }),
});
/** For what cluster `about` said since `seq` of that process; -1 for everything. */
const Request = Type.Object({
  ...Head,
  type: Type.Literal('request'),
  about: Label,
  aboutInstance: Count,
  aboutBox: Count,
  seq: Type.Integer({ minimum: -1, maximum: LIMITS.countMax }),
});

const Changes = Type.Object({
  info: Type.Optional(Type.Object({})),
  services: Type.Array(Type.Object({ namespace: Type.String(), name: Type.String() })),
  ingresses: Type.Array(Type.Object({ namespace: Type.String(), name: Type.String() })),
  removed: Type.Array(Type.String()),
});

/** Who speaks. */
export interface Head {
  v: 1;
  /** Id of the cluster set. */
  set: string;
  cluster: string;
  site: string;
  instance: number;
  box: number;
}
export type DigestMessage = Static<typeof Digest>;
export type UpdateMessage = Static<typeof Update> & { changes?: unknown };
export type RequestMessage = Static<typeof Request>;
export type HelloMessage = Static<typeof Hello>;
export type ServicesMessage = DigestMessage | UpdateMessage | RequestMessage | HelloMessage | Static<typeof Leave>;

const CHECKS = {
  digest: checkOf(Digest),
  update: checkOf(Update),
  leave: checkOf(Leave),
  hello: checkOf(Hello),
  request: checkOf(Request),
};
const CHANGES = checkOf(Changes);

/** A message of another cluster that does not have the agreed form. Counted and dropped. */
export class ServicesMessageError extends SkuprtError {
  readonly code = 'SKUPRT_SERVICES_MESSAGE';
  readonly fault = 'peer';
}

/** Key of a set's entry: `c`, `s/<namespace>/<name>` or `i/<namespace>/<name>`. */
export const INFO_KEY = 'c';

/** Entries as JSON texts, by key; and the keys that are gone. */
export interface Changes {
  changed: Map<string, { text: string; raw: unknown }>;
  removed: string[];
}

/** Throws ServicesMessageError. */
export function decodeMessage(text: string): ServicesMessage {
  const bytes = Buffer.byteLength(text);
  if (bytes > LIMITS.messageBytesMax) {
    throw new ServicesMessageError(`message of ${bytes} bytes, at most ${LIMITS.messageBytesMax}`);
  }
  const body = parse(text);
  const type = typeof body === 'object' && body !== null && 'type' in body ? body.type : undefined;
  if (typeof type !== 'string' || !Object.hasOwn(CHECKS, type)) throw new ServicesMessageError('of an unknown type');
  const check = CHECKS[type as keyof typeof CHECKS];
  if (!check.Check(body)) {
    const [first] = check.Errors(body);
    throw new ServicesMessageError(`${type} with a fault at ${first?.instancePath || '/'}: ${first?.message ?? ''}`);
  }
  if (body.type === 'update' && body.part >= body.parts) throw new ServicesMessageError('a part beyond the last');
  return body;
}

/** What the parts of an update say, in their order. Throws ServicesMessageError. */
export function decodeChanges(update: Pick<UpdateMessage, 'changes'>, packed: readonly string[]): Changes {
  const body = packed.length === 0 ? update.changes : parse(unpack(packed.join('')));
  if (!CHANGES.Check(body)) {
    const [first] = CHANGES.Errors(body);
    throw new ServicesMessageError(`changes with a fault at ${first?.instancePath || '/'}: ${first?.message ?? ''}`);
  }
  const changed: Changes['changed'] = new Map();
  const add = (key: string, raw: unknown) => {
    const text = textOf(raw);
    if (Buffer.byteLength(text) > LIMITS.entryBytesMax) throw new ServicesMessageError('an entry that is too large');
    changed.set(key, { text, raw });
  };
  if (body.info !== undefined) add(INFO_KEY, body.info);
  for (const one of body.services) add(`s/${one.namespace}/${one.name}`, one);
  for (const one of body.ingresses) add(`i/${one.namespace}/${one.name}`, one);
  return { changed, removed: body.removed };
}

/** JSON text of changes, of entries that are JSON texts already. */
export function changesText(
  changed: Iterable<readonly [key: string, text: string]>,
  removed: readonly string[],
): string {
  const parts: Record<string, string[]> = { s: [], i: [] };
  let info = '';
  for (const [key, text] of changed) {
    if (key === INFO_KEY) info = `"info":${text},`;
    else parts[key[0]!]!.push(text);
  }
  return `{${info}"services":[${parts.s!.join()}],"ingresses":[${parts.i!.join()}],"removed":${JSON.stringify(removed)}}`;
}

/** The messages of one update, in the order of their parts. */
export function encodeUpdate(
  head: Head,
  update: { from: number; to: number; hash: string; traces?: Readonly<Record<string, string>> },
  changes: string,
): string[] {
  const common = { ...head, type: 'update', ...update };
  if (changes.length <= LIMITS.plainLengthMax) {
    return [`${JSON.stringify({ ...common, part: 0, parts: 1 }).slice(0, -1)},"changes":${changes}}`];
  }
  const packed = gzipSync(changes).toString('base64');
  const parts = Math.ceil(packed.length / LIMITS.partLengthMax);
  return Array.from({ length: parts }, (_, part) => {
    const cut = packed.slice(part * LIMITS.partLengthMax, (part + 1) * LIMITS.partLengthMax);
    return JSON.stringify({ ...common, part, parts, packed: cut });
  });
}

export function encodeMessage(message: Exclude<ServicesMessage, { type: 'update' }>): string {
  return JSON.stringify(message);
}

function unpack(packed: string): string {
  try {
    return gunzipSync(Buffer.from(packed, 'base64'), { maxOutputLength: LIMITS.changesBytesMax }).toString('utf8');
  } catch (cause) {
    throw new ServicesMessageError('changes that cannot be unpacked', { cause });
  }
}

function textOf(raw: unknown): string {
  try {
    return JSON.stringify(raw);
  } catch (cause) {
    // What can be parsed can be nested more deeply than can be written.
    throw new ServicesMessageError('an entry that is nested too deeply', { cause });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ServicesMessageError('not JSON', { cause });
  }
}
