/**
 * Building blocks of the resource schemas: one schema per kind gives the static type, the validation and the CRD.
 *
 * Only JSON Schema that Kubernetes takes as a structural schema is used (no unions of literals, no patternProperties).
 * A `title` is a noun phrase, "a port from 1 to 65535": validation messages read "must be <title>".
 * Spec objects are closed (an unknown key is a fault); status objects are open, they come from controllers of any version.
 */
import Type from 'typebox';

export const SKUPPER_API_VERSION = 'skupper.io/v2alpha1';

const DNS_LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';

export function text(description?: string) {
  return Type.String({ description, minLength: 1, title: 'a non-empty string' });
}

export function optionalText(description?: string) {
  return Type.Optional(Type.String({ description }));
}

export function flag(description?: string) {
  return Type.Optional(Type.Boolean({ description }));
}

export function port(description?: string) {
  return Type.Integer({ description, minimum: 1, maximum: 65535, title: 'a port from 1 to 65535' });
}

/** Skupper writes the ports of endpoints as strings. */
export function portText(description?: string) {
  return Type.String({
    description,
    pattern: '^([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$',
    title: 'a port from 1 to 65535, written as a string in quotes',
  });
}

export function choice<const Values extends readonly string[]>(values: Values, description?: string) {
  return Type.Unsafe<Values[number]>({ type: 'string', enum: [...values], description });
}

export function objectName(description?: string) {
  return Type.String({
    description,
    minLength: 1,
    maxLength: 253,
    pattern: `^${DNS_LABEL}(\\.${DNS_LABEL})*$`,
    title: "a name of lower-case letters, digits, '-' and '.' that begins and ends with a letter or digit (RFC 1123)",
  });
}

/** `map[string]string`. */
export function stringMap(description?: string) {
  return Type.Unsafe<Record<string, string>>({
    type: 'object',
    additionalProperties: { type: 'string', title: 'a string: write numbers and true/false in quotes' },
    description,
  });
}

export const settings = Type.Optional(stringMap('Free-form settings; keys nobody reads are kept and ignored.'));

export function closed<Properties extends Type.TProperties>(properties: Properties, options: Type.TObjectOptions = {}) {
  return Type.Object(properties, { ...options, additionalProperties: false });
}

/** A closed object that holds exactly one of its properties named in `keys`. */
export function oneOf<Properties extends Type.TProperties>(
  keys: (keyof Properties & string)[],
  properties: Properties,
  options: Type.TObjectOptions = {},
) {
  return closed(properties, { ...options, oneOf: keys.map((key) => ({ required: [key] })) });
}

export const Condition = Type.Object({
  type: Type.String(),
  status: choice(['True', 'False', 'Unknown']),
  reason: Type.String({ description: 'Ready, Pending or Error.' }),
  message: Type.String({ description: 'OK, or what is missing.' }),
  lastTransitionTime: Type.String({ description: 'When status last changed.' }),
  observedGeneration: Type.Optional(
    Type.Integer({ description: 'The generation of the resource that this is about.' }),
  ),
});
export type Condition = Type.Static<typeof Condition>;

export function statusOf<Properties extends Type.TProperties>(properties: Properties) {
  return Type.Object({
    // Any string is taken: a status that another controller wrote makes no resource invalid. No controller writes Stopped:
    // commands show it of a Site that does not run.
    status: Type.Optional(
      Type.Unsafe<'Ready' | 'Pending' | 'Error' | 'Stopped'>({
        type: 'string',
        description: 'Ready, Pending or Error: what the condition Ready says.',
      }),
    ),
    message: Type.Optional(Type.String({ description: 'OK, or what is missing.' })),
    conditions: Type.Optional(Type.Array(Condition)),
    ...properties,
  });
}

export const Endpoint = Type.Object({
  name: Type.Optional(Type.String({ description: 'What the port is for, such as inter-router or edge.' })),
  host: Type.Optional(Type.String()),
  port: Type.Optional(Type.String()),
  group: Type.Optional(Type.String({ description: 'Endpoints of one group lead to the same router.' })),
});
