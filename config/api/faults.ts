/** Turns schema violations into sentences that name the place in the user's terms and say what to write instead. */
import type Type from 'typebox';
import { Settings } from 'typebox/system';
import Value from 'typebox/value';
import { suggestion } from '../../lib/suggest.ts';

// The library stops at 8 otherwise; a user wants to see all of them.
Settings.Set({ maxErrors: 1000 });

export interface Fault {
  /** `spec.endpoints[0].port`; empty for the document itself. */
  path: string;
  message: string;
}

interface Violation {
  keyword: string;
  schemaPath: string;
  instancePath: string;
  params: Record<string, unknown>;
  message: string;
}

interface SchemaNode {
  title?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  properties?: Record<string, SchemaNode>;
  oneOf?: { required?: string[] }[];
}

/** Every fault of `value`, one per place; empty when it is valid. */
export function faultsOf(schema: Type.TSchema, value: unknown): Fault[] {
  if (Value.Check(schema, value)) return [];
  const faults = new Map<string, Fault>();
  for (const violation of Value.Errors(schema, value) as Violation[]) {
    for (const fault of describe(violation, schema, value)) {
      if (!faults.has(fault.path)) faults.set(fault.path, fault);
    }
  }
  return [...faults.values()];
}

function describe(violation: Violation, root: Type.TSchema, value: unknown): Fault[] {
  const { keyword, schemaPath, instancePath, params } = violation;
  // Each branch of a oneOf complains for itself; the oneOf speaks for all of them. `boolean` repeats additionalProperties.
  if (/\/oneOf\/\d/.test(schemaPath) || keyword === 'boolean') return [];
  const segments = pointerSegments(instancePath);
  const schema = lookUp(root, pointerSegments(schemaPath)) as SchemaNode;
  const found = lookUp(value, segments);
  const path = pathText(segments);
  switch (keyword) {
    case 'required':
      return (params.requiredProperties as string[]).map((key) => ({
        path: pathText([...segments, key]),
        message: `is missing; give ${expected(schema.properties?.[key])}`,
      }));
    case 'additionalProperties':
      return (params.additionalProperties as string[]).map((key) => ({
        path: pathText([...segments, key]),
        message: unknownKey(key, Object.keys(schema.properties ?? {})),
      }));
    case 'oneOf': {
      if (typeof found !== 'object' || found === null) return [];
      const keys = (schema.oneOf ?? []).flatMap((branch) => branch.required ?? []);
      const given = keys.filter((key) => Object.hasOwn(found, key));
      return [
        { path, message: `give exactly one of ${keys.join(' and ')}, not ${given.length > 0 ? 'both' : 'neither'}` },
      ];
    }
    case 'type':
    case 'const':
    case 'enum':
    case 'minimum':
    case 'maximum':
    case 'pattern':
    case 'format':
    case 'minLength':
    case 'maxLength':
      return [{ path, message: `must be ${expected(schema)}, not ${shortJson(found)}` }];
    default:
      return [{ path, message: violation.message }];
  }
}

function unknownKey(key: string, known: string[]): string {
  return `is not a known key${suggestion(key, known) || `; known here: ${known.join(', ')}`}`;
}

function expected(schema: SchemaNode | undefined): string {
  if (schema?.const !== undefined) return JSON.stringify(schema.const);
  if (schema?.enum) return `one of ${schema.enum.join(', ')}`;
  if (schema?.title) return schema.title;
  const type = String(schema?.type ?? 'value');
  if (type === 'array') return 'a list';
  if (type === 'object') return 'a map of keys';
  if (type === 'boolean') return 'true or false';
  if (type === 'integer') return 'a whole number';
  return `a ${type}`;
}

function shortJson(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length > 60 ? `${json.slice(0, 57)}...` : json;
}

function pointerSegments(pointer: string): string[] {
  return pointer
    .replace(/^#/, '')
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function lookUp(root: unknown, segments: string[]): unknown {
  let node = root;
  for (const segment of segments) node = (node as Record<string, unknown> | undefined)?.[segment];
  return node;
}

function pathText(segments: string[]): string {
  let path = '';
  for (const segment of segments) {
    if (/^\d+$/.test(segment)) path += `[${segment}]`;
    else path += path === '' ? segment : `.${segment}`;
  }
  return path;
}
