/** What tests in network namespaces need of the machine. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { findProgram } from '../../support/programs.ts';

const PROGRAMS = ['ip', 'nft', 'unshare', 'setpriv', 'sysctl', 'python3'];
const TUN = '/dev/net/tun';

/** Why they cannot run here; undefined when they can. */
export function whatIsMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const missing = PROGRAMS.filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) return `not installed: ${missing.join(', ')}`;
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK);
  } catch {
    return `${TUN} cannot be opened, which a line with delay and loss needs`;
  }
  // Root of a container may not.
  if (
    spawnSync('unshare', ['--net', '--mount', '--pid', '--fork', 'mount', '-t', 'tmpfs', 'tmpfs', '/run']).status !== 0
  )
    return 'namespaces cannot be made here';
  return undefined;
}
