/**
 * The two forms of a configuration file, read into sections with no knowledge of entity types (wire reference 9.3).
 *
 * JSON: `[["listener", {"port": 5672}], ...]`, lines that begin with `#` are comments. Text (`text-sections.ts`): `listener {`, one
 * `attribute: value` a line, `}`. Without a form given, a file that begins with `[` is JSON. Not here: what attributes mean (entity.ts).
 */
import { messageOf } from '../../lib/errors.ts';
import { type ConfigFault, camelCase, type RawAttribute, type Section } from './section.ts';
import { TextReader } from './text-sections.ts';
import { isMap } from './values.ts';

export type { ConfigFault, RawAttribute, Section } from './section.ts';

export interface Sections {
  readonly sections: readonly Section[];
  readonly faults: readonly ConfigFault[];
  /** What is read, and most likely not meant so. */
  readonly warnings: readonly ConfigFault[];
}

/** As skupper-router tells them apart: by the ending of the file's name. */
export type ConfigForm = 'json' | 'text';

const COMMENT = /^\s*#/;

/** @param form of the text; when absent, what it looks like */
export function readSections(text: string, form?: ConfigForm): Sections {
  const lines = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  const first = lines.find((line) => line.trim() !== '' && !COMMENT.test(line));
  const { sections, faults } =
    form === 'json' || looksLikeJson(first?.trim() ?? '') ? readJson(lines) : new TextReader(lines).read();
  const warnings: ConfigFault[] = [];
  return { sections: sections.map((each) => withoutRepeats(each, warnings)), faults, warnings };
}

/** A section that opens as in JSON may also stand in a text file. */
function looksLikeJson(first: string): boolean {
  return first.startsWith('[') && !/^\["[^"]*"\s*,\s*\{$/.test(first);
}

function readJson(lines: readonly string[]): { sections: Section[]; faults: ConfigFault[] } {
  let document: unknown;
  try {
    document = JSON.parse(lines.map((line) => (COMMENT.test(line) ? '' : line)).join('\n'));
  } catch (error) {
    return { sections: [], faults: [{ path: '$', message: `not valid JSON: ${messageOf(error)}` }] };
  }
  if (!Array.isArray(document)) {
    return { sections: [], faults: [{ path: '$', message: 'expected a list: [["entity", {...}], ...]' }] };
  }
  const sections: Section[] = [];
  const faults: ConfigFault[] = [];
  for (const [index, item] of document.entries()) {
    if (Array.isArray(item) && item.length === 2 && typeof item[0] === 'string' && isMap(item[1])) {
      const type = camelCase(item[0]);
      const attributes = Object.entries(item[1]).map(([name, value]) => ({ name: camelCase(name), value }));
      sections.push({ path: `[${index}].${type}`, type, attributes });
    } else {
      faults.push({ path: `[${index}]`, message: 'expected ["entity", {"attribute": value, ...}]' });
    }
  }
  return { sections, faults };
}

/** An attribute that is given twice has its last value, as in the original; it is told. */
function withoutRepeats(section: Section, warnings: ConfigFault[]): Section {
  const last = new Map<string, RawAttribute>();
  for (const attribute of section.attributes) {
    const { name, line } = attribute;
    if (last.has(name)) {
      warnings.push({ path: `${section.path}.${name}`, message: 'given more than once: the last value counts', line });
    }
    last.set(name, attribute);
  }
  return last.size === section.attributes.length ? section : { ...section, attributes: [...last.values()] };
}
