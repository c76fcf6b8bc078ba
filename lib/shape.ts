/**
 * Checks of what others sent, for small processes: the words of typebox for the few shapes that messages have, without its
 * 16 MiB of memory. Resources, which need whole JSON Schemas, keep typebox. Pure.
 *
 * Unknown members pass; messages of a later version may have some.
 */
export interface ShapeFault {
  /** JSON pointer. */
  instancePath: string;
  message: string;
}

/** How a value is looked at: pushes what is wrong with it. */
export interface Shape<T> {
  readonly look: (value: unknown, path: string, faults: ShapeFault[]) => void;
  readonly isOptional?: boolean;
  /** For the type only. */
  readonly of?: T;
}

export type Static<S> = S extends Shape<infer T> ? T : never;

type Members = Readonly<Record<string, Shape<unknown>>>;
type OptionalKey<M extends Members> = {
  [K in keyof M]: M[K] extends { readonly isOptional: true } ? K : never;
}[keyof M];
type ObjectOf<M extends Members> = { [K in Exclude<keyof M, OptionalKey<M>>]: Static<M[K]> } & {
  [K in OptionalKey<M>]?: Static<M[K]>;
};
type Flat<T> = { [K in keyof T]: T[K] };

/** Deep enough for any message, so that a hostile one says little in the answer. */
const FAULTS_MAX = 20;

export const Type = {
  String: ({ minLength = 0, maxLength = Infinity } = {}): Shape<string> => ({
    look: (value, path, faults) => {
      if (typeof value !== 'string') fault(faults, path, 'must be a string');
      else if (value.length < minLength) fault(faults, path, `must have at least ${minLength} characters`);
      else if (value.length > maxLength) fault(faults, path, `must have at most ${maxLength} characters`);
    },
  }),

  Integer: ({ minimum = -Infinity, maximum = Infinity } = {}): Shape<number> => ({
    look: (value, path, faults) => {
      if (!Number.isInteger(value)) fault(faults, path, 'must be an integer');
      else if ((value as number) < minimum) fault(faults, path, `must be at least ${minimum}`);
      else if ((value as number) > maximum) fault(faults, path, `must be at most ${maximum}`);
    },
  }),

  Boolean: (): Shape<boolean> => ({
    look: (value, path, faults) => {
      if (typeof value !== 'boolean') fault(faults, path, 'must be true or false');
    },
  }),

  Literal: <const T extends string | number>(literal: T): Shape<T> => ({
    look: (value, path, faults) => {
      if (value !== literal) fault(faults, path, `must be ${JSON.stringify(literal)}`);
    },
  }),

  Union: <const S extends readonly Shape<unknown>[]>(shapes: S): Shape<Static<S[number]>> => ({
    look: (value, path, faults) => {
      const isOne = shapes.some((shape) => {
        const found: ShapeFault[] = [];
        shape.look(value, path, found);
        return found.length === 0;
      });
      if (!isOne) fault(faults, path, 'must be one of the allowed values');
    },
  }),

  Array: <S extends Shape<unknown>>(item: S, { maxItems = Infinity } = {}): Shape<Static<S>[]> => ({
    look: (value, path, faults) => {
      if (!Array.isArray(value)) fault(faults, path, 'must be a list');
      else if (value.length > maxItems) fault(faults, path, `must have at most ${maxItems} items`);
      else for (const [at, one] of value.entries()) item.look(one, `${path}/${at}`, faults);
    },
  }),

  Object: <M extends Members>(properties: M): Shape<Flat<ObjectOf<M>>> & { readonly properties: M } => ({
    properties,
    look: (value, path, faults) => {
      if (!isRecord(value)) return fault(faults, path, 'must be an object');
      for (const [name, shape] of Object.entries(properties)) {
        const member = Object.hasOwn(value, name) ? value[name] : undefined;
        if (member !== undefined) shape.look(member, `${path}/${name}`, faults);
        else if (!shape.isOptional) fault(faults, `${path}/${name}`, 'is required');
      }
    },
  }),

  Record: <S extends Shape<unknown>>(member: S): Shape<Record<string, Static<S>>> => ({
    look: (value, path, faults) => {
      if (!isRecord(value)) return fault(faults, path, 'must be an object');
      for (const [name, one] of Object.entries(value)) member.look(one, `${path}/${name}`, faults);
    },
  }),

  Optional: <S extends Shape<unknown>>(shape: S): Shape<Static<S>> & { readonly isOptional: true } => ({
    look: shape.look,
    isOptional: true,
  }),
} as const;

/** A check for values of that shape. */
export function checkOf<S extends Shape<unknown>>(shape: S) {
  return {
    Check: (value: unknown): value is Static<S> => faultsOf(shape, value).length === 0,
    Errors: (value: unknown): ShapeFault[] => faultsOf(shape, value),
  };
}

function faultsOf(shape: Shape<unknown>, value: unknown): ShapeFault[] {
  const faults: ShapeFault[] = [];
  shape.look(value, '', faults);
  return faults;
}

/** Adds one, while there are few. */
export function fault(faults: ShapeFault[], instancePath: string, message: string): void {
  if (faults.length < FAULTS_MAX) faults.push({ instancePath, message });
}

/** An object with members: neither a list nor nothing. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One of these texts. */
export function choice<const C extends readonly string[]>(choices: C): Shape<C[number]> {
  return {
    look: (value, path, faults) => {
      if (!choices.includes(value as string)) fault(faults, path, `must be one of ${choices.join(', ')}`);
    },
  };
}
