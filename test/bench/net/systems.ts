/**
 * What is compared: each system carries TCP from an entry port to the backend through two processes and a mutually
 * authenticated TLS link between them. `direct` has nothing in between.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROUTER_NODE_OPTION } from '../../../config/router-node-option.ts';
import type { Certificates } from '../../support/certificates.ts';
import { HOW_TO_HAVE_IT, originalRouter } from '../../support/original-router.ts';
import { findProgram } from '../../support/programs.ts';
import {
  type Entity,
  type Kind,
  linkEntities,
  ourCommand,
  routerCommand,
  routerConfig,
  tcpConnectorEntity,
  tcpListenerEntity,
} from '../../support/router-process.ts';
import { type HaproxyConfig, haproxyConfigs } from './haproxy.ts';
import { versionOf } from './machine.ts';
import type { Command } from './processes.ts';

export interface Setup {
  readonly directory: string;
  readonly certificates: Certificates;
  readonly backendPort: number;
  /** Where load enters the dialling end. */
  readonly entryPort: number;
  /** Where the accepting end waits for the link. */
  readonly linkPort: number;
  /** Where the dialling end dials: `linkPort`, or a gate before it. */
  readonly dialPort: number;
}

interface Described {
  readonly name: string;
  /** Why it cannot run here and how to have it; undefined when it can. */
  readonly missing: string | undefined;
  readonly version: string;
}

/** Load goes to the backend itself. */
export interface DirectSystem extends Described {
  readonly isDirect: true;
}

export interface PairSystem extends Described {
  readonly isDirect: false;
  /** One link carries all flows and has to come up first. */
  readonly hasLink: boolean;
  /** Descriptors that one flow costs each process. */
  readonly descriptorsPerFlow: 1 | 2;
  /** Writes the configuration; the accepting end comes first. */
  commands(setup: Setup): readonly [Command, Command];
}

export type System = DirectSystem | PairSystem;

const ADDRESS = 'bench';
/** What the package ships: compiled when the program starts, our sources would cost memory and time of their own. */
const SHIPPED_COMMAND = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const RELAY = fileURLToPath(new URL('./relay.ts', import.meta.url));

/** In the order in which they are measured and reported. */
export function allSystems(): readonly System[] {
  return [direct(), ours(), original(), haproxy(), relay()];
}

function direct(): System {
  return { name: 'direct', isDirect: true, missing: undefined, version: '' };
}

function ours(): System {
  return {
    name: 'skuprt',
    isDirect: false,
    hasLink: true,
    descriptorsPerFlow: 1,
    missing: existsSync(ourCommand) ? undefined : 'there is no cli/main.ts',
    version: 'this checkout, as `npm run build` makes it',
    commands: (setup) => routerCommands('ours', setup),
  };
}

function original(): System {
  const program = originalRouter ?? '';
  return {
    name: 'skrouterd',
    isDirect: false,
    hasLink: true,
    descriptorsPerFlow: 1,
    missing: program ? undefined : HOW_TO_HAVE_IT,
    version: program ? versionOf(program, '--version') : '',
    commands: (setup) => routerCommands('original', setup),
  };
}

function haproxy(): System {
  const program = findProgram('haproxy');
  return {
    name: 'haproxy',
    isDirect: false,
    hasLink: false,
    descriptorsPerFlow: 2,
    missing: program ? undefined : 'install haproxy (`apt install haproxy`)',
    version: program ? versionOf(program, '-v') : '',
    commands: (setup) => {
      const end = ({ name, text }: HaproxyConfig): Command => {
        const config = join(setup.directory, `${name}.cfg`);
        writeFileSync(config, text);
        const logFile = join(setup.directory, `${name}.log`);
        return { program: program ?? '', args: ['-db', '-q', '-f', config], logFile };
      };
      const [accept, dial] = haproxyConfigs(setup);
      return [end(accept), end(dial)];
    },
  };
}

function relay(): System {
  return {
    name: 'relay',
    isDirect: false,
    hasLink: false,
    descriptorsPerFlow: 2,
    missing: undefined,
    version: 'bare TLS relay in Node',
    commands: ({ directory, certificates, entryPort, linkPort, dialPort, backendPort }) => {
      const files = [certificates.caFile, certificates.certFile, certificates.keyFile];
      const end = (name: string, listenPort: number, targetPort: number): Command => ({
        program: process.execPath,
        args: [RELAY, name, String(listenPort), String(targetPort), ...files],
        logFile: join(directory, `relay-${name}.log`),
      });
      return [end('accept', linkPort, backendPort), end('dial', entryPort, dialPort)];
    },
  };
}

/** One configuration for both kinds of router; everything that is not about this pair is default. */
function routerCommands(kind: Kind, setup: Setup): readonly [Command, Command] {
  const { directory, certificates, linkPort, dialPort, entryPort, backendPort } = setup;
  const command = (id: string, entities: readonly Entity[]): Command => {
    const config = join(directory, `${id}.json`);
    writeFileSync(config, routerConfig(id, entities));
    const { program, args } = routerCommand(kind, config);
    // And as a site starts it.
    const shipped = args.flatMap((each) => (each === ourCommand ? [ROUTER_NODE_OPTION, SHIPPED_COMMAND] : [each]));
    return { program, args: shipped, logFile: join(directory, `${id}.log`) };
  };
  const accept = linkEntities({ role: 'accept', port: linkPort, certificates });
  const dial = linkEntities({ role: 'dial', port: dialPort, certificates });
  return [
    command('accepting', [...accept, tcpConnectorEntity(ADDRESS, backendPort)]),
    command('dialling', [...dial, tcpListenerEntity(ADDRESS, entryPort)]),
  ];
}
