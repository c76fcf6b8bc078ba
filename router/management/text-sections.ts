/**
 * The text form of a configuration file, read line by line (wire reference 9.3).
 *
 * `listener {`, then one `attribute: value` a line, then `}`. Values stand without quotes, and backslashes in them are those of JSON. `#`
 * begins a comment, but not in patterns. Maps are JSON (`openProperties`, `groups`) or lines of the same form. Lines that are pieces of
 * the JSON form are taken too.
 *
 * Not here: what attributes mean (entity.ts).
 */
import { messageOf } from '../../lib/errors.ts';
import { ATTRIBUTE_DEPTH_MAX } from './limits.ts';
import { type ConfigFault, camelCase, type RawAttribute, type Section } from './section.ts';

/** Attributes whose value may hold `#`. */
const HASH_ALLOWED: ReadonlySet<string> = new Set(['pattern', 'bindingKey', 'hostname']);
/** Attributes whose value is a JSON map. */
const JSON_MAPS: ReadonlySet<string> = new Set(['openProperties', 'groups']);

const COMMENT = /^\s*#/;
const OPENING = /^(?:([\w-]+)\s*\{|\["([\w.-]+)"\s*,\s*\{)$/;
const CLOSING = /^\}(?:\],?)?$/;
const ATTRIBUTE = /^([\w-]+)\s*:\s*(.*)$/;
const JSON_ATTRIBUTE = /^"([^"\\]+)"\s*:\s*(.*?),?$/;
const MAP_KEY = /^(\$*[\w-]+)\s*:\s*(.*)$/;

export class TextReader {
  private readonly lines: readonly string[];
  private next = 0;
  private readonly sections: Section[] = [];
  private readonly faults: ConfigFault[] = [];

  constructor(lines: readonly string[]) {
    this.lines = lines;
  }

  read(): { sections: Section[]; faults: ConfigFault[] } {
    for (let line = this.take(); line !== undefined; line = this.take()) {
      const [, plain, quoted] = OPENING.exec(withoutComment(line)) ?? [];
      const type = plain ?? quoted;
      if (type === undefined) {
        this.fault(`[${this.sections.length}]`, `expected 'entity {' on a line of its own, got '${line.slice(0, 60)}'`);
      } else this.readSection(camelCase(type));
    }
    return { sections: this.sections, faults: this.faults };
  }

  private readSection(type: string): void {
    const line = this.next;
    const attributes: RawAttribute[] = [];
    const path = `[${this.sections.length}].${type}`;
    for (let text = this.take(); text !== undefined; text = this.take()) {
      if (CLOSING.test(withoutComment(text))) {
        this.sections.push({ path, type, attributes, line });
        return;
      }
      const attribute = this.readAttribute(path, text);
      if (attribute) attributes.push(attribute);
    }
    this.faults.push({ path, message: "not closed by '}'", line });
  }

  private readAttribute(path: string, text: string): RawAttribute | undefined {
    const line = this.next;
    const [, key, rest] = ATTRIBUTE.exec(text) ?? [];
    if (key === undefined) return this.readJsonAttribute(path, text);
    const name = camelCase(key);
    const at = `${path}.${name}`;
    if (JSON_MAPS.has(key) && rest!.startsWith('{')) return this.readJsonMap(at, name, rest!);
    if (withoutComment(rest!) === '{') return { name, value: this.readMap(at, 1), line };
    const value = this.readValue(at, HASH_ALLOWED.has(name) ? rest!.split(/\s/, 1)[0]! : withoutComment(rest!));
    return value === undefined ? undefined : { name, value, line };
  }

  /** What stands behind the colon, up to a comment. */
  private readValue(path: string, text: string): string | undefined {
    if (text === '') {
      this.fault(path, 'has no value');
    } else if (text.startsWith('{')) {
      this.fault(path, "expected a value, or '{' as the last thing on the line");
    } else if (text.includes('"') && /^"|(?<!\\)"/.test(text)) {
      this.fault(path, 'values stand without quotes; one that is part of it is written \\"');
    } else {
      try {
        return JSON.parse(`"${text}"`);
      } catch {
        this.fault(path, 'a backslash is written \\\\, a tab \\t, and other control characters as in JSON');
      }
    }
    return undefined;
  }

  /** `"attribute": value,` as in the JSON form. */
  private readJsonAttribute(path: string, text: string): RawAttribute | undefined {
    const line = this.next;
    const [, key, rest] = JSON_ATTRIBUTE.exec(text) ?? [];
    if (key !== undefined) {
      const name = camelCase(key);
      if (rest!.startsWith('{')) return this.readJsonMap(`${path}.${name}`, name, rest!);
      try {
        return { name, value: JSON.parse(rest!), line };
      } catch {
        // Told below, as any line that is none of this form.
      }
    }
    this.fault(path, `expected 'attribute: value' or '}', got '${text.slice(0, 60)}'`);
    return undefined;
  }

  /** Lines `key: value` and `key: {` up to a `}`. */
  private readMap(path: string, depth: number): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    const opened = this.next;
    for (let text = this.take(); text !== undefined; text = this.take()) {
      const bare = withoutComment(text);
      if (/^\},?$/.test(bare)) return Object.fromEntries(entries);
      const [, key, rest] = MAP_KEY.exec(bare) ?? [];
      const json = key === undefined ? this.readJsonAttribute(path, text) : undefined;
      if (key === undefined) {
        if (json) entries.push([json.name, json.value]);
      } else if (rest === '{') {
        if (depth === ATTRIBUTE_DEPTH_MAX) this.fault(path, `nested more than ${ATTRIBUTE_DEPTH_MAX} deep`);
        else entries.push([key, this.readMap(`${path}.${key}`, depth + 1)]);
      } else entries.push([key, this.readValue(`${path}.${key}`, rest!)]);
    }
    this.fault(path, "not closed by '}'", opened);
    return Object.fromEntries(entries);
  }

  /** A JSON map over one or more lines, up to the brace that closes it. */
  private readJsonMap(path: string, name: string, first: string): RawAttribute | undefined {
    const line = this.next;
    let json = first;
    let depth = braceDepth(first);
    while (depth > 0) {
      const text = this.take();
      if (text === undefined) break;
      json += `\n${text}`;
      depth += braceDepth(text);
    }
    try {
      return { name, value: JSON.parse(withoutSpareCommas(json.trimEnd())), line };
    } catch (error) {
      this.fault(path, `not valid JSON: ${messageOf(error)}`, line);
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

const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/g;

/** Braces that a line of JSON opens less those it closes, outside of strings. */
function braceDepth(line: string): number {
  const bare = line.replace(STRING, '');
  return bare.split('{').length - bare.split('}').length;
}

/** Commas before a closing bracket, and one at the end, are forgiven; what stands in strings stays. */
function withoutSpareCommas(json: string): string {
  return json
    .replace(/,$/, '')
    .replace(/"[^"\\]*(?:\\.[^"\\]*)*"|,\s*([\]}])/g, (whole, closing: string | undefined) => closing ?? whole);
}
