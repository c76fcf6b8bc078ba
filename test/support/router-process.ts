/** Routers as processes, ours and the original, from one configuration that both read unchanged. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CertificateFiles } from './certificates.ts';
import { hasEnded, stopChild } from './child-process.ts';
import { originalRouter } from './original-router.ts';

const HOST = '127.0.0.1';
/** The entry point of our command line. */
export const ourCommand = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

export type Kind = 'ours' | 'original';
export type Entity = readonly [string, Readonly<Record<string, string | number | boolean>>];

const PLAIN = { accept: { authenticatePeer: false, saslMechanisms: 'ANONYMOUS' }, dial: {} } as const;
const TLS = { accept: { authenticatePeer: true, requireSsl: true }, dial: { verifyHostname: true } } as const;

/** The link's entities for one end; with certificates it is mutual TLS with SASL EXTERNAL, else plain and ANONYMOUS. */
export interface LinkEnd {
  readonly role: 'accept' | 'dial';
  readonly port: number;
  readonly certificates?: CertificateFiles;
  /** Further attributes of the listener or connector. */
  readonly more?: Entity[1];
}

export function linkEntities({ role, port, certificates, more }: LinkEnd): Entity[] {
  const name = `link-${role}-${port}`;
  const type = role === 'accept' ? 'listener' : 'connector';
  const link = { name, role: 'inter-router', host: HOST, port };
  if (certificates === undefined) return [[type, { ...link, ...PLAIN[role], ...more }]];
  const { caFile, certFile, keyFile } = certificates;
  const profile = { name: `${name}-tls`, caCertFile: caFile, certFile, privateKeyFile: keyFile };
  return [
    ['sslProfile', profile],
    [type, { ...link, sslProfile: profile.name, saslMechanisms: 'EXTERNAL', ...TLS[role], ...more }],
  ];
}

export function tcpListenerEntity(address: string, port: number): Entity {
  return ['tcpListener', { name: `listener-${address}`, host: HOST, port, address }];
}

export function tcpConnectorEntity(address: string, port: number): Entity {
  return ['tcpConnector', { name: `connector-${address}`, host: HOST, port, address }];
}

/** The text of a configuration file. */
export function routerConfig(
  id: string,
  entities: readonly Entity[],
  mode: 'interior' | 'edge' = 'interior',
  more: Entity[1] = {},
): string {
  const router: Entity = ['router', { id, mode, ...more }];
  return JSON.stringify([router, ...entities], undefined, 2);
}

export function routerCommand(kind: Kind, configFile: string): { program: string; args: string[] } {
  if (kind === 'ours') return { program: process.execPath, args: [ourCommand, 'router', '--config', configFile] };
  return { program: originalRouter ?? '', args: ['-c', configFile] };
}

/** The routers of one test; `stop` ends them all and removes their files. */
export class RouterProcesses {
  /** Further arguments of our routers' command lines. */
  readonly args: string[] = [];
  private readonly directory = mkdtempSync(join(tmpdir(), 'skuprt-routers-'));
  private readonly children = new Map<string, ChildProcess>();

  start(kind: Kind, id: string, entities: readonly Entity[]): void {
    this.startWith(kind, id, routerConfig(id, entities));
  }

  /** Starts a router with a configuration file of this text, and more than this process's environment. */
  startWith(kind: Kind, id: string, text: string, env: Readonly<Record<string, string>> = {}): void {
    this.configure(id, text);
    const config = this.configFile(id);
    const log = openSync(this.logFile(id), 'a');
    const { program, args } = routerCommand(kind, config);
    if (kind === 'ours') args.push(...this.args);
    this.children.set(id, spawn(program, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env } }));
    closeSync(log);
  }

  /** Replaces the configuration file as careful programs do: at once. */
  configure(id: string, text: string): void {
    const written = `${this.configFile(id)}.new`;
    writeFileSync(written, text);
    renameSync(written, this.configFile(id));
  }

  /** What the router has written to its standard streams so far. */
  logOf(id: string): string {
    return readFileSync(this.logFile(id), 'utf8');
  }

  kill(id: string): void {
    this.signal(id, 'SIGKILL');
  }

  signal(id: string, signal: NodeJS.Signals): void {
    this.children.get(id)?.kill(signal);
  }

  pid(id: string): number {
    return this.children.get(id)?.pid ?? 0;
  }

  /** Resolves with the exit status once the process has ended, null when a signal ended it. */
  async ended(id: string): Promise<number | null> {
    const child = this.children.get(id);
    if (child !== undefined && !hasEnded(child)) await once(child, 'exit');
    return child?.exitCode ?? null;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.children.values()].map(stopChild));
    rmSync(this.directory, { recursive: true, force: true });
  }

  private configFile(id: string): string {
    return join(this.directory, `${id}.json`);
  }

  private logFile(id: string): string {
    return join(this.directory, `${id}.log`);
  }
}
