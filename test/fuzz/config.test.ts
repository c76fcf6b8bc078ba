import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig, type RouterConfig } from '../../router/management/config.ts';
import { diffConfig } from '../../router/management/diff.ts';
import { attributeNames, CONFIG_TYPES } from '../../router/management/schema.ts';

const RUN = { seed: 42, numRuns: 400 };
const SAMPLES = ['c0', 'c1'].map((name) => readFileSync(`config/samples/${name}.json`, 'utf8'));
const CONF =
  'router {\n  mode: interior\n  id: A\n}\nlistener {\n  port: amqp\n  openProperties: {\n    "a": {"b": [1]}\n  }\n}\n';

/** The configuration, or undefined where it was refused as it should be. */
function parse(text: string): RouterConfig | undefined {
  try {
    return parseConfig(text, 'fuzz');
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { faults } = error as ConfigError;
    expect(faults.length).toBeGreaterThan(0);
    for (const { path, message } of faults) {
      expect(path).toMatch(/^(\$|\[[0-9]+\])/);
      expect(message).not.toBe('');
    }
    return undefined;
  }
}

/** Cuts, doubles or replaces a stretch of a text. */
const mutated = (text: string) =>
  fc
    .tuple(
      fc.nat(text.length),
      fc.nat(40),
      fc.constantFrom('cut', 'double', 'replace'),
      fc.string({ maxLength: 12, unit: 'binary' }),
    )
    .map(([at, length, how, other]) => {
      const [head, middle, tail] = [text.slice(0, at), text.slice(at, at + length), text.slice(at + length)];
      return head + (how === 'cut' ? '' : how === 'double' ? middle + middle : other) + tail;
    });

const anyText = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), ...[...SAMPLES, CONF].map(mutated));

/** Sections with known names and any values. */
const section = fc
  .constantFrom(...CONFIG_TYPES)
  .chain((type) =>
    fc.tuple(
      fc.constant(type),
      fc.dictionary(
        fc.constantFrom(...attributeNames(type), '__proto__', 'constructor'),
        fc.oneof(
          fc.string(),
          fc.integer(),
          fc.boolean(),
          fc.constantFrom('yes', '1', '16384', 'interior', 'inter-router'),
          fc.jsonValue(),
        ),
      ),
    ),
  );

describe('any text as a configuration file', () => {
  it('is a configuration or a list of faults with paths, never a crash', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        parse(text);
      }),
      RUN,
    );
  });

  it('and any values in known attributes likewise', () => {
    fc.assert(
      fc.property(fc.array(section, { maxLength: 6 }), (sections) => {
        parse(JSON.stringify(sections));
      }),
      RUN,
    );
  });

  it('differs from itself in nothing', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const config = parse(text);
        if (config) expect(diffConfig(config, parseConfig(text, 'fuzz'))).toEqual([]);
      }),
      RUN,
    );
  });

  it('nested beyond any stack is refused', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(parse(deep)).toBeUndefined();
    expect(parse(`[["listener", {"openProperties": {"a": ${deep}}}]]`)).toBeUndefined();
  });
});
