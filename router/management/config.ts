/**
 * A configuration file, parsed into frozen and fully defaulted entities, or refused with all its faults at once.
 *
 * Both of skupper-router's forms are read (sections.ts). Nothing is ignored in silence: what has no effect is in `warnings`.
 */
import { SkuprtError } from '../../lib/errors.ts';
import { suggestion } from '../../lib/suggest.ts';
import { LOG_MODULES } from '../core/log-modules.ts';
import { type ConfigWarning, parseEntity } from './entity.ts';
import { CONFIG_FAULTS_LISTED_MAX, CONFIG_TEXT_LENGTH_MAX } from './limits.ts';
import { checkEntity, type Finding, type Surroundings } from './rules.ts';
import {
  CONFIG_TYPES,
  type Entity,
  type EntityOf,
  type EntityType,
  isConfigType,
  type RouterEntity,
  schemaOf,
  shortName,
} from './schema.ts';
import { type ConfigFault, type ConfigForm, readSections, type Section } from './sections.ts';

export type { ConfigWarning } from './entity.ts';
export type { ConfigFault, ConfigForm } from './sections.ts';

export interface RouterConfig {
  readonly router: RouterEntity;
  /** All entities by type and name, in the order of the file; singletons and one `log` per module are always there. */
  readonly entities: ReadonlyMap<EntityType, ReadonlyMap<string, Entity>>;
  /** What is accepted and has no effect. */
  readonly warnings: readonly ConfigWarning[];
}

/** The file has mistakes; nothing of it is used. */
export class ConfigError extends SkuprtError {
  readonly code = 'SKUPRT_ROUTER_CONFIG';
  readonly fault = 'caller';
  readonly faults: readonly ConfigFault[];

  constructor(source: string, faults: readonly ConfigFault[]) {
    const listed = faults.slice(0, CONFIG_FAULTS_LISTED_MAX).map((fault) => `\n  ${describe(fault)}`);
    const more = faults.length - listed.length;
    const count = faults.length === 1 ? '1 mistake' : `${faults.length} mistakes`;
    super(`${source} has ${count}:${listed.join('')}${more > 0 ? `\n  and ${more} more` : ''}`, {
      next: 'Correct them and load the file again; the running configuration is unchanged',
    });
    this.faults = faults;
  }
}

/**
 * Parses the text of a configuration file; `source` is its name in messages, `form` what its text must be.
 * @throws ConfigError
 */
export function parseConfig(text: string, source: string, form?: ConfigForm): RouterConfig {
  if (text.length > CONFIG_TEXT_LENGTH_MAX) {
    throw new ConfigError(source, [{ path: '$', message: `longer than ${CONFIG_TEXT_LENGTH_MAX} characters` }]);
  }
  const { sections, faults, warnings } = readSections(text, form);
  const builder = new ConfigBuilder(faults, warnings);
  for (const section of sections) builder.add(section);
  return builder.finish(source);
}

/** The entities of one type, by name. */
export function entitiesOf<T extends EntityType>(config: RouterConfig, type: T): ReadonlyMap<string, EntityOf<T>> {
  return (config.entities.get(type) ?? new Map()) as ReadonlyMap<string, EntityOf<T>>;
}

export function describe({ path, message, line }: ConfigFault): string {
  return `${line === undefined ? '' : `line ${line}: `}${path}: ${message}`;
}

interface Placed {
  readonly entity: Entity;
  readonly section: Section;
}

class ConfigBuilder {
  private readonly faults: ConfigFault[];
  private readonly warnings: ConfigWarning[];
  private readonly entities = new Map<EntityType, Map<string, Entity>>();
  private readonly identities = new Set<string>();
  private readonly placed: Placed[] = [];
  private readonly counts = new Map<EntityType, number>();
  /** `type/name` of entities with faults: a reference to one is no second fault. */
  private readonly unsound = new Set<string>();

  constructor(faults: readonly ConfigFault[], warnings: readonly ConfigWarning[]) {
    this.faults = [...faults];
    this.warnings = [...warnings];
  }

  add(section: Section): void {
    const type = shortName(section.type);
    if (type === undefined || !isConfigType(type)) {
      const message = `unknown entity${suggestion(section.type, CONFIG_TYPES)}`;
      this.faults.push({ path: section.path, message, line: section.line });
      return;
    }
    const index = this.counts.get(type) ?? 0;
    this.counts.set(type, index + 1);
    if (schemaOf(type).singleton && index > 0) {
      this.faults.push({ path: section.path, message: `there can be only one ${type}`, line: section.line });
      return;
    }
    const { entity, faults, warnings } = parseEntity({ ...section, type, index });
    this.faults.push(...faults);
    this.warnings.push(...warnings);
    if (entity) this.place(entity, section);
    else this.unsound.add(`${type}/${section.attributes.find(({ name }) => name === 'name')?.value}`);
  }

  finish(source: string): RouterConfig {
    for (const type of CONFIG_TYPES) {
      if (schemaOf(type).singleton && !this.counts.has(type)) this.placeDefault(type, []);
    }
    this.addLogDefaults();
    this.checkRules();
    if (this.faults.length > 0)
      throw new ConfigError(
        source,
        this.faults.sort((a, b) => position(a) - position(b)),
      );
    const [router] = this.entities.get('router')!.values();
    return Object.freeze({
      router: router as RouterEntity,
      entities: this.entities,
      warnings: Object.freeze(this.warnings),
    });
  }

  private place(entity: Entity, section: Section): void {
    const named = this.entities.get(entity.type) ?? new Map<string, Entity>();
    if (named.has(entity.name) || this.identities.has(entity.identity)) {
      const path = `${section.path}.name`;
      this.faults.push({ path, message: `there is another ${entity.identity}; name them apart`, line: section.line });
      return;
    }
    this.identities.add(entity.identity);
    this.entities.set(entity.type, named.set(entity.name, entity));
    this.placed.push({ entity, section });
  }

  private placeDefault(type: EntityType, attributes: Section['attributes']): void {
    const section: Section = { path: type, type, attributes };
    const { entity } = parseEntity({ ...section, type, index: 0 });
    if (entity) this.place(entity, section);
  }

  /** Every log module has an entity, so that a changed level is always an update. */
  private addLogDefaults(): void {
    const given = new Set(
      [...(this.entities.get('log')?.values() ?? [])].map((log) => (log as EntityOf<'log'>).module),
    );
    for (const module of LOG_MODULES) {
      if (!given.has(module)) this.placeDefault('log', [{ name: 'module', value: module }]);
    }
  }

  private checkRules(): void {
    const [router] = this.entities.get('router')?.values() ?? [];
    const around: Surroundings = {
      mode: (router as RouterEntity | undefined)?.mode,
      find: (type, name) => this.entities.get(type)?.get(name),
      unsound: (type, name) => this.unsound.has(`${type}/${name}`),
    };
    for (const { entity, section } of this.placed) {
      const { faults, warnings } = checkEntity(entity, around);
      this.faults.push(...faults.map((finding) => located(finding, section)));
      this.warnings.push(...warnings.map((finding) => located(finding, section)));
    }
  }
}

/** Number of the section that a path begins with; -1 for the document. */
function position({ path }: ConfigFault): number {
  return Number(/^\[([0-9]+)\]/.exec(path)?.[1] ?? -1);
}

function located({ attribute, message }: Finding, section: Section): ConfigFault {
  const line = section.attributes.find(({ name }) => name === attribute)?.line ?? section.line;
  return { path: `${section.path}.${attribute}`, message, line };
}
