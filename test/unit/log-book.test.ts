import { describe, expect, it } from 'vitest';
import {
  type BookLevel,
  LOG_ENTRY_COUNT_MAX,
  LOG_TEXT_LENGTH_MAX,
  LogBook,
  type LogEntry,
} from '../../router/telemetry/log-book.ts';

const entry = (text: string, level: BookLevel = 'info', module = 'ROUTER'): LogEntry => ({
  at: 1_700_000_000_000,
  module,
  level,
  text,
});

describe('the log book', () => {
  it('gives back the last entries, the oldest first', () => {
    const book = new LogBook();
    for (const text of ['a', 'b', 'c']) book.add(entry(text));

    expect(book.recent(2).map(({ text }) => text)).toEqual(['b', 'c']);
    expect(book.recent(10).map(({ text }) => text)).toEqual(['a', 'b', 'c']);
    expect(book.recent(0)).toEqual([]);
    expect(book.recent(-1)).toHaveLength(3);
  });

  it('remembers a bounded number of entries and forgets the oldest', () => {
    const book = new LogBook();
    for (let i = 0; i < LOG_ENTRY_COUNT_MAX + 7; i++) book.add(entry(String(i)));

    const texts = book.recent(-1).map(({ text }) => text);
    expect(texts).toHaveLength(LOG_ENTRY_COUNT_MAX);
    expect(texts[0]).toBe('7');
    expect(texts.at(-1)).toBe(String(LOG_ENTRY_COUNT_MAX + 6));
    expect(book.recent(1)).toEqual([entry(String(LOG_ENTRY_COUNT_MAX + 6))]);
  });

  it('cuts a text that is too long', () => {
    const book = new LogBook();
    book.add(entry('x'.repeat(LOG_TEXT_LENGTH_MAX + 1)));

    expect(book.recent(1)[0]!.text).toHaveLength(LOG_TEXT_LENGTH_MAX);
  });

  it('counts by module and level, forgotten entries too', () => {
    const book = new LogBook();
    for (let i = 0; i < LOG_ENTRY_COUNT_MAX; i++) book.add(entry('a', 'warning', 'SERVER'));
    book.add(entry('b', 'warning', 'SERVER'));
    book.add(entry('c', 'error', 'ROUTER'));

    expect(book.stats('SERVER')).toMatchObject({ warning: LOG_ENTRY_COUNT_MAX + 1, error: 0 });
    expect(book.stats('ROUTER')).toEqual({ debug: 0, info: 0, warning: 0, error: 1, critical: 0 });
    expect(book.stats('POLICY')).toEqual({ debug: 0, info: 0, warning: 0, error: 0, critical: 0 });
    expect(book.stats()).toMatchObject({ warning: LOG_ENTRY_COUNT_MAX + 1, error: 1 });
  });

  it('tells its listeners until they are done', () => {
    const book = new LogBook();
    const heard: string[] = [];
    const stop = book.listen(({ text }) => heard.push(text));
    book.add(entry('a'));
    stop();
    book.add(entry('b'));

    expect(heard).toEqual(['a']);
  });
});
