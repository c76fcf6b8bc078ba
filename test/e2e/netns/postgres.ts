/** A PostgreSQL of the tests, in a directory of its own, and sessions at it. */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isExecutable } from '../../support/programs.ts';
import { Dialogue } from './dialogue.ts';
import type { Where } from './traffic.ts';

const PORT = 7432;
const VERSIONS = '/usr/lib/postgresql';
/** It does not run as root. */
const USER = 'postgres';

/** Where its programs are; undefined when it is not installed. */
function findPrograms(): string | undefined {
  try {
    return readdirSync(VERSIONS)
      .map((version) => join(VERSIONS, version, 'bin'))
      .find((path) => isExecutable(join(path, 'initdb')));
  } catch {
    return undefined;
  }
}

const programs = findPrograms();

export class PostgresServer {
  static readonly isMissing = programs === undefined;
  readonly port = PORT;
  private readonly directory: string;
  private readonly sessions: Dialogue[] = [];

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async start(): Promise<PostgresServer> {
    // Temporary files of the tests are root's alone.
    const directory = mkdtempSync('/run/postgres-');
    const server = new PostgresServer(directory);
    chmodSync(directory, 0o700);
    chownSync(directory, idOf('-u'), idOf('-g'));
    server.run('initdb', '-D', server.data, '-A', 'trust', '-U', USER, '--no-sync');
    const options = `-p ${PORT} -h 0.0.0.0 -k ${directory} -F`;
    server.run('pg_ctl', '-D', server.data, '-w', '-l', join(directory, 'log'), '-o', options, 'start');
    const everybody = 'host all all 0.0.0.0/0 trust';
    server.run(
      'psql',
      '-h',
      directory,
      '-p',
      String(PORT),
      '-c',
      `copy (select '${everybody}') to '${server.data}/pg_hba.conf'`,
    );
    server.run('pg_ctl', '-D', server.data, 'reload');
    return server;
  }

  /** Of psql; its answers are bare values. */
  session({ host, port }: Where): { ask(sql: string): Promise<string>; end(): Promise<number | null> } {
    const args = ['-h', host, '-p', String(port), '-U', USER, '-d', 'postgres', '-X', '-q', '-t', '-A'];
    const stop = ['-v', 'ON_ERROR_STOP=1'];
    const dialogue = new Dialogue(join(programs!, 'psql'), [...args, ...stop], { PGSSLMODE: 'disable' });
    this.sessions.push(dialogue);
    return { ask: (sql) => dialogue.say(`${sql};`, (mark) => `\\echo ${mark}`), end: () => dialogue.end() };
  }

  async close(): Promise<void> {
    for (const session of this.sessions) session.kill();
    this.run('pg_ctl', '-D', this.data, '-m', 'immediate', 'stop');
    rmSync(this.directory, { recursive: true, force: true });
  }

  private get data(): string {
    return join(this.directory, 'data');
  }

  private run(program: string, ...args: string[]): void {
    const command = ['--reuid', USER, '--regid', USER, '--clear-groups', join(programs!, program), ...args];
    execFileSync('setpriv', command, { stdio: ['ignore', 'ignore', 'pipe'], cwd: this.directory });
  }
}

function idOf(which: '-u' | '-g'): number {
  return Number(execFileSync('id', [which, USER], { encoding: 'utf8' }));
}
