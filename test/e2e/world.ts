/**
 * The clusters that the tests of this tier run on: whichever contexts were given, with skuprt installed by kind/install. Everything
 * is done as a user does it, by the programs kubectl and skuprt; nothing here knows how the clusters are made.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { podScript } from './pods.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const OUTPUT_MAX = 64 * 1024 * 1024;
const { env } = process;

/** Set by main.ts. */
export const CONTEXTS = (env.SKUPRT_E2E_CONTEXTS ?? '').split(',').filter(Boolean);
export const IMAGE = env.SKUPRT_E2E_IMAGE ?? 'localhost/skuprt:dev';
/** PostgreSQL and Redis. */
export const POSTGRES_IMAGE = env.SKUPRT_E2E_POSTGRES_IMAGE ?? 'postgres:17';
export const REDIS_IMAGE = env.SKUPRT_E2E_REDIS_IMAGE ?? 'redis:7';
export const CONTROLLER_NAMESPACE = 'skupper';
/** Of the lab, for what no user does: cutting clusters off, killing an API server. */
export const LAB = env.SKUPRT_E2E_LAB ? env.LAB : undefined;

export interface RunOptions {
  input?: string;
  timeoutMs?: number;
}

/** What kubectl answers is read by path, and a wrong path fails the test. */
export type Json = ReturnType<typeof JSON.parse>;

let kubectlPath: string | undefined;

/** On the path, or that of the lab. */
export function kubectlProgram(): string {
  kubectlPath ??= env.PATH?.split(':')
    .map((folder) => join(folder, 'kubectl'))
    .find((file) => existsSync(file));
  kubectlPath ??= join(execFileSync(env.LAB ?? 'lab', ['assets'], { encoding: 'utf8' }).trim(), 'kubectl');
  return kubectlPath;
}

async function execute(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const child = run(program, args, { timeout: options.timeoutMs ?? 60_000, maxBuffer: OUTPUT_MAX, encoding: 'utf8' });
  child.child.stdin?.end(options.input ?? '');
  try {
    return (await child).stdout;
  } catch (error) {
    const { stderr = '', stdout = '' } = error as { stderr?: string; stdout?: string };
    throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error });
  }
}

/** A script in a pod. */
export interface Started {
  tell: (line: string) => void;
  /** Tells it a line, and gives the next one that it prints: for scripts that answer, one line at a time. */
  ask: (line: string) => Promise<string>;
  /** Tells it to end, and gives what it printed. */
  stop: () => Promise<string>;
}

/** One namespace of one cluster, as a user at a terminal sees it. */
export class Place {
  readonly context: string;
  readonly namespace: string;

  constructor(context: string, namespace: string) {
    this.context = context;
    this.namespace = namespace;
  }

  kubectl(args: readonly string[], options?: RunOptions): Promise<string> {
    return execute(kubectlProgram(), ['--context', this.context, '-n', this.namespace, ...args], options);
  }

  skuprt(args: readonly string[], options?: RunOptions): Promise<string> {
    const place = ['-p', 'kubernetes', '--context', this.context, '-n', this.namespace];
    return execute(join(ROOT, 'skuprt'), [...place, ...args], { timeoutMs: 120_000, ...options });
  }

  async get(kind: string, name: string): Promise<Json> {
    return JSON.parse(await this.kubectl(['get', kind, name, '-o', 'json']));
  }

  async list(kind: string, selector?: string): Promise<Json[]> {
    const chosen = selector === undefined ? [] : ['-l', selector];
    return (JSON.parse(await this.kubectl(['get', kind, ...chosen, '-o', 'json'])) as { items: Json[] }).items;
  }

  async apply(...objects: readonly object[]): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    await this.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input: JSON.stringify(list) });
  }

  exec(pod: string, command: readonly string[], options?: RunOptions): Promise<string> {
    return this.kubectl(['exec', pod, '--', ...command], options);
  }

  async remove(kind: string, name: string, ...flags: readonly string[]): Promise<void> {
    await this.kubectl(['delete', kind, name, '--ignore-not-found', ...flags], { timeoutMs: 120_000 });
  }

  /** Until a watch shows `isReached`: what polling costs would be part of what is measured. */
  async shown(kind: string, name: string, isReached: (object: Json) => boolean, timeoutMs = 90_000): Promise<void> {
    const flags = ['--context', this.context, '-n', this.namespace, 'get', kind, name, '--watch', '-o', 'json'];
    const child = spawn(kubectlProgram(), flags, { stdio: ['ignore', 'pipe', 'inherit'], timeout: timeoutMs });
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (line !== '}') continue;
      if (isReached(JSON.parse(lines.splice(0).join('\n')))) {
        child.kill();
        return;
      }
    }
    throw new Error(`not within ${timeoutMs} ms: ${kind} ${name}`);
  }

  /** Tells each Service and its address, from now on, until `stop`. */
  services(tell: (name: string, address: string) => void): { stop: () => void } {
    const columns = 'custom-columns=NAME:.metadata.name,IP:.spec.clusterIP';
    const flags = [
      '--context',
      this.context,
      '-n',
      this.namespace,
      'get',
      'services',
      '--watch',
      '--no-headers',
      '-o',
      columns,
    ];
    const child = spawn(kubectlProgram(), flags, { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [name = '', address = ''] = line.split(/\s+/);
      tell(name, address);
    });
    return { stop: () => child.kill() };
  }

  /** A pod that stays, to run things in. @returns when it runs */
  async pod(
    name: string,
    image: string,
    command: readonly string[],
    spec: object = {},
    variables: readonly object[] = [],
  ): Promise<void> {
    await this.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, labels: { app: name } },
      spec: { terminationGracePeriodSeconds: 0, ...spec, containers: [{ name, image, command, env: variables }] },
    });
    await this.kubectl(['wait', '--for=condition=Ready', `pod/${name}`, '--timeout=60s'], { timeoutMs: 70_000 });
  }

  /** A pod in which scripts of ./pods can be run. */
  client(name = 'client'): Promise<void> {
    return this.pod(name, IMAGE, ['node', '-e', 'setTimeout(() => {}, 1e8)']);
  }

  /** A script of ./pods, to its end. */
  script(pod: string, name: string, args: readonly (string | number)[] = [], timeoutMs = 60_000): Promise<string> {
    return this.exec(
      pod,
      ['node', '--input-type=module-typescript', '-e', podScript(name), '--', ...args.map(String)],
      {
        timeoutMs,
      },
    );
  }

  /** A script that is left to run. */
  start(pod: string, name: string, args: readonly (string | number)[]): Started {
    const command = ['node', '--input-type=module-typescript', '-e', podScript(name), '--', ...args.map(String)];
    const flags = ['--context', this.context, '-n', this.namespace, 'exec', '-i', pod, '--'];
    const child = spawn(kubectlProgram(), [...flags, ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    const lines = createInterface({ input: child.stdout });
    const closed = once(child, 'close');
    const tell = (line: string) => void child.stdin.write(`${line}\n`);
    return {
      tell,
      ask: async (line) => {
        const answer = Promise.race([
          once(lines, 'line'),
          closed.then(() => Promise.reject(new Error(`${name} ended`))),
        ]);
        tell(line);
        return (await answer)[0];
      },
      stop: async () => {
        child.stdin.end('end\n');
        await closed;
        return out;
      },
    };
  }

  /** A Deployment of servers that answer HTTP at 8080 with their pod's name and echo at 7000; with a label `app` of its name. */
  async server(name: string, replicas = 1, extra: object = {}): Promise<void> {
    await this.apply(workload('Deployment', name, replicas, extra));
    await this.kubectl(['rollout', 'status', `deployment/${name}`, '--timeout=90s'], { timeoutMs: 100_000 });
  }

  /** What `http://host/` answers, seen from a pod. */
  async ask(pod: string, url: string): Promise<string> {
    return (await this.script(pod, 'ask', [url])).trim();
  }
}

export function workload(
  kind: 'Deployment' | 'StatefulSet',
  name: string,
  replicas: number,
  extra: object = {},
): object {
  const ports = [{ containerPort: 8080 }, { containerPort: 7000 }];
  const command = ['node', '--input-type=module-typescript', '-e', podScript('server')];
  const readinessProbe = { tcpSocket: { port: 8080 }, periodSeconds: 1 };
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: {
      replicas,
      ...(kind === 'StatefulSet' && { serviceName: name, podManagementPolicy: 'Parallel' }),
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [{ name: 'server', image: IMAGE, command, ports, readinessProbe, ...extra }],
        },
      },
    },
  };
}

/** Until it neither throws nor gives undefined or false. */
export async function eventually<Value>(
  what: string,
  look: () => Promise<Value | undefined | false>,
  timeoutMs = 30_000,
  intervalMs = 100,
): Promise<Value> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    let last: unknown;
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > until) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: last });
    await sleep(intervalMs);
  }
}

export interface SiteOptions {
  /** Flags of `site create`. */
  flags?: readonly string[];
}

export async function newNamespace(place: Place): Promise<void> {
  await place.remove('namespace', place.namespace, '--wait', '--timeout=90s');
  await place.kubectl(['create', 'namespace', place.namespace]);
}

/** @returns the seconds that `site create` took until it was ready */
export async function makeSite(place: Place, { flags = ['--enable-link-access'] }: SiteOptions = {}): Promise<number> {
  const started = performance.now();
  await place.skuprt(['site', 'create', place.context, ...flags, '--wait', 'ready', '--timeout', '90s']);
  return (performance.now() - started) / 1000;
}

/** A site in a new namespace. @returns as makeSite */
export async function newSite(place: Place, options?: SiteOptions): Promise<number> {
  await newNamespace(place);
  return makeSite(place, options);
}

/** `to` dials `from`. @returns the time that redeeming took, until the link was ready, in milliseconds */
export async function link(from: Place, to: Place, name = `to-${from.context}`): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'e2e-token-'));
  try {
    const file = join(folder, 'token');
    await from.skuprt(['token', 'issue', file, '--name', name]);
    const started = performance.now();
    await to.skuprt(['token', 'redeem', file, '--timeout', '60s']);
    return performance.now() - started;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A token as text. */
export async function tokenOf(from: Place, flags: readonly string[] = []): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'e2e-token-'));
  try {
    await from.skuprt(['token', 'issue', join(folder, 'token'), ...flags]);
    return await readFile(join(folder, 'token'), 'utf8');
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Two sites in new namespaces of the first two clusters; the second dials the first. */
export async function newPair(name: string, options: SiteOptions = {}): Promise<[Place, Place]> {
  const places = CONTEXTS.slice(0, 2).map((context) => new Place(context, `e2e-${name}`)) as [Place, Place];
  await Promise.all(places.map((place) => newSite(place, options)));
  await link(...places);
  return places;
}

export async function dropPlaces(places: readonly Place[]): Promise<void> {
  if (env.SKUPRT_E2E_KEEP) return;
  await Promise.all(places.map((place) => place.remove('namespace', place.namespace, '--wait=false')));
}

/** The lab's own commands. */
export async function lab(...args: readonly string[]): Promise<string> {
  return await execute(LAB!, args);
}

export const conditionOf = (object: Json, type: string): Json =>
  object.status?.conditions?.find((condition: Json) => condition.type === type);

/** Names of the pods of a site's routers that are not ending. */
export async function routerPods(place: Place): Promise<string[]> {
  const pods = await place.list('pods', 'skupper.io/component=router');
  return pods.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata }) => metadata.name as string);
}

/** To the pods with label `app` of that value. */
export function connector(name: string, app: string, port = 8080): object {
  const spec = { routingKey: name, selector: `app=${app}`, port };
  return { apiVersion: 'skupper.io/v2alpha1', kind: 'Connector', metadata: { name }, spec };
}

export function listener(name: string, port = 8080, host = name): object {
  const spec = { routingKey: name, host, port };
  return { apiVersion: 'skupper.io/v2alpha1', kind: 'Listener', metadata: { name }, spec };
}
