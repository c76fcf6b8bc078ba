/**
 * The vocabulary in which entity types are written down: what values an attribute takes and who may set it.
 *
 * One declaration gives the static type, the parsing of configuration files and management requests, and the AMQP
 * type on the wire. `HeldBy<A>` is the type of a parsed value: never undefined where a default exists or a value is required.
 */

/** `amqp` and `amqps` are the only service names; anything else is a number. */
export type Port = number | 'amqp' | 'amqps';

export type AttributeKind =
  | 'string'
  | 'host'
  | 'port'
  | 'integer'
  | 'boolean'
  | 'choice'
  | 'list'
  | 'map'
  /** A map with ASCII keys, sent as AMQP `fields`. */
  | 'properties';

/** Who may set it: `create` by CREATE and in a file, `update` by UPDATE and in a file, `both`, or nobody (`read`). */
export type Access = 'create' | 'update' | 'both' | 'read';

export interface Options<T> {
  default?: T;
  required?: true;
  access?: Access;
  /** Never leaves the router: passwords. */
  hidden?: true;
  /** Accepted for compatibility and without effect, unless the value is the default or one of these. */
  inert?: readonly T[];
  /** Bounds of an integer, both included. */
  min?: number;
  max?: number;
  /** Form of a string, and its name in words. */
  form?: { readonly pattern: RegExp; readonly words: string };
  /** AMQP type of an integer: `int` is int or long by size. */
  wire?: 'int' | 'uint' | 'long' | 'ulong';
  /** What the schema calls its type where that says more than the kind. */
  known?: 'path' | 'entityId' | 'integer';
  /** Not in the schema, and yet in answers: skupper-router has some such columns too. */
  unlisted?: true;
}

export interface Attribute<T = unknown> extends Options<unknown> {
  readonly kind: AttributeKind;
  readonly access: Access;
  readonly choices?: readonly string[];
  /** Carries the static type only. */
  readonly held?: T;
}

export type HeldBy<A> = A extends Attribute<infer T> ? T : never;

export type Operation = 'CREATE' | 'READ' | 'UPDATE' | 'DELETE' | 'EXPLAIN' | 'SET-WORKLOADS';

export interface EntitySchema {
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Beside READ, which every entity has. */
  readonly operations: readonly Operation[];
  /**
   * Of types that skupper-router's core answers for: the columns of a QUERY that names none, in their order. A QUERY may name
   * others, whose values are null then; what cannot be done is answered with 403.
   */
  readonly columns?: readonly string[];
  /** At most one of this type. */
  readonly singleton?: true;
  /** Accepted for compatibility; why it has no effect. */
  readonly inert?: string;
}

type Held<O, T> = O extends { default: unknown } | { required: true } ? T : T | undefined;

const declare =
  <T>(kind: AttributeKind) =>
  <const O extends Options<T>>(options: O = {} as O): Attribute<Held<O, T>> => ({ access: 'create', ...options, kind });

export const text = declare<string>('string');
export const host = declare<string>('host');
export const port = declare<Port>('port');
export const integer = declare<number>('integer');
export const flag = declare<boolean>('boolean');
export const list = declare<readonly unknown[]>('list');
export const map = declare<Readonly<Record<string, unknown>>>('map');
export const properties = declare<Readonly<Record<string, unknown>>>('properties');

export function choice<const C extends readonly string[], const O extends Options<C[number]>>(
  choices: C,
  options: O = {} as O,
): Attribute<Held<O, C[number]>> {
  return { access: 'create', ...options, kind: 'choice', choices };
}

const READ = { access: 'read' } as const;

/**
 * Read-only attributes of running things. Which AMQP type a counter has depends on its entity: `total` is an int while it
 * fits, `count` always a ulong.
 */
export const seen = {
  text: text(READ),
  flag: flag(READ),
  list: list(READ),
  map: map(READ),
  integer: integer(READ),
  uint: integer({ ...READ, wire: 'uint' }),
  long: integer({ ...READ, wire: 'long' }),
  count: integer({ ...READ, wire: 'ulong' }),
  total: integer(READ),
  choice: <const C extends readonly string[]>(choices: C) => choice(choices, READ),
};
