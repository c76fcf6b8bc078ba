/**
 * Text to resources: multi-document YAML or JSON, and `kind: List`, checked against the schemas. Parse, don't validate: what comes
 * out is typed and frozen. All faults of a text are reported at once; a text with a fault gives no resource.
 */
import type Type from 'typebox';
import { type Document, parseAllDocuments } from 'yaml';
import { messageOf, SkuprtError } from '../../lib/errors.ts';
import { type Fault, faultsOf } from './faults.ts';
import { KINDS, type Resource } from './index.ts';

const TEXT_LENGTH_MAX = 8 * 1024 * 1024;
const DEPTH_MAX = 64;

export interface ResourceFault extends Fault {
  /** Counted from 1. */
  document: number;
}

/** The text does not hold what it should; `faults` lists everything. */
export class ResourceError extends SkuprtError {
  readonly code = 'SKUPRT_RESOURCE_INVALID';
  readonly fault = 'caller';
  readonly source: string;
  readonly faults: readonly ResourceFault[];

  constructor(source: string, faults: ResourceFault[]) {
    super(`${source} has ${faults.length === 1 ? 'a mistake' : `${faults.length} mistakes`}:\n${listing(faults)}`, {
      next: `Correct ${source}; nothing was changed`,
    });
    this.source = source;
    this.faults = faults;
  }
}

/** Kinds by their names: which ones a text may hold. */
export type KindTable = Readonly<Record<string, { readonly schema: Type.TObject }>>;
/** Any resource of a table; narrowed by its `kind`. */
export type ResourceIn<Table extends KindTable> = { [K in keyof Table]: Type.Static<Table[K]['schema']> }[keyof Table];

/** `source` names the text in messages: a file name. @throws ResourceError */
export function parseResources(text: string, source: string): Resource[] {
  return parseKinds(text, source, KINDS);
}

/** Of the kinds in `table`; any other is a fault. @throws ResourceError */
export function parseKinds<Table extends KindTable>(text: string, source: string, table: Table): ResourceIn<Table>[] {
  const faults: ResourceFault[] = [];
  const resources: object[] = [];
  for (const [index, document] of documentsOf(text, source).entries()) {
    const parsed = parseDocument(document, table);
    for (const fault of parsed.faults) faults.push({ document: index + 1, ...fault });
    resources.push(...parsed.resources);
  }
  if (faults.length > 0) throw new ResourceError(source, faults);
  return resources.map(deepFreeze) as ResourceIn<Table>[];
}

/** One resource already in memory, such as one from an API server. @throws ResourceError */
export function parseResource(value: unknown, source: string): Resource {
  return parseKind(value, source, KINDS);
}

/** Of a kind in `table`. @throws ResourceError */
export function parseKind<Table extends KindTable>(value: unknown, source: string, table: Table): ResourceIn<Table> {
  const { resources, faults } = parseValue(value, table);
  if (faults.length === 0 && resources.length !== 1)
    faults.push({ path: '', message: 'must be one resource, not a list' });
  if (faults.length > 0) {
    throw new ResourceError(
      source,
      faults.map((fault) => ({ document: 1, ...fault })),
    );
  }
  return deepFreeze(resources[0]!) as ResourceIn<Table>;
}

interface Parsed {
  resources: object[];
  faults: Fault[];
}

function documentsOf(text: string, source: string): Document[] {
  if (text.length > TEXT_LENGTH_MAX) {
    throw refused(source, `is ${text.length} characters long; the limit is ${TEXT_LENGTH_MAX}`);
  }
  try {
    const documents = parseAllDocuments(text);
    return 'empty' in documents ? [] : documents;
  } catch (thrown) {
    throw refused(source, `cannot be read as YAML: ${messageOf(thrown)}`);
  }
}

function parseDocument(document: Document, table: KindTable): Parsed {
  // What follows the first fault of syntax mostly follows from it.
  const [error] = document.errors;
  if (error) return { resources: [], faults: [{ path: '', message: firstLine(error.message) }] };
  try {
    const value: unknown = document.toJS();
    return value === null ? { resources: [], faults: [] } : parseValue(value, table);
  } catch (thrown) {
    // An alias bomb or an unresolved alias.
    return { resources: [], faults: [{ path: '', message: firstLine(messageOf(thrown)) }] };
  }
}

function parseValue(value: unknown, table: KindTable): Parsed {
  const fault = (path: string, message: string): Parsed => ({ resources: [], faults: [{ path, message }] });
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return fault('', 'is not a resource: a map with apiVersion, kind, metadata and spec');
  }
  if (depthOf(value) > DEPTH_MAX) return fault('', `is nested deeper than ${DEPTH_MAX} levels`);
  const { kind, items } = value as { kind?: unknown; items?: unknown };
  if (kind === 'List')
    return Array.isArray(items) ? parseItems(items, table) : fault('items', 'must be a list of resources');
  const known = typeof kind === 'string' && Object.hasOwn(table, kind) ? table[kind] : undefined;
  if (known === undefined) {
    return fault(
      'kind',
      `${kind === undefined ? 'is missing' : 'is not known'}; known: ${Object.keys(table).join(', ')}`,
    );
  }
  const resource = withSpec(known.schema, value);
  const faults = faultsOf(known.schema, resource);
  return faults.length > 0 ? { resources: [], faults } : { resources: [resource], faults };
}

/** A kind whose spec needs no member may come without a spec, or with an empty one, as with Skupper. */
function withSpec(schema: Type.TObject, value: object): object {
  const { spec } = schema.properties as { spec?: { required?: string[] } };
  if (spec === undefined || (spec.required ?? []).length > 0) return value;
  return { ...value, spec: (value as { spec?: unknown }).spec ?? {} };
}

function parseItems(items: unknown[], table: KindTable): Parsed {
  const result: Parsed = { resources: [], faults: [] };
  for (const [index, item] of items.entries()) {
    const parsed = parseValue(item, table);
    result.resources.push(...parsed.resources);
    for (const { path, message } of parsed.faults) {
      result.faults.push({ path: path === '' ? `items[${index}]` : `items[${index}].${path}`, message });
    }
  }
  return result;
}

function refused(source: string, message: string): ResourceError {
  return new ResourceError(source, [{ document: 1, path: '', message }]);
}

function listing(faults: readonly ResourceFault[]): string {
  const several = faults.some((fault) => fault.document > 1);
  return faults
    .map(({ document, path, message }) => {
      const place = [several ? `document ${document}` : '', path].filter(Boolean).join(': ');
      return `  ${place}${place && ' '}${message}`;
    })
    .join('\n');
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]!.replace(/:$/, '');
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let deepest = 0;
  for (const child of Object.values(value)) deepest = Math.max(deepest, depthOf(child));
  return deepest + 1;
}

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
