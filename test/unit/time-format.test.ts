import { describe, expect, it } from 'vitest';
import { formatTime } from '../../router/telemetry/time-format.ts';

const AT = Date.UTC(2026, 0, 3, 15, 4, 5, 67);

describe('the time of a log line', () => {
  it.each([
    ['%Y-%m-%d %H:%M:%S.%%06lu %z', '2026-01-03 15:04:05.067000 +0000'],
    ['%F %T', '2026-01-03 15:04:05'],
    ['%a %A %b %B %e %j', 'Sat Saturday Jan January  3 003'],
    ['%I:%M %p %y %C', '03:04 PM 26 20'],
    ['%s', String(Math.floor(AT / 1000))],
    ['no conversion, 100%%%% %Q', 'no conversion, 100% %Q'],
    ['', ''],
  ])('%s', (format, text) => {
    expect(formatTime(AT, format, true)).toBe(text);
  });

  it('is local unless it is to be UTC', () => {
    const zone = process.env.TZ;
    process.env.TZ = 'Asia/Kolkata';
    try {
      expect(formatTime(AT, '%H:%M %z', false)).toBe('20:34 +0530');
      expect(formatTime(AT, '%H:%M %z', true)).toBe('15:04 +0000');
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });
});
