/** One line of `check`: what was looked at, how it is, what to do about it. Pure. */

import { documentOf } from '../../output/resources.ts';

export interface Finding {
  /** A few words, such as `link east`. */
  check: string;
  result: 'ok' | 'warn' | 'fail';
  message: string;
  /** What to do; a command where there is one. */
  next?: string;
}

export function ok(check: string, message = 'OK'): Finding {
  return { check, result: 'ok', message };
}

export function warn(check: string, message: string, next?: string): Finding {
  return { check, result: 'warn', message, ...(next !== undefined && { next }) };
}

export function fail(check: string, message: string, next?: string): Finding {
  return { check, result: 'fail', message, ...(next !== undefined && { next }) };
}

/** Lines in columns; what to do stands below what it is for. */
export function findingsText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  return findings
    .map(({ check, result, message, next }) => {
      const line = `${result.padEnd(4)}  ${check.padEnd(width)}  ${message}`.trimEnd();
      return next === undefined ? `${line}\n` : `${line}\n${' '.repeat(width + 8)}${next}\n`;
    })
    .join('');
}

/** A contract with scripts. */
export function findingsObject(findings: readonly Finding[]): object {
  return documentOf('CheckReport', { items: findings });
}
