/**
 * The two forms of a configuration file, read into sections with no knowledge of entity types (wire reference 9.3).
 *
 * JSON: `[["listener", {"port": 5672}], ...]`, lines that begin with `#` are comments. Text: `listener {`, one `attribute: value` a
 * line, `}`. A file that begins with `[` is JSON. Not here: what attributes mean (entity.ts).
 */
import { messageOf } from '../../lib/errors.ts';
import { isMap } from './values.ts';

export interface ConfigFault {
  /** Where: `[3].listener.port`, or `$` for the document. */
  readonly path: string;
  readonly message: string;
  /** In a text file, from 1. */
  readonly line?: number;
}

export interface RawAttribute {
  readonly name: string;
  readonly value: unknown;
  readonly line?: number;
}

export interface Section {
  readonly path: string;
  readonly type: string;
  readonly attributes: readonly RawAttribute[];
  readonly line?: number;
}

export interface Sections {
  readonly sections: readonly Section[];
  readonly faults: readonly ConfigFault[];
}

const COMMENT = /^\s*#/;

export function readSections(text: string): Sections {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const first = lines.find((line) => line.trim() !== '' && !COMMENT.test(line));
  return first?.trimStart().startsWith('[') ? readJson(lines) : new TextReader(lines).read();
}

function readJson(lines: readonly string[]): Sections {
  let document: unknown;
  try {
    document = JSON.parse(lines.map((line) => (COMMENT.test(line) ? '' : line)).join('\n'));
  } catch (error) {
    return { sections: [], faults: [{ path: '$', message: `not valid JSON: ${messageOf(error)}` }] };
  }
  const sections: Section[] = [];
  const faults: ConfigFault[] = [];
  for (const [index, item] of (document as unknown[]).entries()) {
    if (Array.isArray(item) && item.length === 2 && typeof item[0] === 'string' && isMap(item[1])) {
      const attributes = Object.entries(item[1]).map(([name, value]) => ({ name: camelCase(name), value }));
      sections.push(section(index, camelCase(item[0]), attributes));
    } else {
      faults.push({ path: `[${index}]`, message: 'expected ["entity", {"attribute": value, ...}]' });
    }
  }
  return { sections, faults };
}

function section(index: number, type: string, attributes: RawAttribute[], line?: number): Section {
  return { path: `[${index}].${type}`, type, attributes, line };
}

/** `ssl-profile` is `sslProfile`. */
function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase());
}

/** Attributes whose value may hold `#`. */
const HASH_ALLOWED = new Set(['pattern', 'bindingKey', 'hostname']);
/** Attributes whose value is a JSON map. */
const JSON_ALLOWED = new Set(['openProperties', 'groups']);

class TextReader {
  private readonly lines: readonly string[];
  private next = 0;
  private readonly sections: Section[] = [];
  private readonly faults: ConfigFault[] = [];

  constructor(lines: readonly string[]) {
    this.lines = lines;
  }

  read(): Sections {
    for (let line = this.take(); line !== undefined; line = this.take()) {
      const opening = /^([\w-]+)\s*\{$/.exec(withoutComment(line));
      if (opening) this.readSection(camelCase(opening[1]!));
      else
        this.fault(`[${this.sections.length}]`, `expected 'entity {' on a line of its own, got '${line.slice(0, 60)}'`);
    }
    return { sections: this.sections, faults: this.faults };
  }

  private readSection(type: string): void {
    const opened = this.next;
    const attributes: RawAttribute[] = [];
    const path = `[${this.sections.length}].${type}`;
    for (let line = this.take(); line !== undefined; line = this.take()) {
      if (withoutComment(line) === '}') {
        this.sections.push(section(this.sections.length, type, attributes, opened));
        return;
      }
      const attribute = this.readAttribute(path, line);
      if (attribute) attributes.push(attribute);
    }
    this.faults.push({ path, message: "not closed by '}'", line: opened });
  }

  private readAttribute(path: string, line: string): RawAttribute | undefined {
    const at = this.next;
    const [, key, rest] = /^([\w-]+)\s*:\s*(.*)$/.exec(line) ?? [];
    if (key === undefined) {
      this.fault(path, `expected 'attribute: value' or '}', got '${line.slice(0, 60)}'`);
      return undefined;
    }
    const name = camelCase(key);
    if (rest!.startsWith('{')) return this.readMap(`${path}.${name}`, name, rest!);
    const value = HASH_ALLOWED.has(name) ? rest!.split(/\s/, 1)[0]! : withoutComment(rest!);
    if (value === '') {
      this.fault(`${path}.${name}`, 'has no value');
      return undefined;
    }
    return { name, value, line: at };
  }

  /** A JSON map over one or more lines, up to the brace that closes it. */
  private readMap(path: string, name: string, first: string): RawAttribute | undefined {
    const at = this.next;
    let json = first;
    let depth = braceDepth(first);
    while (depth > 0) {
      const line = this.take();
      if (line === undefined) break;
      json += `\n${line}`;
      depth += braceDepth(line);
    }
    if (!JSON_ALLOWED.has(name)) {
      this.fault(path, 'must not be a map', at);
      return undefined;
    }
    try {
      return { name, value: JSON.parse(json), line: at };
    } catch (error) {
      this.fault(path, `not valid JSON: ${messageOf(error)}`, at);
      return undefined;
    }
  }

  /** The next line that says something, trimmed; `this.next` is then its number, from 1. */
  private take(): string | undefined {
    while (this.next < this.lines.length) {
      const line = this.lines[this.next++]!;
      if (line.trim() !== '' && !COMMENT.test(line)) return line.trim();
    }
    return undefined;
  }

  private fault(path: string, message: string, line = this.next): void {
    this.faults.push({ path, message, line });
  }
}

function withoutComment(line: string): string {
  return line.split('#', 1)[0]!.trim();
}

/** Braces that a line of JSON opens less those it closes, outside of strings. */
function braceDepth(line: string): number {
  const bare = line.replace(/"[^"\\]*(?:\\.[^"\\]*)*"/g, '');
  return bare.split('{').length - bare.split('}').length;
}
