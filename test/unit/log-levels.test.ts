import { describe, expect, it } from 'vitest';
import { ENABLE_FORM, isEnabled, LEVELS, levelMask } from '../../router/management/log-levels.ts';

const levels = (enable: string): string[] | undefined => {
  const mask = levelMask(enable);
  return mask === undefined ? undefined : LEVELS.filter((level) => isEnabled(mask, level));
};

describe('the levels of a log module', () => {
  it('are one level, a list, or all from one on', () => {
    expect(levels('warning')).toEqual(['warning']);
    expect(levels('debug,error')).toEqual(['debug', 'error']);
    expect(levels('warning+')).toEqual(['warning', 'error', 'critical']);
    expect(levels('debug,error+')).toEqual(['debug', 'error', 'critical']);
    expect(levels('info-')).toEqual(['debug', 'info']);
  });

  it('may be set off and cut short as the original takes it', () => {
    expect(levels('info; warning:error')).toEqual(['info', 'warning', 'error']);
    expect(levels('DEB+')).toEqual([...LEVELS]);
  });

  it('know none, default, and the names of older versions', () => {
    expect(levels('none')).toEqual([]);
    expect(levels('')).toEqual([]);
    expect(levels('default')).toBeUndefined();
    expect(levels('trace+')).toEqual([...LEVELS]);
    expect(levels('notice')).toEqual(['info']);
  });

  it('are nothing else', () => {
    for (const enable of ['bogus', '+', 'info!', 'infos', '1']) expect(ENABLE_FORM.pattern.test(enable)).toBe(false);
    for (const enable of ['', 'info+', 'none', 'debug, error-', 'd', 'CRITICAL'])
      expect(ENABLE_FORM.pattern.test(enable)).toBe(true);
  });
});
