/**
 * One entity: attribute names and values checked against the schema, defaults filled in, name and identity given.
 *
 * Used alike for sections of a file and for bodies of CREATE and UPDATE. Not here: what depends on other entities (rules.ts).
 */
import { suggestion } from '../../lib/suggest.ts';
import type { Attribute } from './attributes.ts';
import { attributeNames, attributeOf, type Entity, type EntityType, schemaOf, shortName } from './schema.ts';
import type { ConfigFault, RawAttribute } from './sections.ts';
import { parseValue, shown } from './values.ts';

/** Something accepted that has no effect. */
export type ConfigWarning = ConfigFault;

export interface ParsedEntity {
  /** Absent when there is a fault. */
  readonly entity?: Entity;
  readonly faults: readonly ConfigFault[];
  readonly warnings: readonly ConfigWarning[];
}

export interface EntitySource {
  readonly type: EntityType;
  /** Prefix of the paths of faults. */
  readonly path: string;
  readonly attributes: readonly RawAttribute[];
  readonly line?: number;
  /** Makes the name of a nameless entity of a type that has no natural one. */
  readonly index: number;
}

/** The default `log` entity of module DEFAULT; other modules inherit from it. */
const DEFAULT_LOG = { enable: 'info+', includeTimestamp: true, includeSource: false, outputFile: 'stderr' };

export function parseEntity(source: EntitySource): ParsedEntity {
  return new EntityParser(source).parse();
}

class EntityParser {
  private readonly source: EntitySource;
  private readonly values = new Map<string, unknown>();
  private readonly faults: ConfigFault[] = [];
  private readonly warnings: ConfigWarning[] = [];

  constructor(source: EntitySource) {
    this.source = source;
  }

  parse(): ParsedEntity {
    const { faults, warnings } = this;
    const { inert } = schemaOf(this.source.type);
    if (inert !== undefined) warnings.push({ path: this.source.path, message: `has no effect: ${inert}` });
    for (const raw of this.source.attributes) this.take(raw);
    this.checkRequired();
    return faults.length === 0 ? { entity: this.entity(), faults, warnings } : { faults, warnings };
  }

  private take(raw: RawAttribute): void {
    const { type } = this.source;
    const attribute = attributeOf(type, raw.name);
    if (attribute === undefined) {
      this.fault(raw, `unknown attribute${suggestion(raw.name, attributeNames(type))}`);
    } else if (this.values.has(raw.name)) {
      this.fault(raw, 'given twice');
    } else if (raw.value !== undefined && raw.value !== null) {
      this.takeValue(raw, attribute);
    }
  }

  private takeValue(raw: RawAttribute, attribute: Attribute): void {
    if (raw.name === 'type') {
      if (shortName(String(raw.value)) !== this.source.type) this.fault(raw, `expected ${this.source.type}`);
      return;
    }
    if (attribute.access === 'read') {
      this.warnings.push({ path: this.pathOf(raw), message: 'has no effect: it is read-only', line: raw.line });
      return;
    }
    const parsed = parseValue(attribute, raw.value);
    if ('fault' in parsed) {
      this.fault(raw, parsed.fault);
      return;
    }
    this.values.set(raw.name, parsed.value);
    const harmless = [attribute.default, ...(attribute.inert ?? [])];
    if (attribute.inert !== undefined && !harmless.includes(parsed.value)) {
      const value = attribute.hidden ? '' : ` (${shown(parsed.value)})`;
      this.warnings.push({ path: this.pathOf(raw), message: `has no effect${value}: not supported`, line: raw.line });
    }
  }

  private checkRequired(): void {
    const { type, path, line, attributes } = this.source;
    for (const [name, attribute] of Object.entries(schemaOf(type).attributes)) {
      const given = attributes.some((raw) => raw.name === name && raw.value !== undefined && raw.value !== null);
      if (attribute.required && !given) this.faults.push({ path: `${path}.${name}`, message: 'required', line });
    }
  }

  private entity(): Entity {
    const { type, index } = this.source;
    const { values } = this;
    const held: Record<string, unknown> = { type };
    for (const [name, { default: fallback }] of Object.entries(schemaOf(type).attributes)) {
      held[name] = values.get(name) ?? fallback;
    }
    if (held.module === 'DEFAULT') Object.assign(held, { ...DEFAULT_LOG, ...Object.fromEntries(values) });
    const name = values.get('name') as string | undefined;
    // The name that a nameless one was given comes back when it is changed: it stays as it is known.
    const wasGiven = name !== undefined && isGivenName(name, type, identifier(type, held, undefined));
    const identity = wasGiven ? name : `${type}/${identifier(type, held, name) ?? name ?? index}`;
    return Object.freeze({ ...held, name: name || identity, identity }) as Entity;
  }

  private fault(raw: RawAttribute, message: string): void {
    this.faults.push({ path: this.pathOf(raw), message, line: raw.line });
  }

  private pathOf(raw: RawAttribute): string {
    return `${this.source.path}.${raw.name}`;
  }
}

/** @param unnamed what identifies such an entity when it has no name; undefined where they are counted */
function isGivenName(name: string, type: EntityType, unnamed: string | undefined): boolean {
  return unnamed === undefined ? name.startsWith(`${type}/`) : name === `${type}/${unnamed}`;
}

/** What makes an entity of this type unique, as skupper-router forms it; undefined where it counts or goes by the name. */
function identifier(type: EntityType, held: Record<string, unknown>, name: string | undefined): string | undefined {
  const parts = (...values: unknown[]) => values.filter((value) => value !== undefined).join(':');
  switch (type) {
    case 'router':
      return parts(held.id);
    case 'listener':
    case 'connector':
    case 'tcpListener':
    case 'tcpConnector':
      return parts(held.host, held.port, name);
    case 'listenerAddress':
      return parts(held.listener, held.address, name);
    case 'log':
      return parts(held.module);
    case 'vhost':
      return parts(held.hostname);
    case 'address':
      return name ?? parts(held.prefix ?? held.pattern);
    default:
      return undefined;
  }
}
