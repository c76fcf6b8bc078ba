/** An sshd of the tests, in a directory of its own, and sessions at it. */
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopChild } from '../../support/child-process.ts';
import { eventually } from '../../support/eventually.ts';
import { findProgram } from '../../support/programs.ts';
import { Dialogue } from './dialogue.ts';
import { open, type Where } from './traffic.ts';

const PORT = 7022;

export class SshServer {
  static readonly isMissing = ['sshd', 'ssh', 'ssh-keygen'].some((name) => findProgram(name) === undefined);
  readonly port = PORT;
  private readonly directory: string;
  private readonly server: ReturnType<typeof spawn>;
  private readonly sessions: Dialogue[] = [];

  private constructor(directory: string, server: ReturnType<typeof spawn>) {
    this.directory = directory;
    this.server = server;
  }

  static async start(): Promise<SshServer> {
    const directory = mkdtempSync(join(tmpdir(), 'ssh-'));
    const file = (name: string) => join(directory, name);
    for (const name of ['host', 'user'])
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)]);
    copyFileSync(file('user.pub'), file('authorized'));
    // Where it goes to be without privileges.
    mkdirSync('/run/sshd', { recursive: true });
    const settings = [
      `Port ${PORT}`,
      'ListenAddress 0.0.0.0',
      `HostKey ${file('host')}`,
      `AuthorizedKeysFile ${file('authorized')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PermitRootLogin prohibit-password',
    ];
    writeFileSync(file('config'), `${settings.join('\n')}\n`);
    const server = spawn(findProgram('sshd')!, ['-D', '-e', '-f', file('config')], { stdio: 'ignore' });
    const answers = () =>
      open({ host: '127.0.0.1', port: PORT }).then(
        (socket) => Boolean(socket.destroy()),
        () => false,
      );
    await eventually('sshd answers', answers);
    return new SshServer(directory, server);
  }

  session({ host, port }: Where): { say(text: string): Promise<string>; end(): Promise<number | null> } {
    const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR', 'BatchMode=yes'];
    const identity = ['-i', join(this.directory, 'user'), '-p', String(port)];
    const dialogue = new Dialogue('ssh', [...options.flatMap((each) => ['-o', each]), ...identity, host, 'sh']);
    this.sessions.push(dialogue);
    return { say: (text) => dialogue.say(text, (mark) => `echo ${mark}`), end: () => dialogue.end() };
  }

  async close(): Promise<void> {
    for (const session of this.sessions) session.kill();
    await stopChild(this.server);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
