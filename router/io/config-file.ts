/**
 * The configuration file of a running router: read at start, watched, and applied as a difference when it changes.
 * A file with mistakes changes nothing; all of them are logged.
 */
import { readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { AssertionError, messageOf, SkuprtError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { ConfigError, type ConfigForm, parseConfig, type RouterConfig } from '../management/config.ts';
import { type ConfigChange, diffConfig } from '../management/diff.ts';

/** Renames and network file systems escape change notification: asking is cheap and always works. */
const POLL_MS = 250;

export class ConfigFileError extends SkuprtError {
  readonly code = 'SKUPRT_ROUTER_CONFIG_FILE';
  readonly fault = 'caller';
}

/** @throws ConfigFileError, ConfigError */
export function loadConfig(file: string): { text: string; config: RouterConfig } {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigFileError(`configuration file ${file} cannot be read: ${messageOf(error)}`, {
      next: 'Give its path with --config',
      cause: error,
    });
  }
  return { text, config: parseConfig(withEnvironment(text), file, formOf(file)) };
}

/** As skupper-router: by the ending of its name; without one, by its looks. */
function formOf(file: string): ConfigForm | undefined {
  return file.endsWith('.json') ? 'json' : undefined;
}

/** `${NAME}` becomes the variable's value, as where skupper-router runs in its container; an unknown one stays as it is. */
function withEnvironment(text: string): string {
  return text.replace(/\$\{(\w+)\}/g, (whole, name: string) => process.env[name] ?? whole);
}

export class ConfigFile {
  private readonly file: string;
  private readonly log: Logger;
  private readonly apply: (changes: ConfigChange[]) => void;
  private text: string;
  private config: RouterConfig;
  /** Of the file as last read; unknown at first, so that a change made since it was loaded is not missed. */
  private stamp = '';
  private readonly timer: NodeJS.Timeout;

  constructor(
    file: string,
    loaded: { text: string; config: RouterConfig },
    parts: { log: Logger; apply: (changes: ConfigChange[]) => void },
  ) {
    this.file = file;
    this.text = loaded.text;
    this.config = loaded.config;
    this.log = parts.log;
    this.apply = parts.apply;
    this.timer = setInterval(() => this.poll(), POLL_MS);
    this.timer.unref();
  }

  /** Reads the file again and applies what differs. */
  async reload(): Promise<void> {
    const config = await this.read();
    if (!config) return;
    const changes = diffConfig(this.config, config);
    this.config = config;
    this.log.info({ file: this.file, changeCount: changes.length }, 'configuration file changed');
    for (const warning of config.warnings) this.log.warn({ ...warning }, 'configuration without effect');
    this.apply(changes);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** @returns undefined when the text is the same or cannot be used */
  private async read(): Promise<RouterConfig | undefined> {
    try {
      const text = await readFile(this.file, 'utf8');
      if (text === this.text) return undefined;
      this.text = text;
      return parseConfig(withEnvironment(text), this.file, formOf(this.file));
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      const faults = error instanceof ConfigError ? error.faults : undefined;
      this.log.error({ err: error, file: this.file, faults }, 'configuration file not applied, the running one stays');
      return undefined;
    }
  }

  private poll(): void {
    const stamp = this.readStamp();
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    void this.reload();
  }

  private readStamp(): string {
    try {
      const { mtimeMs, ino, size } = statSync(this.file);
      return `${mtimeMs} ${ino} ${size}`;
    } catch {
      return 'gone';
    }
  }
}
