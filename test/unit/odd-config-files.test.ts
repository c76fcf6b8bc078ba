import { describe, expect, it } from 'vitest';
import { ConfigError, entitiesOf, parseConfig, type RouterConfig } from '../../router/management/config.ts';
import { ODD_FILES } from '../support/odd-config-files.ts';

const parse = (what: string): RouterConfig => {
  const { text, form } = ODD_FILES.find((file) => file.what === what)!;
  return parseConfig(text, what, form);
};

describe('an odd configuration file', () => {
  for (const { what, form, text, takenBy, why } of ODD_FILES) {
    const taken = takenBy === 'both' || takenBy === 'ours';
    it(`${what} (${form}) is ${taken ? 'taken' : 'refused'}${why ? `: ${why}` : ''}`, () => {
      const parsed = () => parseConfig(text, what, form);
      if (taken) expect(parsed).not.toThrow();
      else expect(parsed).toThrow(ConfigError);
    });
  }
});

describe('its values are those that the original reads', () => {
  it('with the backslashes of JSON', () => {
    expect(parse('backslasht').router.metadata).toBe('a\tb');
    expect(parse('backslashu').router.metadata).toBe('aAb');
    expect(parse('escquote').router.metadata).toBe('say "x"');
  });

  it('with the last of what is given more than once, and a warning', () => {
    const { router, warnings } = parse('twice');
    expect(router.id).toBe('B');
    expect(warnings).toMatchObject([{ path: '[0].router.id', line: 4 }]);
  });

  it('with names of any spelling', () => {
    for (const what of ['hyphen', 'underscore', 'hyphendouble', 'underkey', 'spacekey'])
      expect(parse(what).router.helloMaxAgeSeconds).not.toBe(3);
  });

  it('with choices by number, and numbers that are true', () => {
    expect(parse('modenumber').router.mode).toBe('interior');
    const [listener] = entitiesOf(parse('boolnum2'), 'listener').values();
    expect(listener).toMatchObject({ http: true });
  });

  it('with maps of lines, and spare commas', () => {
    const [lines] = entitiesOf(parse('hyphenopenprops2'), 'listener').values();
    expect(lines!.openProperties).toEqual({ a: '1' });
    const [spare] = entitiesOf(parse('openpropstrailcomma'), 'listener').values();
    expect(spare!.openProperties).toEqual({ a: 1 });
    const [vhost] = entitiesOf(parse('vhost'), 'vhost').values();
    expect(vhost).toMatchObject({ hostname: 'a#b', groups: { $default: { users: '*' } } });
  });

  it('and a comma before a bracket stays in a value, where the original drops it', () => {
    expect(parse('commabracket').router.metadata).toBe('a, ]b,}');
  });
});
