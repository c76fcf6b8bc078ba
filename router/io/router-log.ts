/**
 * The log of a running router: one logger a module, each with the levels, time and file that its `log` entity says, changed while it runs.
 *
 * Lines are JSON as everywhere (lib/log.ts), with the module in them; what is written is also put into the log book. Not here: what is
 * logged, and the form of `enable` (management/log-levels.ts).
 */
import { closeSync, openSync } from 'node:fs';
import { messageOf, SkuprtError } from '../../lib/errors.ts';
import { createLogger, type Logger, type LogLevel, openOutlet, redact } from '../../lib/log.ts';
import type { LogModule } from '../core/log-modules.ts';
import { isEnabled, LEVELS, type LevelMask, levelMask } from '../management/log-levels.ts';
import type { EntityOf, RouterEntity } from '../management/schema.ts';
import type { BookLevel, LogBook } from '../telemetry/log-book.ts';
import { formatTime } from '../telemetry/time-format.ts';

export class LogFileError extends SkuprtError {
  readonly code = 'SKUPRT_ROUTER_LOG_FILE';
  readonly fault = 'caller';
}

interface Settings {
  /** Undefined: as module DEFAULT. */
  mask?: LevelMask;
  includeTimestamp?: boolean;
  outputFile?: string;
}

/** Where lines of a module go; it stays when the file is another one. */
interface Outlet {
  write(line: string): void;
}

const BOOK_LEVELS: Readonly<Record<LogLevel, BookLevel>> = {
  trace: 'debug',
  debug: 'debug',
  info: 'info',
  warn: 'warning',
  error: 'error',
  fatal: 'critical',
  silent: 'debug',
};
const PINO_LEVELS = { debug: 'trace', info: 'info', warning: 'warn', error: 'error', critical: 'fatal' } as const;

export class RouterLog {
  readonly book: LogBook;
  private readonly wall: () => number;
  private readonly standard: Outlet;
  private readonly isVerbose: boolean;
  private readonly settings = new Map<LogModule, Settings>();
  private readonly loggers = new Map<LogModule, Logger>();
  private readonly files = new Map<string, Outlet>();
  private format: string | undefined;
  private utc = false;
  private tracing = false;
  /** Called when levels have changed. */
  changed: () => void = () => {};

  /**
   * @param wall ms since 1970
   * @param standard instead of standard error
   * @param isVerbose where no entity says otherwise it is logged from debug on, not from info on; but not frames
   */
  constructor(
    book: LogBook,
    wall: () => number,
    { standard = openOutlet(2), isVerbose = false }: { standard?: Outlet; isVerbose?: boolean } = {},
  ) {
    this.book = book;
    this.wall = wall;
    this.standard = standard;
    this.isVerbose = isVerbose;
  }

  of(module: LogModule): Logger {
    const known = this.loggers.get(module);
    if (known) return known;
    const logger = createLogger({
      name: 'router',
      base: { module },
      destination: { write: (line: string) => this.outletOf(module).write(line) },
      timestamp: () => this.timestamp(module),
      accept: (level, fields, message) => this.accept(module, BOOK_LEVELS[level], fields, message),
    });
    logger.level = this.lowest(module);
    this.loggers.set(module, logger);
    return logger;
  }

  isEnabled(module: LogModule, level: BookLevel): boolean {
    return isEnabled(this.maskOf(module), level);
  }

  /**
   * Takes over what a `log` entity says.
   * @throws LogFileError when its file cannot be written; nothing has changed then
   */
  set({ module, enable, includeTimestamp, outputFile }: EntityOf<'log'>): void {
    if (outputFile !== undefined) this.open(outputFile);
    const mask = enable === undefined ? undefined : levelMask(enable);
    this.settings.set(module, { mask, includeTimestamp, outputFile });
    for (const [each, logger] of this.loggers) logger.level = this.lowest(each);
    this.changed();
  }

  /** One frame of a connection whose trace is asked for, whatever the levels are. */
  trace(fields: Readonly<Record<string, unknown>>, message: string): void {
    this.tracing = true;
    try {
      this.of('PROTOCOL').debug(fields, message);
    } finally {
      this.tracing = false;
    }
  }

  /** Takes over how the router entity says times are written. */
  setTimes({ timestampFormat, timestampsInUTC }: Pick<RouterEntity, 'timestampFormat' | 'timestampsInUTC'>): void {
    this.format = timestampFormat;
    this.utc = timestampsInUTC === true;
  }

  private accept(
    module: LogModule,
    level: BookLevel,
    fields: Readonly<Record<string, unknown>>,
    message: string,
  ): boolean {
    if (!this.tracing && !this.isEnabled(module, level)) return false;
    this.book.add({ at: this.wall(), module, level, text: lineOf(message, fields) });
    return true;
  }

  private maskOf(module: LogModule): LevelMask {
    const own = this.settings.get(module)?.mask;
    if (own !== undefined) return own;
    const all = this.settings.get('DEFAULT')?.mask ?? DEFAULT_MASK;
    // Info is what each configuration has unless it says otherwise. Of frames it takes a word of their own.
    return this.isVerbose && all === DEFAULT_MASK && module !== 'PROTOCOL' ? VERBOSE_MASK : all;
  }

  private lowest(module: LogModule): LogLevel {
    // What a connection's trace says passes whatever the level is.
    if (module === 'PROTOCOL') return 'trace';
    const mask = this.maskOf(module);
    const level = LEVELS.find((each) => isEnabled(mask, each));
    return level === undefined ? 'silent' : PINO_LEVELS[level];
  }

  private timestamp(module: LogModule): string {
    const included = this.settings.get(module)?.includeTimestamp ?? this.settings.get('DEFAULT')?.includeTimestamp;
    if (included === false) return '';
    const at = this.wall();
    const text = this.format === undefined ? new Date(at).toISOString() : formatTime(at, this.format, this.utc);
    return `,"time":${JSON.stringify(text)}`;
  }

  private outletOf(module: LogModule): Outlet {
    const file = this.settings.get(module)?.outputFile ?? this.settings.get('DEFAULT')?.outputFile;
    return (file === undefined ? undefined : this.files.get(file)) ?? this.standard;
  }

  private open(file: string): void {
    if (this.files.has(file)) return;
    this.files.set(file, this.outletFor(file));
  }

  private outletFor(file: string): Outlet {
    // Without a socket to the system's log there is standard error; checking the configuration has said so.
    if (file === 'stderr' || file === 'syslog') return this.standard;
    if (file === 'stdout') return openOutlet(1);
    try {
      closeSync(openSync(file, 'a', 0o600));
    } catch (error) {
      throw new LogFileError(`log file ${file} cannot be written: ${messageOf(error)}`, {
        next: 'Give the path of a file in a folder that the router may write to, stderr or stdout',
        cause: error,
      });
    }
    return openOutlet(file);
  }
}

const DEFAULT_MASK = levelMask('info+')!;
const VERBOSE_MASK = levelMask('debug+')!;

/** Message and fields on one line, without secrets. */
function lineOf(message: string, fields: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(redact(fields) as Record<string, unknown>).map(
    ([name, value]) => `${name}=${shown(value)}`,
  );
  return [message, ...parts].join(' ').replaceAll(/[\r\n]+/g, ' ');
}

function shown(value: unknown): string {
  if (value instanceof Error) return String(redact(value.message));
  if (typeof value === 'object' && value !== null) {
    try {
      return JSON.stringify(value);
    } catch {
      return '(object)';
    }
  }
  return String(value);
}
