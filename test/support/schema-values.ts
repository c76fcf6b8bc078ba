/** Values made from JSON schemas of the subset that config/api and the CRDs use: one for every member, or arbitrary ones. */
import fc from 'fast-check';

export interface SchemaNode {
  type?: string | string[];
  const?: unknown;
  enum?: readonly unknown[];
  pattern?: string;
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  uniqueItems?: boolean;
  required?: string[];
  properties?: Record<string, SchemaNode>;
  additionalProperties?: boolean | SchemaNode;
  items?: SchemaNode;
  oneOf?: { required: string[] }[];
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-validations'?: unknown[];
}

/** Of the members of a `oneOf` the one with this index. */
export type Branch = 0 | 1;

/** A valid value that has every member; of a `oneOf` the branch asked for. */
export function fullValue(node: SchemaNode, branch: Branch = 0): unknown {
  if (node.const !== undefined) return node.const;
  if (node.enum) return node.enum[0];
  switch (node.type) {
    case 'object':
      return fullObject(node, branch);
    case 'array':
      return [fullValue(node.items ?? { type: 'string' }, branch)];
    case 'integer':
      return node.minimum ?? 1;
    case 'boolean':
      return true;
    default:
      return fullText(node);
  }
}

function fullObject(node: SchemaNode, branch: Branch): object {
  if (!node.properties) {
    return typeof node.additionalProperties === 'object' ? { key: fullValue(node.additionalProperties, branch) } : {};
  }
  const others = otherBranches(node, branch);
  return Object.fromEntries(
    Object.entries(node.properties)
      .filter(([name]) => !others.includes(name))
      .map(([name, member]) => [name, fullValue(member, branch)]),
  );
}

/** Members that may not stand beside the one of `branch`. */
export function otherBranches({ oneOf }: SchemaNode, branch: Branch): string[] {
  return (oneOf ?? []).filter((_, index) => index !== branch).flatMap(({ required }) => required);
}

/** The texts that the patterns of config/api take. */
const TEXTS = ['a', '15m', '8080', 'skupper.io/v2alpha1'];

const TIME = '2026-01-31T12:00:00Z';

function fullText({ pattern, format }: SchemaNode): string {
  if (format === 'date-time') return TIME;
  const text = TEXTS.find((candidate) => pattern === undefined || new RegExp(pattern).test(candidate));
  if (text === undefined) throw new RangeError(`no text for ${pattern}`);
  return text;
}

/** Any value of this schema, often a plausible one. Members that are not required come and go. */
export function arbitraryValue(node: SchemaNode): fc.Arbitrary<unknown> {
  if (node.const !== undefined) return fc.constant(node.const);
  if (node.enum) return fc.constantFrom(...node.enum);
  switch (node.type) {
    case 'object':
      return arbitraryObject(node);
    case 'array': {
      const { minItems: minLength = 0, maxItems = 4 } = node;
      const options = { minLength, maxLength: Math.min(maxItems, 4) };
      const isSet = node.uniqueItems === true || node['x-kubernetes-list-type'] === 'set';
      const item = arbitraryValue(node.items ?? { type: 'string' });
      return isSet ? fc.uniqueArray(item, options) : fc.array(item, options);
    }
    case 'integer':
      return arbitraryInteger(node);
    case 'boolean':
      return fc.boolean();
    default:
      return arbitraryText(node);
  }
}

function arbitraryInteger({ minimum, maximum }: SchemaNode): fc.Arbitrary<number> {
  const options = { min: minimum ?? -(2 ** 31), max: maximum ?? 2 ** 31 };
  return fc.oneof(fc.integer(options), fc.integer({ min: Math.max(options.min, 1), max: Math.min(options.max, 9) }));
}

function arbitraryText({ pattern, format, minLength = 0, maxLength = 60 }: SchemaNode): fc.Arbitrary<string> {
  if (format === 'date-time') return fc.constantFrom(TIME, '2024-02-29T23:59:59.123456Z', '1999-12-31T00:00:00+01:00');
  if (pattern) return fc.stringMatching(new RegExp(pattern)).filter(({ length }) => length <= maxLength);
  const plausible = TEXTS.filter(({ length }) => length >= minLength);
  return fc.oneof(
    fc.constantFrom(...plausible),
    fc.string({ minLength, maxLength: Math.min(maxLength, 20), unit: 'grapheme' }),
  );
}

function arbitraryObject(node: SchemaNode): fc.Arbitrary<object> {
  const { properties, additionalProperties, required = [], oneOf } = node;
  if (!properties) {
    if (typeof additionalProperties !== 'object') return fc.constant({});
    const { minProperties: minKeys = 0, maxProperties = 4 } = node;
    const key = fc
      .oneof(fc.constantFrom('size', 'a.b/c'), fc.string({ maxLength: 9 }))
      .filter((it) => it !== '__proto__');
    return fc.dictionary(key, arbitraryValue(additionalProperties), { minKeys, maxKeys: Math.min(maxProperties, 4) });
  }
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, member]) => [name, arbitraryValue(member)]),
  );
  if (!oneOf) return fc.record(members, { requiredKeys: required });
  return fc.oneof(
    ...oneOf.map(({ required: chosen }, branch) => {
      const others = otherBranches(node, branch as Branch);
      const kept = Object.fromEntries(Object.entries(members).filter(([name]) => !others.includes(name)));
      return fc.record(kept, { requiredKeys: [...required, ...chosen] });
    }),
  );
}
