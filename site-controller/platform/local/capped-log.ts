/** A log file that never grows beyond its cap: when full it becomes `<file>.1` and a new one begins. Never throws: a full disk loses log lines, nothing else. */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

const SIZE_BYTES_MAX = 8 * 1024 * 1024;

export class CappedLog {
  private readonly path: string;
  private readonly sizeBytesMax: number;
  private descriptor: number | undefined;
  private sizeBytes = 0;

  constructor(path: string, sizeBytesMax = SIZE_BYTES_MAX) {
    this.path = path;
    this.sizeBytesMax = sizeBytesMax;
  }

  write(chunk: Buffer): void {
    try {
      if (this.descriptor === undefined) this.open();
      if (this.sizeBytes + chunk.length > this.sizeBytesMax && this.sizeBytes > 0) this.rotate();
      this.sizeBytes += writeSync(this.descriptor!, chunk);
    } catch {
      this.close();
    }
  }

  close(): void {
    if (this.descriptor !== undefined) closeSync(this.descriptor);
    this.descriptor = undefined;
  }

  private open(): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    this.descriptor = openSync(this.path, 'a', 0o600);
    this.sizeBytes = fstatSync(this.descriptor).size;
  }

  private rotate(): void {
    this.close();
    renameSync(this.path, `${this.path}.1`);
    this.open();
  }
}
