/**
 * Ports on this machine that the sites of one data home give out, one file each: `ports/<port>` names the namespace and the
 * purpose. Creating the file is the reservation, so two sites that start at once never choose the same port, and a purpose
 * keeps its port over restarts. A file whose namespace is gone is free again.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { errnoOf, readIfExists } from '../../../lib/files.ts';
import { NoFreePortError } from './errors.ts';
import { namespacesDir, type SitePaths } from './paths.ts';

const TRIES_MAX = 1000;
const PORT_MAX = 65535;

export class Ports {
  private readonly paths: SitePaths;
  private readonly dataHome: string;
  private readonly given = new Map<string, number>();

  constructor(paths: SitePaths, dataHome: string) {
    this.paths = paths;
    this.dataHome = dataHome;
  }

  /**
   * Reads what this namespace was given before; to be called while nothing of it runs. A port that another program took
   * meanwhile is given up, unless other sites know it (`isKnown`): that one is waited for.
   */
  async load(isKnown: (purpose: string) => boolean): Promise<void> {
    await mkdir(this.paths.ports, { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.paths.ports)) {
      const owner = parse(await readIfExists(join(this.paths.ports, name)));
      if (owner?.namespace !== this.paths.namespace) continue;
      this.given.set(owner.purpose, Number(name));
      if (!isKnown(owner.purpose) && !(await canBind(Number(name), ''))) await this.release(owner.purpose);
    }
  }

  /** What was given so far, by purpose. */
  all(): ReadonlyMap<string, number> {
    return this.given;
  }

  /**
   * The port of `purpose`: the one given before, else the first from `from` on that nobody was given, that is not in `avoid`
   * and that can be bound on `host`. Throws NoFreePortError.
   */
  async give(purpose: string, from: number, host: string, avoid: ReadonlySet<number> = new Set()): Promise<number> {
    const known = this.given.get(purpose);
    if (known !== undefined) return known;
    const last = Math.min(PORT_MAX, from + TRIES_MAX);
    for (let port = from; port <= last; port++) {
      if (avoid.has(port) || !(await canBind(port, host)) || !(await this.reserve(port, purpose))) continue;
      this.given.set(purpose, port);
      return port;
    }
    throw new NoFreePortError(`no free port for ${purpose} from ${from} to ${last} on ${host}`);
  }

  /** Forgets the port of a purpose, so that the next `give` chooses again. */
  async release(purpose: string): Promise<void> {
    const port = this.given.get(purpose);
    if (port === undefined) return;
    this.given.delete(purpose);
    await rm(join(this.paths.ports, String(port)), { force: true });
  }

  private async reserve(port: number, purpose: string): Promise<boolean> {
    const path = join(this.paths.ports, String(port));
    const owner = parse(await readIfExists(path));
    if (owner !== undefined) {
      if (!(await this.isGone(owner.namespace))) return false;
      await rm(path, { force: true });
    }
    const temp = join(this.paths.ports, `.${randomUUID()}`);
    await writeFile(temp, `${this.paths.namespace}\n${purpose}\n`);
    try {
      await link(temp, path);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false;
      throw error;
    } finally {
      await rm(temp, { force: true });
    }
  }

  private async isGone(namespace: string): Promise<boolean> {
    if (namespace === this.paths.namespace) return false;
    return stat(join(namespacesDir(this.dataHome), namespace)).then(
      () => false,
      () => true,
    );
  }
}

/** Whether a server could listen there now. */
export function canBind(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: host || undefined, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Gives back every port of a namespace that is being deleted. */
export async function releasePorts(paths: SitePaths): Promise<void> {
  const names = await readdir(paths.ports).catch(() => []);
  for (const name of names) {
    const path = join(paths.ports, name);
    if (parse(await readIfExists(path))?.namespace === paths.namespace) await rm(path, { force: true });
  }
}

function parse(text: string | undefined): { namespace: string; purpose: string } | undefined {
  const [namespace, purpose] = (text ?? '').split('\n');
  return namespace && purpose ? { namespace, purpose } : undefined;
}
