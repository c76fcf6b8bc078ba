/**
 * The schema as a whole: names of entity types, the attributes each has, and the static types that follow from them.
 *
 * Inside the router a type goes by its short name as written in a configuration file (`listener`, `address`); on the wire by its
 * full name (`io.skupper.router.listener`, `io.skupper.router.router.config.address`). Tables: schema-config.ts, schema-runtime.ts.
 */
import { type Attribute, type EntitySchema, type HeldBy, type Operation, text } from './attributes.ts';
import { CONFIG_ENTITIES } from './schema-config.ts';
import { RUNTIME_ENTITIES } from './schema-runtime.ts';

/** Types a configuration file may hold. */
export type EntityType = keyof typeof CONFIG_ENTITIES;
export type RuntimeType = keyof typeof RUNTIME_ENTITIES;

type AttributesOf<T extends EntityType> = (typeof CONFIG_ENTITIES)[T]['attributes'];

/** What every entity has beside its own attributes. `identity` is unique in the router, `name` within the type. */
type Named<T extends EntityType> = {
  readonly type: T;
  readonly name: string;
  readonly identity: string;
};

/** A parsed entity of type T: defaults filled in, values checked. */
export type EntityOf<T extends EntityType> = Named<T> & {
  readonly [A in keyof AttributesOf<T>]: HeldBy<AttributesOf<T>[A]>;
};
export type Entity = { [T in EntityType]: EntityOf<T> }[EntityType];

export type RouterEntity = EntityOf<'router'>;
export type NetworkEntity = EntityOf<'network'>;
export type SiteEntity = EntityOf<'site'>;
export type SslProfileEntity = EntityOf<'sslProfile'>;
export type ListenerEntity = EntityOf<'listener'>;
export type ConnectorEntity = EntityOf<'connector'>;
export type AddressEntity = EntityOf<'address'>;
export type TcpListenerEntity = EntityOf<'tcpListener'>;
export type TcpConnectorEntity = EntityOf<'tcpConnector'>;
export type ListenerAddressEntity = EntityOf<'listenerAddress'>;
export type LogEntity = EntityOf<'log'>;
export type ProxyProfileEntity = EntityOf<'proxyProfile'>;

export const TYPE_PREFIX = 'io.skupper.router.';

/** Roles that the router opens listeners and dials connectors for; the others are warned about and left alone. */
export const SUPPORTED_ROLES: Readonly<Record<'listener' | 'connector', readonly string[]>> = {
  listener: ['normal', 'route-container', 'inter-router', 'edge', 'inter-edge'],
  connector: ['normal', 'route-container', 'inter-router', 'edge', 'inter-edge'],
};

/** Full names that are not prefix + short name. */
const LONG_NAMES: Readonly<Record<string, string>> = {
  address: `${TYPE_PREFIX}router.config.address`,
  autoLink: `${TYPE_PREFIX}router.config.autoLink`,
};

const TYPES: ReadonlyMap<string, EntitySchema> = new Map(Object.entries({ ...CONFIG_ENTITIES, ...RUNTIME_ENTITIES }));
const SHORT_NAMES: ReadonlyMap<string, string> = new Map([...TYPES.keys()].map((type) => [longName(type), type]));

const COMMON: Readonly<Record<string, Attribute>> = {
  name: text(),
  identity: text({ access: 'read' }),
  type: text(),
};

export const CONFIG_TYPES: readonly EntityType[] = Object.keys(CONFIG_ENTITIES) as EntityType[];
export const ALL_TYPES: readonly string[] = [...TYPES.keys()];

export function isConfigType(type: string): type is EntityType {
  return Object.hasOwn(CONFIG_ENTITIES, type);
}

export function longName(type: string): string {
  return Object.hasOwn(LONG_NAMES, type) ? LONG_NAMES[type]! : TYPE_PREFIX + type;
}

/** The short name of a type given in any of its forms: short, full, or `router.config.address`. */
export function shortName(type: string): string | undefined {
  if (TYPES.has(type)) return type;
  return SHORT_NAMES.get(type) ?? SHORT_NAMES.get(TYPE_PREFIX + type);
}

/** Asserts nothing: `type` must be one of ALL_TYPES. */
export function schemaOf(type: string): EntitySchema {
  return TYPES.get(type)!;
}

export function attributeOf(type: string, name: string): Attribute | undefined {
  const { attributes } = schemaOf(type);
  if (Object.hasOwn(attributes, name)) return attributes[name];
  return Object.hasOwn(COMMON, name) ? COMMON[name] : undefined;
}

/** Its own attributes, then name, identity and type; not those of which the schema says nothing. */
export function attributeNames(type: string): string[] {
  const listed = Object.entries(schemaOf(type).attributes).filter(([, attribute]) => !attribute.unlisted);
  return [...listed.map(([name]) => name), ...Object.keys(COMMON)];
}

/** What a QUERY or a READ that names no attributes is answered with. */
export function columnsOf(type: string): readonly string[] {
  return schemaOf(type).columns ?? attributeNames(type);
}

export function operationsOf(type: string): readonly Operation[] {
  return [...schemaOf(type).operations, 'READ'];
}

const SERVICE_PORTS = { amqp: 5672, amqps: 5671 } as const;

/** The number of a port that may be a service name. */
export function portNumber(port: number | keyof typeof SERVICE_PORTS): number {
  return typeof port === 'number' ? port : SERVICE_PORTS[port];
}
