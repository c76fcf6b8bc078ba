/**
 * Every way in which a resource can be wrong by its schema, one at a time: for each member of each kind the values that are
 * just outside of what it may hold. Made from the schemas, so that a new member comes with its invalid values.
 */
import Value from 'typebox/value';
import { KINDS } from '../../config/api/index.ts';
import { CUSTOM_KINDS, looseSchema } from '../../config/crd/definition.ts';
import type { CustomKind } from '../../config/crd/kinds.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { type Branch, fullValue, otherBranches, type SchemaNode } from './schema-values.ts';

export interface InvalidResource {
  kind: CustomKind;
  /** `Listener spec.port: 65536`; unique. */
  title: string;
  /** The place that a fault must name: `spec.port`. */
  path: string;
  object: KubeObject;
  /**
   * What an API server with our CRDs does: `refused`; `accepted`, so that the controller has to tell it by a condition;
   * `pruned`, so that a valid resource is left.
   */
  outcome: 'refused' | 'accepted' | 'pruned';
}

/** Below `spec`: the rest is the same for all kinds and checked by every API server. */
export function invalidResources(): InvalidResource[] {
  return CUSTOM_KINDS.flatMap((kind) => {
    const seen = new Set<string>();
    return ([0, 1] as const)
      .flatMap((branch) => variantsOf(kind, branch))
      .filter(({ title }) => !seen.has(title) && seen.add(title));
  });
}

/** A valid resource of the kind with every member; of exclusive members those of the branch. */
export function fullResource(kind: CustomKind, branch: Branch = 0): KubeObject {
  const { spec } = KINDS[kind].schema.properties as unknown as { spec: SchemaNode };
  return withSpec(kind, fullValue(spec, branch));
}

interface Variant {
  path: string;
  spec: unknown;
  /** What was put there, for the title. */
  what: string;
  isUnknownKey?: boolean;
}

function variantsOf(kind: CustomKind, branch: Branch): InvalidResource[] {
  const { spec } = KINDS[kind].schema.properties as unknown as { spec: SchemaNode };
  const enforced = enforcedByRules(looseSchema(kind) as SchemaNode);
  return variants(spec, fullValue(spec, branch), 'spec', branch).map(({ path, spec: value, what, isUnknownKey }) => {
    const object = withSpec(kind, value);
    // API servers take null for absent.
    const kept = withoutNulls(object);
    const isLeftValid = isUnknownKey || Value.Check(KINDS[kind].schema, kept);
    const outcome = !Value.Check(enforced, kept) ? 'refused' : isLeftValid ? 'pruned' : 'accepted';
    return { kind, title: `${kind} ${path}: ${what}`, path, object, outcome };
  });
}

function withoutNulls<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutNulls) as T;
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(kept.map(([key, member]) => [key, withoutNulls(member)])) as T;
}

function withSpec(kind: CustomKind, spec: unknown): KubeObject {
  return { apiVersion: KINDS[kind].apiVersion, kind, metadata: { name: 'invalid' }, spec };
}

function variants(node: SchemaNode, value: unknown, path: string, branch: Branch): Variant[] {
  const here = wrongValues(node, value).map((wrong) => ({ path, spec: wrong, what: shown(wrong) }));
  if (node.type === 'array' && node.items) {
    const [item] = value as unknown[];
    const inner = variants(node.items, item, `${path}[0]`, branch);
    return [...here, ...inner.map((variant) => ({ ...variant, spec: [variant.spec] }))];
  }
  if (node.type !== 'object') return here;
  const object = value as Record<string, unknown>;
  const members = node.properties ?? { key: node.additionalProperties as SchemaNode };
  const inner = Object.entries(members)
    .filter(([name]) => Object.hasOwn(object, name))
    .flatMap(([name, member]) =>
      variants(member, object[name], `${path}.${name}`, branch).map((variant) => ({
        ...variant,
        spec: { ...object, [name]: variant.spec },
      })),
    );
  return [...here, ...wrongMembers(node, object, path, branch), ...inner];
}

/** Values of the wrong type and just outside of the limits. */
function wrongValues(node: SchemaNode, value: unknown): unknown[] {
  const wrong: unknown[] = [node.type === 'string' ? 7 : 'seven', null];
  if (node.type !== 'object') wrong.push({});
  if (node.type !== 'array') wrong.push([]);
  if (node.type === 'integer') wrong.push(1.5);
  if (node.minimum !== undefined) wrong.push(node.minimum - 1);
  if (node.maximum !== undefined) wrong.push(node.maximum + 1);
  if (node.minLength) wrong.push('');
  if (node.enum) wrong.push('other');
  if (node.pattern !== undefined) wrong.push('not so');
  if (node.minItems) wrong.push([]);
  if (node.minProperties) wrong.push({});
  if (node.uniqueItems) wrong.push([(value as unknown[])[0], (value as unknown[])[0]]);
  if (node.maxItems) wrong.push(Array.from({ length: node.maxItems + 1 }, (_, index) => `key-${index}`));
  if (node.maxProperties) {
    wrong.push(Object.fromEntries(Array.from({ length: node.maxProperties + 1 }, (_, index) => [`key-${index}`, 1])));
  }
  return wrong;
}

/** A required member missing, an unknown one, and exclusive ones together or not at all. */
function wrongMembers(node: SchemaNode, object: Record<string, unknown>, path: string, branch: Branch): Variant[] {
  if (!node.properties) return [];
  const wrong: Variant[] = (node.required ?? []).map((name) => {
    const { [name]: _missing, ...rest } = object;
    return { path: `${path}.${name}`, spec: rest, what: 'missing' };
  });
  wrong.push({ path: `${path}.unknown`, spec: { ...object, unknown: 'x' }, what: 'unknown key', isUnknownKey: true });
  if (node.oneOf) {
    const both = otherBranches(node, branch).map((name) => [name, fullValue(node.properties![name]!, branch)]);
    wrong.push({ path, spec: { ...object, ...Object.fromEntries(both) }, what: 'both' });
    const exclusive = node.oneOf.flatMap(({ required }) => required);
    const neither = Object.entries(object).filter(([name]) => !exclusive.includes(name));
    wrong.push({ path, spec: Object.fromEntries(neither), what: 'neither' });
  }
  return wrong;
}

/** What an API server enforces by other words than plain schemas have: rules in CEL and lists that are sets. */
function enforcedByRules(node: SchemaNode): SchemaNode {
  const { properties, items, additionalProperties } = node;
  return {
    ...node,
    ...(node['x-kubernetes-list-type'] === 'set' && { uniqueItems: true }),
    ...(node['x-kubernetes-validations'] && {
      oneOf: Object.keys(properties ?? {}).map((name) => ({ required: [name] })),
    }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, it]) => [name, enforcedByRules(it)])),
    }),
    ...(items && { items: enforcedByRules(items) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: enforcedByRules(additionalProperties) }),
  };
}

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
