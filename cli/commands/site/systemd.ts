/** `init --systemd`: a user unit that runs the site. Written only; enabling it is the user's word. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { writeFileAtomic } from '../../../lib/files.ts';
import { dataHomeOf } from '../../../site-controller/platform/local/paths.ts';
import { type Context, say } from '../../context.ts';

export async function writeUnit(context: Context): Promise<void> {
  const name = unitName(context.namespace);
  const file = join(unitDirectory(context.env), name);
  await writeFileAtomic(file, unitText(context));
  say(context, `Unit ${file} is written. Enable it, and let it run while you are not logged in:`);
  say(context, `  systemctl --user daemon-reload && systemctl --user enable --now ${name}\n  loginctl enable-linger`);
}

export function unitName(namespace: string): string {
  return `skuprt-${namespace}.service`;
}

export function unitDirectory(env: NodeJS.ProcessEnv): string {
  const configHome = env.XDG_CONFIG_HOME?.startsWith('/') ? env.XDG_CONFIG_HOME : join(homedir(), '.config');
  return join(configHome, 'systemd', 'user');
}

/** What systemd.service(5) says about quoting: double quotes, with backslash, quote, % and $ made literal. */
function quoted(text: string): string {
  const escaped = text.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return `"${escaped}"`;
}

export function unitText(context: Context): string {
  const command = [...context.self, '-p', 'local', '-n', context.namespace, 'site', 'run'].map(quoted).join(' ');
  return `[Unit]
Description=skuprt site of namespace ${context.namespace}
Wants=network-online.target
After=network-online.target

[Service]
Environment=${quoted(`XDG_DATA_HOME=${dataHomeOf(context.env)}`)}
ExecStart=${command}
Restart=on-failure
RestartSec=1
TimeoutStopSec=60

[Install]
WantedBy=default.target
`;
}
