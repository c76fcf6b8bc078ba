/**
 * Logs: JSON lines, one constant lower-case message each, what varies as fields: `log.info({ siteLink, durationMs }, 'link up')`.
 *
 * Field names: site router connection session link delivery peer kind namespace name reconcileId code traceId spanId, errors under `err`.
 * Secrets never reach a log: private keys, PEM, passwords and claim codes are replaced wherever they stand in the fields.
 * A log that cannot be written (disk full, closed pipe) is dropped; it never ends the process.
 */
import {
  type DestinationStream,
  type Logger,
  levels,
  destination as openDestination,
  type LoggerOptions as PinoOptions,
  pino,
  stdSerializers,
  stdTimeFunctions,
} from 'pino';
import type { TraceContext } from './trace/context.ts';

export type { Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  /** The process: router, site-controller, service-controller. */
  name: string;
  /** info when absent. */
  level?: LogLevel;
  /** A file descriptor, a file to append to (0600), or a stream; standard error when absent. */
  destination?: number | string | DestinationStream;
  /** Further fields of every line. */
  base?: Readonly<Record<string, unknown>>;
  /** What a line says of the time: `,"time":"..."` or nothing; in UTC when absent. */
  timestamp?: () => string;
  /** The trace that what is being done belongs to, if any: lines say so. */
  trace?: () => TraceContext | undefined;
  /** Asked for each line that its level lets through; `false` drops it. */
  accept?: (level: LogLevel, fields: Readonly<Record<string, unknown>>, message: string) => boolean;
}

export function createLogger(options: LoggerOptions): Logger {
  const { name, level = 'info', destination = 2, base, timestamp = stdTimeFunctions.isoTime, accept, trace } = options;
  return pino(
    {
      level,
      base: { process: name, pid: process.pid, ...base },
      timestamp,
      ...(accept === undefined ? {} : { hooks: hooksOf(accept) }),
      ...(trace === undefined ? {} : { mixin: () => traceFields(trace()) }),
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => redact(fields) as Record<string, unknown>,
      },
      serializers: { err: (error) => redact({ ...stdSerializers.err(error) }) },
    },
    typeof destination === 'object' ? destination : openOutlet(destination),
  );
}

function traceFields(context: TraceContext | undefined): object {
  return context === undefined ? {} : { traceId: context.traceId, spanId: context.spanId };
}

function hooksOf(accept: NonNullable<LoggerOptions['accept']>): NonNullable<PinoOptions['hooks']> {
  return {
    logMethod(args, method, level) {
      const [first, second] = args as unknown[];
      const hasFields = typeof first === 'object' && first !== null;
      const fields = hasFields ? (first as Record<string, unknown>) : {};
      const message = String((hasFields ? second : first) ?? '');
      if (accept(levels.labels[level] as LogLevel, fields, message)) method.apply(this, args);
    },
  };
}

const REDACTED = '[redacted]';
const DEPTH_MAX = 8;
const SECRET_NAMES = new Set([
  'password',
  'privateKey',
  'secret',
  'token',
  'tls.key',
  'data',
  'stringData',
  'authorization',
]);
/** `code` is an error's constant, an exit status, or the secret of a claim: only the first two are upper case or numbers. */
const ERROR_CODE = /^[A-Z][A-Z0-9_]*$/;
const PEM = /-----BEGIN [^-]+-----[\s\S]*?(-----END [^-]+-----|$)/g;

/** A copy of plain `value` without secrets; other objects are left to their serializers. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.includes('-----BEGIN') ? value.replace(PEM, REDACTED) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth === DEPTH_MAX) return REDACTED;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  if (![Object.prototype, null].includes(Object.getPrototypeOf(value))) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, isSecret(name, field) ? REDACTED : redact(field, depth + 1)]),
  );
}

function isSecret(name: string, field: unknown): boolean {
  if (name === 'code') return typeof field === 'string' && !ERROR_CODE.test(field);
  return SECRET_NAMES.has(name) && field !== undefined;
}

/** A file descriptor, or a file to append to. A line that cannot be written is dropped. */
export function openOutlet(dest: number | string): DestinationStream {
  const stream = openDestination({ dest, sync: true, mkdir: true, mode: 0o600 });
  stream.on('error', () => undefined);
  return stream;
}
