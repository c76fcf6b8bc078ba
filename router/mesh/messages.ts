/**
 * The six control messages: their fields, and their form on the wire, octet by octet that of skupper-router 3.x.
 *
 * HELLO, RA, LSR and LSU have the form of its Python engine (string keys, `int`), MAR and MAU that of its C core (symbol
 * keys, `long`). Decoding takes either form of each (wire reference 3.1, 3.3 to 3.9) and throws `MalformedControlError`.
 */
import { SkuprtError } from '../../lib/errors.ts';
import { amqp, type Typed, toPlain } from '../amqp/codec/value.ts';
import { composeMessage } from '../amqp/message/compose.ts';
import { ADDRESS_KEY_LENGTH_MAX, COST_MAX, MESH_ID_LENGTH, ROUTER_ID_LENGTH_MAX, ROUTERS_MAX } from './limits.ts';

export interface Hello {
  readonly opcode: 'HELLO';
  readonly id: string;
  readonly version: number;
  readonly instance?: number;
  readonly seen: readonly string[];
}
export interface RouterAdvertisement {
  readonly opcode: 'RA';
  readonly id: string;
  readonly version: number;
  readonly instance?: number;
  readonly lsSeq: number;
  readonly mobileSeq: number;
}
export interface LinkStateRequest {
  readonly opcode: 'LSR';
  readonly id: string;
  readonly version: number;
}
export interface LinkStateUpdate {
  readonly opcode: 'LSU';
  readonly id: string;
  readonly version: number;
  readonly instance?: number;
  readonly lsSeq: number;
  readonly peers: ReadonlyMap<string, number>;
}
export interface MobileAddressRequest {
  readonly opcode: 'MAR';
  readonly id: string;
  readonly version: number;
  readonly haveSeq: number;
}
/** Absolute with `exist`, differential with `add` and `del`. */
export interface MobileAddressUpdate {
  readonly opcode: 'MAU';
  readonly id: string;
  readonly version: number;
  readonly mobileSeq: number;
  readonly exist?: readonly AddressDescriptor[];
  readonly add?: readonly AddressDescriptor[];
  readonly del?: readonly string[];
}
/**
 * `key` starts with its class M, N or H; no treatment: the receiver's default. `mesh`: the edge mesh that all consumers are in, if
 * they are in one.
 */
export interface AddressDescriptor {
  readonly key: string;
  readonly treatment?: number;
  readonly mesh?: string;
}

export type ControlMessage =
  | Hello
  | RouterAdvertisement
  | LinkStateRequest
  | LinkStateUpdate
  | MobileAddressRequest
  | MobileAddressUpdate;

/** What this router writes, and the highest it reads. */
export const ROUTER_PROTOCOL_VERSION = 1;
export const MOBILE_PROTOCOL_VERSION = 2;

export class MalformedControlError extends SkuprtError {
  readonly code = 'SKUPRT_MESH_MALFORMED';
  readonly fault = 'peer';
}

export function versionMax(opcode: ControlMessage['opcode']): number {
  return isMobile(opcode) ? MOBILE_PROTOCOL_VERSION : ROUTER_PROTOCOL_VERSION;
}

function isMobile(opcode: ControlMessage['opcode']): boolean {
  return opcode === 'MAR' || opcode === 'MAU';
}

const AREA = amqp.string('0');

/** The message without its router annotations. */
export function encodeControl(message: ControlMessage, to: string): Buffer {
  const mobile = isMobile(message.opcode);
  const key = mobile ? amqp.symbol : amqp.string;
  return composeMessage({
    header: { durable: false },
    properties: { to },
    propertyCountMin: mobile ? 3 : 6,
    applicationProperties: amqp.map([[key('opcode'), amqp.string(message.opcode)]]),
    body: amqp.map(bodyOf(message).map(([name, value]) => [key(name), value])),
  });
}

function bodyOf(message: ControlMessage): [string, Typed][] {
  const number = isMobile(message.opcode) ? amqp.long : amqp.int;
  const body: [string, Typed][] = [
    ['id', amqp.string(message.id)],
    ['pv', number(message.version)],
    ['area', AREA],
  ];
  if ('instance' in message && message.instance !== undefined) body.push(['instance', amqp.int(message.instance)]);
  switch (message.opcode) {
    case 'HELLO':
      body.push(['seen', amqp.list(message.seen.map(amqp.string))]);
      break;
    case 'RA':
      body.push(['ls_seq', amqp.int(message.lsSeq)], ['mobile_seq', amqp.int(message.mobileSeq)]);
      break;
    case 'LSR':
      break;
    case 'LSU':
      body.push(['ls_seq', amqp.int(message.lsSeq)], ['ls', linkStateOf(message)]);
      break;
    case 'MAR':
      body.push(['have_seq', amqp.long(message.haveSeq)]);
      break;
    case 'MAU':
      body.push(['mobile_seq', amqp.long(message.mobileSeq)]);
      if (message.exist !== undefined) body.push(['exist', amqp.list(message.exist.map(descriptorOf))]);
      if (message.add !== undefined) body.push(['add', amqp.list(message.add.map(descriptorOf))]);
      if (message.del !== undefined) body.push(['del', amqp.list(message.del.map((key) => descriptorOf({ key })))]);
      break;
  }
  return body;
}

function linkStateOf(message: LinkStateUpdate): Typed {
  return amqp.map([
    [amqp.string('id'), amqp.string(message.id)],
    [amqp.string('area'), AREA],
    [amqp.string('ls_seq'), amqp.int(message.lsSeq)],
    [amqp.string('peers'), amqp.map([...message.peers].map(([id, cost]) => [amqp.string(id), amqp.int(cost)]))],
  ]);
}

/** The third field is the count of local senders and the fourth the credit of receivers, which nobody reads. */
function descriptorOf({ key, treatment, mesh }: AddressDescriptor): Typed {
  if (treatment === undefined) return amqp.list([amqp.string(key)]);
  const fields = [amqp.string(key), amqp.int(treatment), amqp.int(0)];
  return amqp.list(mesh === undefined ? fields : [...fields, amqp.null(), amqp.string(mesh)]);
}

/** Undefined for an opcode of some other protocol. */
export function decodeControl(opcode: unknown, body: Typed | undefined): ControlMessage | undefined {
  const decode = DECODERS.get(opcode);
  return decode?.(fieldsOf(body === undefined ? undefined : toPlain(body), 'body'));
}

type Fields = ReadonlyMap<unknown, unknown>;

const DECODERS: ReadonlyMap<unknown, (fields: Fields) => ControlMessage> = new Map([
  ['HELLO', decodeHello],
  ['RA', decodeRouterAdvertisement],
  ['LSR', (fields: Fields): ControlMessage => ({ opcode: 'LSR', ...sender(fields) })],
  ['LSU', decodeLinkStateUpdate],
  [
    'MAR',
    (fields: Fields): ControlMessage => ({ opcode: 'MAR', ...sender(fields), haveSeq: integerOf(fields, 'have_seq') }),
  ],
  ['MAU', decodeMobileAddressUpdate],
]);

function decodeHello(fields: Fields): ControlMessage {
  return { opcode: 'HELLO', ...sender(fields), ...instanceOf(fields), seen: listOf(fields, 'seen').map(idOf) };
}

function decodeRouterAdvertisement(fields: Fields): ControlMessage {
  const lsSeq = integerOf(fields, 'ls_seq');
  return { opcode: 'RA', ...sender(fields), ...instanceOf(fields), lsSeq, mobileSeq: integerOf(fields, 'mobile_seq') };
}

function decodeLinkStateUpdate(fields: Fields): ControlMessage {
  const linkState = fieldsOf(fields.get('ls'), 'ls');
  const { id, version } = sender(fields);
  integerOf(fields, 'ls_seq');
  if (linkState.get('id') !== id) throw new MalformedControlError('an LSU carries the link state of another router');
  const peers = new Map<string, number>();
  for (const [peer, cost] of fieldsOf(linkState.get('peers'), 'peers')) {
    if (!isInteger(cost) || cost < 1 || cost > COST_MAX) throw new MalformedControlError('a cost is out of range');
    peers.set(idOf(peer), cost);
  }
  if (peers.size >= ROUTERS_MAX) throw new MalformedControlError('a link state has too many peers');
  return { opcode: 'LSU', id, version, ...instanceOf(fields), lsSeq: integerOf(linkState, 'ls_seq'), peers };
}

function decodeMobileAddressUpdate(fields: Fields): ControlMessage {
  const common = { opcode: 'MAU', ...sender(fields), mobileSeq: integerOf(fields, 'mobile_seq') } as const;
  if (fields.has('exist')) {
    if (fields.has('add') || fields.has('del'))
      throw new MalformedControlError('an MAU is both absolute and differential');
    return { ...common, exist: descriptorsOf(fields, 'exist') };
  }
  return { ...common, add: descriptorsOf(fields, 'add'), del: descriptorsOf(fields, 'del').map(({ key }) => key) };
}

/** Addresses of a class that is not mobile are passed over. */
function descriptorsOf(fields: Fields, name: string): AddressDescriptor[] {
  return listOf(fields, name)
    .map(decodeDescriptor)
    .filter(({ key }) => MOBILE_KEY.test(key));
}

const MOBILE_KEY = new RegExp(`^[MNH].{1,${ADDRESS_KEY_LENGTH_MAX - 1}}$`, 's');

function decodeDescriptor(entry: unknown): AddressDescriptor {
  const [key, treatment, , , meshId] = Array.isArray(entry) ? entry : [];
  if (typeof key !== 'string') throw new MalformedControlError('an MAU entry has no address');
  const mesh = typeof meshId === 'string' && meshId.length === MESH_ID_LENGTH ? { mesh: meshId } : {};
  return isInteger(treatment) && treatment >= 0 && treatment <= 4 ? { key, treatment, ...mesh } : { key, ...mesh };
}

function sender(fields: Fields): { id: string; version: number } {
  return { id: idOf(fields.get('id')), version: fields.has('pv') ? integerOf(fields, 'pv') : 0 };
}

function instanceOf(fields: Fields): { instance?: number } {
  const instance = fields.get('instance');
  if (instance === undefined) return {};
  if (!isInteger(instance)) throw new MalformedControlError('instance is not an integer');
  return { instance };
}

function idOf(value: unknown): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= ROUTER_ID_LENGTH_MAX) return value;
  throw new MalformedControlError('a router id is missing or not a string');
}

function integerOf(fields: Fields, name: string): number {
  const value = fields.get(name);
  if (isInteger(value) && value >= 0) return value;
  throw new MalformedControlError(`${name} is missing or not an integer`);
}

function isInteger(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

function listOf(fields: Fields, name: string): readonly unknown[] {
  const value = fields.get(name);
  if (Array.isArray(value)) return value;
  throw new MalformedControlError(`${name} is missing or not a list`);
}

function fieldsOf(value: unknown, name: string): Fields {
  if (value instanceof Map) return value;
  throw new MalformedControlError(`${name} is missing or not a map`);
}
