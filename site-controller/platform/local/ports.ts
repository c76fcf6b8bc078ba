/**
 * Ports on this machine that the sites of one data home give out, one file each: `ports/<port>` names the namespace and the
 * purpose, so that a purpose keeps its port over restarts. A file whose namespace is gone is free again.
 *
 * Creating the file is the reservation among the sites of a data home; a claim in the user's temporary directory is the one
 * among data homes. So two sites that start at once never choose the same port.
 */
import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { errnoOf, readIfExists } from '../../../lib/files.ts';
import { NoFreePortError } from './errors.ts';
import { namespacesDir, type SitePaths } from './paths.ts';

const TRIES_MAX = 1000;
/**
 * A service that nobody offers for that long is gone. Until then its port is for no other: clients that know it would reach another service,
 * and a site that restarts is heard before its connectors are.
 */
const KEPT_MS = 120_000;
const PORT_MAX = 65535;

export class Ports {
  private readonly paths: SitePaths;
  private readonly dataHome: string;
  private readonly given = new Map<string, number>();
  /** Purposes that nobody has any more, and until when their ports are kept. */
  private readonly leaving = new Map<string, number>();

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
      await claim(Number(name), join(this.paths.ports, name));
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
    this.leaving.delete(purpose);
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

  /** The purpose is gone: its port is for others a while later, unless it is given again until then. */
  releaseLater(purpose: string, now: number): void {
    if (!this.leaving.has(purpose)) this.leaving.set(purpose, now + KEPT_MS);
  }

  /** Releases the ports that were kept long enough. */
  async releaseDue(now: number): Promise<void> {
    for (const [purpose, until] of this.leaving) if (now >= until) await this.release(purpose);
  }

  /** Forgets the port of a purpose, so that the next `give` chooses again. */
  async release(purpose: string): Promise<void> {
    this.leaving.delete(purpose);
    const port = this.given.get(purpose);
    if (port === undefined) return;
    this.given.delete(purpose);
    await giveBack(port, join(this.paths.ports, String(port)));
  }

  private async reserve(port: number, purpose: string): Promise<boolean> {
    const path = join(this.paths.ports, String(port));
    const owner = parse(await readIfExists(path));
    if (owner !== undefined) {
      if (!(await this.isGone(owner.namespace))) return false;
      await rm(path, { force: true });
    }
    if (!(await createWhole(path, `${this.paths.namespace}\n${purpose}\n`))) return false;
    if (await claim(port, path)) return true;
    await rm(path, { force: true });
    return false;
  }

  private async isGone(namespace: string): Promise<boolean> {
    if (namespace === this.paths.namespace) return false;
    return stat(join(namespacesDir(this.dataHome), namespace)).then(
      () => false,
      () => true,
    );
  }
}

/** Claims of all data homes of this user: each names the reservation that it belongs to, and holds while that exists. */
const CLAIMS = join(tmpdir(), `skuprt-ports-${userInfo().uid}`);

/** @returns false when a reservation of another data home has the port */
async function claim(port: number, reservation: string): Promise<boolean> {
  const path = join(CLAIMS, String(port));
  if (await createClaim(path, reservation)) return true;
  const holder = await readIfExists(path);
  if (holder === reservation) return true;
  if (holder !== undefined && (await readIfExists(holder)) !== undefined) return false;
  await rm(path, { force: true });
  return createClaim(path, reservation);
}

async function createClaim(path: string, reservation: string): Promise<boolean> {
  for (;;) {
    await mkdir(CLAIMS, { recursive: true, mode: 0o700 });
    try {
      return await createWhole(path, reservation);
    } catch (error) {
      // Whoever gave back the last claim has just taken the directory away.
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
}

async function giveBack(port: number, reservation: string): Promise<void> {
  const path = join(CLAIMS, String(port));
  if ((await readIfExists(path)) === reservation) await rm(path, { force: true });
  await rm(reservation, { force: true });
  // Nothing stays behind; not empty as long as others have claims.
  await rmdir(CLAIMS).catch(() => undefined);
}

/** Creates a file with its text at once. @returns false when there is one already */
async function createWhole(path: string, text: string): Promise<boolean> {
  const temp = join(dirname(path), `.${randomUUID()}`);
  await writeFile(temp, text);
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
    if (parse(await readIfExists(path))?.namespace === paths.namespace) await giveBack(Number(name), path);
  }
}

function parse(text: string | undefined): { namespace: string; purpose: string } | undefined {
  const [namespace, purpose] = (text ?? '').split('\n');
  return namespace && purpose ? { namespace, purpose } : undefined;
}
