import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { LogModule } from '../../router/core/log-modules.ts';
import { LogFileError, RouterLog } from '../../router/io/router-log.ts';
import { entitiesOf, parseConfig } from '../../router/management/config.ts';
import { LogBook } from '../../router/telemetry/log-book.ts';

const directory = mkdtempSync(join(tmpdir(), 'skuprt-log-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const AT = Date.UTC(2026, 10, 21, 21, 5, 9, 42);

type Line = Record<string, unknown>;

const setUp = (...entities: Record<string, unknown>[]) => started(false, ...entities);

function started(isVerbose: boolean, ...entities: Record<string, unknown>[]) {
  const lines: Line[] = [];
  const logs = new RouterLog(new LogBook(), () => AT, {
    standard: { write: (line) => lines.push(JSON.parse(line)) },
    isVerbose,
  });
  const set = (...attributes: Record<string, unknown>[]) => {
    const text = JSON.stringify(attributes.map((each) => ['log', each]));
    for (const entity of entitiesOf(parseConfig(text, 'test'), 'log').values()) logs.set(entity);
  };
  set(...entities);
  return { logs, lines, set };
}

/** The messages that pass, of one at each level. */
function passed(logs: RouterLog, lines: Line[], module: LogModule): string[] {
  const log = logs.of(module);
  for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[level]({}, level);
  return lines.splice(0).map(({ msg }) => String(msg));
}

describe('the log of a router', () => {
  it('writes info and above, with the module', () => {
    const { logs, lines } = setUp();
    logs.of('SERVER').info({ name: 'l' }, 'listening');
    expect(lines).toMatchObject([{ level: 'info', process: 'router', module: 'SERVER', name: 'l', msg: 'listening' }]);
    expect(passed(logs, lines.splice(0) && lines, 'ROUTER')).toEqual(['info', 'warn', 'error', 'fatal']);
  });

  it('begins at debug when it is started so, but for frames and what the configuration says', () => {
    const { logs, lines } = started(true, { module: 'SERVER', enable: 'error+' });
    expect(passed(logs, lines, 'ROUTER')).toEqual(['trace', 'debug', 'info', 'warn', 'error', 'fatal']);
    expect(passed(logs, lines, 'SERVER')).toEqual(['error', 'fatal']);
    expect(passed(logs, lines, 'PROTOCOL')).not.toContain('debug');
  });

  it('has levels per module, and those of DEFAULT for the others', () => {
    const { logs, lines } = setUp(
      { module: 'DEFAULT', enable: 'error+' },
      { module: 'SERVER', enable: 'debug,warning' },
    );
    expect(passed(logs, lines, 'SERVER')).toEqual(['trace', 'debug', 'warn']);
    expect(passed(logs, lines, 'POLICY')).toEqual(['error', 'fatal']);
    expect(logs.isEnabled('SERVER', 'debug')).toBe(true);
    expect(logs.isEnabled('POLICY', 'debug')).toBe(false);
  });

  it('changes while it runs, also to none and back to the default', () => {
    const { logs, lines, set } = setUp();
    expect(passed(logs, lines, 'SERVER')).toHaveLength(4);
    set({ module: 'SERVER', enable: 'none' });
    expect(passed(logs, lines, 'SERVER')).toEqual([]);
    expect(passed(logs, lines, 'ROUTER')).toHaveLength(4);
    set({ module: 'SERVER', enable: 'default' }, { module: 'DEFAULT', enable: 'critical' });
    expect(passed(logs, lines, 'SERVER')).toEqual(['fatal']);
  });

  it('keeps what it writes in the book, and nothing else', () => {
    const { logs } = setUp();
    const log = logs.of('CONN_MGR');
    log.warn({ host: '::1', err: new Error('no\nway'), password: 'x' }, 'cannot connect');
    log.debug({}, 'not written');
    expect(logs.book.recent(-1)).toEqual([
      { at: AT, module: 'CONN_MGR', level: 'warning', text: 'cannot connect host=::1 err=no way password=[redacted]' },
    ]);
  });

  it('leaves the time out, or writes it as the router entity says', () => {
    const { logs, lines, set } = setUp();
    logs.of('ROUTER').info({}, 'a');
    logs.setTimes({ timestampFormat: '%Y-%m-%d %H:%M:%S.%%06lu %z', timestampsInUTC: true });
    logs.of('ROUTER').info({}, 'b');
    set({ module: 'ROUTER', includeTimestamp: 'no' });
    logs.of('ROUTER').info({}, 'c');
    expect(lines.map(({ time }) => time)).toEqual([
      '2026-11-21T21:05:09.042Z',
      '2026-11-21 21:05:09.042000 +0000',
      undefined,
    ]);
  });

  it('writes a module to a file of its own', () => {
    const file = join(directory, 'server.log');
    const { logs, lines, set } = setUp({ module: 'SERVER', outputFile: file });
    logs.of('SERVER').info({}, 'in the file');
    logs.of('ROUTER').info({}, 'not in the file');
    set({ module: 'SERVER' });
    logs.of('SERVER').info({}, 'not any more');
    expect(readFileSync(file, 'utf8')).toContain('in the file');
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(1);
    expect(lines.map(({ msg }) => msg)).toEqual(['not in the file', 'not any more']);
  });

  it('refuses a file that cannot be written, and stays as it was', () => {
    const { logs, lines, set } = setUp();
    expect(() => set({ module: 'SERVER', enable: 'none', outputFile: join(directory, 'no', 'such') })).toThrow(
      LogFileError,
    );
    expect(passed(logs, lines, 'SERVER')).toHaveLength(4);
  });
});
