/**
 * Strict schemas to the structural schemas of CRDs. Pure.
 *
 * An API server with our CRDs takes whatever one with Skupper's takes: ranges, patterns and closed lists of values stay with
 * the controller, which tells the faults as conditions. What remains is types, required members and descriptions; what the
 * API server shall refuse beside that is laid over it by path.
 */

/** A node of an OpenAPI v3 schema. */
export interface StructuralSchema {
  type?: string;
  description?: string;
  properties?: Record<string, StructuralSchema>;
  additionalProperties?: StructuralSchema;
  items?: StructuralSchema;
  required?: string[];
  [keyword: string]: unknown;
}

/** Keywords to lay over the node at a path such as `spec.endpoints[]`; undefined removes one. */
export type Overlay = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What an API server can hold values to by itself, in the words of JSON Schema. */
const LIMITS = [
  'enum',
  'pattern',
  'format',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
] as const;

/** @throws RangeError when the overlay names a path that the schema does not have */
export function loosen(schema: object, overlay: Overlay, root: string): StructuralSchema {
  return structural(schema, overlay, root, []);
}

/** With its limits: for kinds of which no controller tells faults by a condition. @throws RangeError as `loosen` */
export function withLimits(schema: object, overlay: Overlay, root: string): StructuralSchema {
  return structural(schema, overlay, root, LIMITS);
}

function structural(schema: object, overlay: Overlay, root: string, kept: readonly string[]): StructuralSchema {
  const unused = new Set(Object.keys(overlay));
  const visit = (node: StructuralSchema, path: string): StructuralSchema => {
    unused.delete(path);
    const { type, description, properties, additionalProperties, items, required } = node;
    const loose: StructuralSchema = { type, description };
    for (const keyword of kept) if (keyword in node) loose[keyword] = node[keyword];
    // An API server drops an empty map, and it would look as if somebody had changed it.
    if (properties && Object.keys(properties).length > 0) {
      loose.properties = Object.fromEntries(
        Object.entries(properties).map(([name, member]) => [name, visit(member, `${path}.${name}`)]),
      );
    } else if (typeof additionalProperties === 'object') {
      loose.additionalProperties = visit(additionalProperties, `${path}.*`);
    }
    if (items) loose.items = visit(items, `${path}[]`);
    if (required && required.length > 0) loose.required = [...required].sort();
    return definedOnly({ ...loose, ...overlay[path] });
  };
  const loosened = visit(schema as StructuralSchema, root);
  if (unused.size > 0) throw new RangeError(`no such path in the schema: ${[...unused].join(', ')}`);
  return loosened;
}

function definedOnly(node: StructuralSchema): StructuralSchema {
  return Object.fromEntries(Object.entries(node).filter(([, value]) => value !== undefined));
}
