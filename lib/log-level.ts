/**
 * What a long-running process logs, changed while it runs: SIGUSR2 switches between debug and its usual level, and `PUT /log-level`
 * (`metrics-server.ts`) sets any. A router has its own way: the `log` entities of its management.
 */
import type { Logger, LogLevel } from './log.ts';

export class LogLevelSwitch {
  private readonly log: Logger;
  private readonly usual: LogLevel;

  /** @param usual the level that it was started with */
  constructor(log: Logger, usual: LogLevel) {
    this.log = log;
    this.usual = usual;
  }

  get level(): LogLevel {
    return this.log.level as LogLevel;
  }

  set(level: LogLevel): void {
    if (level === this.level) return;
    const before = this.level;
    // Told as long as one of the two lets it through.
    if (!this.log.isLevelEnabled('info')) this.log.level = level;
    this.log.info({ before, after: level }, 'log level changed');
    this.log.level = level;
  }

  /** Until the returned function is called, SIGUSR2 asks for debug, or for the usual level again. */
  listen(source: Pick<NodeJS.Process, 'on' | 'off'> = process): () => void {
    const other: LogLevel = this.usual === 'debug' || this.usual === 'trace' ? 'info' : 'debug';
    const toggle = (): void => this.set(this.level === this.usual ? other : this.usual);
    source.on('SIGUSR2', toggle);
    return () => void source.off('SIGUSR2', toggle);
  }
}
