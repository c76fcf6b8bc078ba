/**
 * The configuration by which a container is started: environment variables instead of a file named on the command line. What the start
 * script of skupper-router's image does, so that Skupper's pods can run this image in its place.
 *
 * `QDROUTERD_CONF` is the text itself (when it holds braces), or files and folders of `*.conf` set off by `:` or `,`, put one behind the
 * other; `QDROUTERD_CONF_TYPE` is `json` or `conf`. Variables are expanded in all of it. The text is read once: what changes later comes
 * over management. `QDROUTERD_AUTO_MESH_DISCOVERY=INFER` adds connectors to the pods of a stateful set that started earlier.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { messageOf, SkuprtError } from '../../lib/errors.ts';
import type { ConfigForm } from '../management/config.ts';
import { meshConnectors } from './mesh-discovery.ts';

export class StartConfigError extends SkuprtError {
  readonly code = 'SKUPRT_ROUTER_START';
  readonly fault = 'caller';
}

type Env = Readonly<Record<string, string | undefined>>;

export interface StartText {
  readonly text: string;
  /** Its name in messages. */
  readonly source: string;
  readonly form: ConfigForm;
}

/** Where skupper-router looks when nobody says where. */
const DEFAULT_FILE = '/etc/skupper-router/skrouterd.conf';

/** @throws StartConfigError */
export function startText(env: Env = process.env): StartText {
  const given = env.QDROUTERD_CONF ?? '';
  if (given === '') return defaultText();
  const form = formOf(env.QDROUTERD_CONF_TYPE);
  const inline = /\{[\s\S]*\}/.test(given);
  const all = { HOSTNAME: hostname(), ...env, ...derived(env) };
  const text = expandVariables(inline ? `${given}\n` : gathered(given), all);
  const connectors = discovered(text, form, all);
  return { text: connectors, source: inline ? 'QDROUTERD_CONF' : given, form };
}

function defaultText(): StartText {
  if (!existsSync(DEFAULT_FILE)) {
    throw new StartConfigError('there is no configuration', {
      next: `Give its path with --config, or name it by the environment variable QDROUTERD_CONF, or put it at ${DEFAULT_FILE}`,
    });
  }
  return { text: readText(DEFAULT_FILE), source: DEFAULT_FILE, form: 'text' };
}

function formOf(type = 'conf'): ConfigForm {
  if (type === 'json') return 'json';
  if (type === 'conf') return 'text';
  throw new StartConfigError(`QDROUTERD_CONF_TYPE is '${type}'`, { next: 'Set it to json or conf' });
}

/** Files, and the `*.conf` files of folders, one behind the other. What is there by the whole name is one, whatever its name holds. */
function gathered(paths: string): string {
  const named = existsSync(paths) ? [paths] : paths.split(/[:,]/).filter(Boolean);
  const files = named.flatMap((path) => (isFolder(path) ? configFilesIn(path) : [path]));
  return files.map(readText).join('');
}

function configFilesIn(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.conf') && !name.startsWith('.'));
  return names.sort().map((name) => join(folder, name));
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new StartConfigError(`configuration file ${file} cannot be read: ${messageOf(error)}`, {
      next: 'Correct the environment variable QDROUTERD_CONF',
      cause: error,
    });
  }
}

/** What the start script sets for use in the file. */
function derived(env: Env): Record<string, string> {
  const host = env.HOSTNAME ?? hostname();
  const address = Object.values(networkInterfaces())
    .flat()
    .find((each) => each !== undefined && !each.internal);
  return {
    POD_ID: host.split('-').at(-1)!,
    ...(address === undefined ? {} : { HOSTNAME_IP_ADDRESS: address.address }),
  };
}

/**
 * `$NAME` and `${NAME}` become the variable's value, once; an unknown one stays as it is. Lines that begin with `#` are left alone.
 */
export function expandVariables(text: string, env: Env): string {
  return text.replace(/^(?!#).*$/gm, (line) =>
    line.replace(
      /\$(?:(\w+)|\{([^}]*)\})/g,
      (whole, plain?: string, braced?: string) => env[(plain ?? braced)!] ?? whole,
    ),
  );
}

function discovered(text: string, form: ConfigForm, env: Env): string {
  if (env.QDROUTERD_AUTO_CREATE_SASLDB_SOURCE) {
    throw new StartConfigError('QDROUTERD_AUTO_CREATE_SASLDB_SOURCE is set: this router has no SASL database to fill', {
      next: 'Unset it, and let clients authenticate by certificates',
    });
  }
  const mode = env.QDROUTERD_AUTO_MESH_DISCOVERY;
  if (!mode) return text;
  if (mode.toUpperCase() !== 'INFER') {
    throw new StartConfigError(`QDROUTERD_AUTO_MESH_DISCOVERY is '${mode}': only INFER is supported`, {
      next: 'Run the routers as a stateful set with INFER, or write their connectors into the configuration',
    });
  }
  return meshConnectors(text, form, env);
}
