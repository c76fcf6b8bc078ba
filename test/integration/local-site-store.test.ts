/** The files of a local site: the store over its directories, ports, locks, and the supervision of the router process. */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONTROLLED_LABEL } from '../../config/names.ts';
import { writeFileAtomic } from '../../lib/files.ts';
import { createLogger } from '../../lib/log.ts';
import { SeededRandom } from '../../lib/random.ts';
import { CappedLog } from '../../site-controller/platform/local/capped-log.ts';
import { makeDirectories } from '../../site-controller/platform/local/controller.ts';
import { SiteRunningError } from '../../site-controller/platform/local/errors.ts';
import { lockSite, runningSite } from '../../site-controller/platform/local/lock.ts';
import { type SitePaths, sitePaths } from '../../site-controller/platform/local/paths.ts';
import { Ports, releasePorts } from '../../site-controller/platform/local/ports.ts';
import { identify, isAlive, readPidFile } from '../../site-controller/platform/local/process-identity.ts';
import { RouterProcess } from '../../site-controller/platform/local/router-process.ts';
import { LocalStore } from '../../site-controller/platform/local/store.ts';
import { eventually } from '../support/eventually.ts';
import { resource } from '../support/observed.ts';

let home: string;
let paths: SitePaths;
const log = createLogger({ name: 'test', level: 'silent' });

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'skuprt-store-'));
  paths = sitePaths(home, 'ns');
  await makeDirectories(paths);
});

afterEach(() => {
  chmodSync(paths.runtimeResources, 0o700);
  rmSync(home, { recursive: true, force: true });
});

const web = (port: number, metadata: object = {}) =>
  resource('Listener', 'web', { routingKey: 'web', host: '127.0.0.1', port }, metadata);
const inputFile = (name: string) => join(paths.inputResources, name);

describe('LocalStore', () => {
  it("keeps the user's file free of what a controller adds, and gives both as one", async () => {
    const user = new LocalStore(paths);
    const controller = new LocalStore(paths);
    await user.apply(web(8080));
    expect((await user.get('Listener', 'web'))!.metadata.uid).toBeUndefined();
    await controller.admit();
    await controller.patchStatus('Listener', 'web', { hasMatchingConnector: true });
    const seen = (await user.get('Listener', 'web'))!;
    expect(seen.metadata).toMatchObject({ name: 'web', generation: 1 });
    expect(seen.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(seen.status).toEqual({ hasMatchingConnector: true });
    expect(readFileSync(inputFile('Listener-web.yaml'), 'utf8')).not.toMatch(/uid|status|generation/);
  });

  it('counts a generation for each change of the spec, across restarts', async () => {
    await new LocalStore(paths).apply(web(8080));
    await new LocalStore(paths).admit();
    const uid = (await new LocalStore(paths).get('Listener', 'web'))!.metadata.uid;
    await new LocalStore(paths).apply(web(8081, { labels: { a: 'b' } }));
    expect((await new LocalStore(paths).get('Listener', 'web'))!.metadata).toMatchObject({ generation: 2, uid });
    await new LocalStore(paths).admit();
    await new LocalStore(paths).admit();
    expect((await new LocalStore(paths).get('Listener', 'web'))!.metadata).toMatchObject({ generation: 2, uid });
  });

  it('gives an identity to all that is spoken about, also to what comes between two looks', async () => {
    const [user, controller] = [new LocalStore(paths), new LocalStore(paths)];
    await controller.admit();
    await user.apply(web(8080));
    expect([...(await controller.admitted()).keys()]).toEqual([]);
    await controller.patchStatus('Listener', 'web', { hasMatchingConnector: true });
    const { uid } = (await user.get('Listener', 'web'))!.metadata;
    expect(uid).toMatch(/^[0-9a-f-]{36}$/);
    await controller.admit();
    expect((await controller.admitted()).get('Listener/web')).toMatchObject({
      metadata: { uid, generation: 1 },
      status: { hasMatchingConnector: true },
    });
  });

  it('gives one to what an earlier version left without', async () => {
    const store = new LocalStore(paths);
    await store.apply(web(8080));
    await store.admit();
    const copy = join(paths.runtimeResources, 'Listener-web.yaml');
    writeFileSync(copy, readFileSync(copy, 'utf8').replace(/^ *uid: .*\n/m, ''));
    expect((await store.get('Listener', 'web'))!.metadata.uid).toBeUndefined();
    await store.admit();
    expect((await store.get('Listener', 'web'))!.metadata.uid).toBeDefined();
  });

  it('writes nothing when nothing changed', async () => {
    const store = new LocalStore(paths);
    await store.apply(web(8080));
    await store.admit();
    await store.patchStatus('Listener', 'web', { hasMatchingConnector: true });
    const files = [inputFile('Listener-web.yaml'), join(paths.runtimeResources, 'Listener-web.yaml')];
    const before = files.map((file) => statSync(file, { bigint: true }).ino);
    await store.apply(web(8080));
    await store.admit();
    await store.patchStatus('Listener', 'web', { hasMatchingConnector: true });
    expect(files.map((file) => statSync(file, { bigint: true }).ino)).toEqual(before);
  });

  it('tells of each resource that it wrote or removed, and of nothing else', async () => {
    const told: string[] = [];
    const controller = new LocalStore(paths, { onWrite: (verb, key) => told.push(`${verb} ${key}`) });
    await new LocalStore(paths).apply(web(8080));
    for (let pass = 0; pass < 2; pass++) {
      await controller.admit();
      await controller.patchStatus('Listener', 'web', { hasMatchingConnector: true });
    }
    expect(told).toEqual(['write Listener/web', 'write Listener/web']);
    await controller.delete('Listener', 'web');
    expect(told.slice(2)).toEqual(['remove Listener/web', 'remove Listener/web']);
    await controller.delete('Listener', 'web');
    expect(told).toHaveLength(4);
  });

  it('keeps the last good version of a policy that came to mean nothing', async () => {
    const store = new LocalStore(paths);
    const file = inputFile('policy.yaml');
    const policy = (rule: string) =>
      `apiVersion: skuprt.io/v1alpha1\nkind: AccessPolicy\nmetadata: {name: p}\nspec: {rules: [${rule}]}\n`;
    writeFileSync(file, policy('{action: Deny}'));
    await store.admit();
    // No limit holds of what is allowed.
    writeFileSync(file, policy('{action: Allow, limits: {concurrentConnections: 1}}'));
    await store.admit();
    expect((await store.get('AccessPolicy', 'p'))!.spec.rules).toEqual([{ action: 'Deny' }]);
    expect((await store.faults()).map(({ file: name }) => name)).toEqual(['policy.yaml']);
  });

  it('keeps the last good version also when its status changes while the file is bad, and after that', async () => {
    const store = new LocalStore(paths);
    await store.apply(web(8080));
    await store.admit();
    writeFileSync(inputFile('Listener-web.yaml'), 'a: [');
    await store.admit();
    await store.patchStatus('Listener', 'web', { hasMatchingConnector: true });
    for (const reader of [store, new LocalStore(paths)]) {
      await reader.admit();
      expect(await reader.get('Listener', 'web')).toMatchObject({
        spec: { port: 8080 },
        status: { hasMatchingConnector: true },
      });
    }
    rmSync(inputFile('Listener-web.yaml'));
    await store.admit();
    expect(await store.list('Listener')).toEqual([]);
  });

  it('takes an emptied file for one that is being written, and keeps what was in it', async () => {
    const store = new LocalStore(paths);
    await store.apply(web(8080));
    await store.admit();
    for (const text of ['', '# soon\n']) {
      writeFileSync(inputFile('Listener-web.yaml'), text);
      await store.admit();
      expect((await store.get('Listener', 'web'))!.spec.port).toBe(8080);
      expect((await store.faults()).flatMap(({ faults }) => faults.map(({ message }) => message))).toEqual([
        'holds no resource: what was in it stays in force until the file is removed',
      ]);
    }
    rmSync(inputFile('Listener-web.yaml'));
    await store.admit();
    expect(await store.list('Listener')).toEqual([]);
  });

  it('lists every fault of every file and keeps everything else, and the last good version, in force', async () => {
    const store = new LocalStore(paths);
    await store.apply(web(8080));
    await store.apply(resource('Connector', 'db', { routingKey: 'db', host: '127.0.0.1', port: 5432 }));
    await store.admit();
    writeFileSync(
      inputFile('Listener-web.yaml'),
      'apiVersion: skupper.io/v2alpha1\nkind: Listener\nmetadata: {name: web}\nspec: {port: 99999, host: a, what: 1}\n',
    );
    writeFileSync(inputFile('zz.yaml'), 'a: [');
    for (const reader of [store, new LocalStore(paths)]) {
      expect((await reader.get('Listener', 'web'))!.spec.port).toBe(8080);
      expect(await reader.list('Connector')).toHaveLength(1);
      const faults = await reader.faults();
      expect(faults.map(({ file }) => file)).toEqual(['Listener-web.yaml', 'zz.yaml']);
      expect(faults[0]!.faults.map(({ path }) => path).sort()).toEqual(['spec.port', 'spec.routingKey', 'spec.what']);
    }
    await new LocalStore(paths).admit();
    expect((await store.get('Listener', 'web'))!.spec.port).toBe(8080);
  });

  it('forgets a resource whose file is gone', async () => {
    const store = new LocalStore(paths);
    await store.apply(web(8080));
    await store.admit();
    rmSync(inputFile('Listener-web.yaml'));
    await store.admit();
    expect(await store.list('Listener')).toEqual([]);
    expect(await readdir(paths.runtimeResources)).toEqual([]);
  });

  it('reads several documents of one file, and changes one of them there', async () => {
    const store = new LocalStore(paths);
    await writeFile(
      inputFile('all.yaml'),
      `${JSON.stringify(web(1))}\n---\n${JSON.stringify(resource('Site', 's', {}))}\n`,
    );
    await store.apply(web(2));
    expect(await readdir(paths.inputResources)).toEqual(['all.yaml']);
    expect((await store.get('Listener', 'web'))!.spec.port).toBe(2);
    await store.delete('Listener', 'web');
    expect(await store.list('Site')).toHaveLength(1);
  });

  it('says which file defines a resource twice', async () => {
    const store = new LocalStore(paths);
    writeFileSync(inputFile('a.yaml'), JSON.stringify(web(1)));
    writeFileSync(inputFile('b.yaml'), JSON.stringify(web(2)));
    expect((await store.get('Listener', 'web'))!.spec.port).toBe(1);
    expect(await store.faults()).toMatchObject([
      { file: 'b.yaml', faults: [{ message: 'Listener/web is defined in a.yaml already' }] },
    ]);
  });

  it('keeps generated resources apart, with a generation of their own', async () => {
    const store = new LocalStore(paths);
    const generated = (port: number) => web(port, { labels: { [CONTROLLED_LABEL]: 'true' } });
    await store.apply(generated(1));
    await store.patchStatus('Listener', 'web', { hasMatchingConnector: true });
    await store.apply(generated(2));
    const seen = (await new LocalStore(paths).get('Listener', 'web'))!;
    expect(seen.metadata.generation).toBe(2);
    expect(seen.status).toEqual({ hasMatchingConnector: true });
    expect(await readdir(paths.inputResources)).toEqual([]);
    await store.admit();
    expect(await store.list('Listener')).toHaveLength(1);
  });

  it('writes secrets for their owner only', async () => {
    const store = new LocalStore(paths);
    await store.apply(resource('AccessToken', 't', { url: 'https://x/y', code: 'c', ca: 'PEM' }));
    await store.admit();
    for (const directory of [paths.inputResources, paths.runtimeResources]) {
      expect(statSync(join(directory, 'AccessToken-t.yaml')).mode & 0o777).toBe(0o600);
    }
  });

  it('tells a watcher what came, changed and went', async () => {
    const store = new LocalStore(paths);
    const seen: string[] = [];
    const stop = new AbortController();
    const watching = store.watch((kind, name) => seen.push(`${kind}/${name}`), stop.signal);
    const other = new LocalStore(paths);
    await other.apply(web(1));
    await eventually('it came', () => seen.length >= 1);
    await other.apply(web(2));
    await eventually('it changed', () => seen.length >= 2);
    // A reader in between must not swallow the news.
    rmSync(inputFile('Listener-web.yaml'));
    await store.list('Listener');
    await eventually('it went', () => seen.length >= 3);
    stop.abort();
    await watching;
    expect(new Set(seen)).toEqual(new Set(['Listener/web']));
  });

  it('goes on watching when the directory is replaced', async () => {
    const store = new LocalStore(paths);
    const seen: string[] = [];
    const stop = new AbortController();
    const watching = store.watch((kind, name) => seen.push(`${kind}/${name}`), stop.signal);
    rmSync(paths.inputResources, { recursive: true });
    await mkdir(paths.inputResources);
    await new LocalStore(paths).apply(web(1));
    await eventually('it came', () => seen.includes('Listener/web'));
    stop.abort();
    await watching;
  });

  it('notices a change that leaves time and size alone', async () => {
    const store = new LocalStore(paths);
    const file = inputFile('web.yaml');
    await writeFile(file, JSON.stringify(web(1111)));
    await utimes(file, 1, 1);
    await store.list('Listener');
    await writeFile(file, JSON.stringify(web(2222)));
    await utimes(file, 1, 1);
    expect((await store.get('Listener', 'web'))!.spec.port).toBe(2222);
  });

  it('keeps a status in memory while the disk is full, and writes it when there is room', async () => {
    let isFull = true;
    const told: string[] = [];
    const write: typeof writeFileAtomic = async (...args) => {
      if (isFull) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      await writeFileAtomic(...args);
    };
    const store = new LocalStore(paths, { onNoSpace: (_error, file) => told.push(file), write });
    await new LocalStore(paths).apply(web(1));
    await store.admit();
    await store.patchStatus('Listener', 'web', { hasMatchingConnector: true });
    const { metadata, status } = (await store.get('Listener', 'web'))!;
    expect(status).toEqual({ hasMatchingConnector: true });
    expect(told.length).toBeGreaterThan(0);
    expect(await readdir(paths.runtimeResources)).toEqual([]);
    isFull = false;
    await store.admit();
    expect(await new LocalStore(paths).get('Listener', 'web')).toMatchObject({
      metadata: { uid: metadata.uid },
      status,
    });
  });

  it('leaves no trace of a write that was cut off', async () => {
    writeFileSync(inputFile('.Listener-web.yaml.123.tmp'), 'half of');
    const store = new LocalStore(paths);
    expect(await store.list('Listener')).toEqual([]);
    expect(await store.faults()).toEqual([]);
  });
});

describe('lockSite', () => {
  it('lets exactly one of many starters in, and tells the others who it is', async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockSite(paths.sitePid, 'ns')));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const refused = results.find((result) => result.status === 'rejected')!;
    expect(refused.reason).toBeInstanceOf(SiteRunningError);
    expect(refused.reason.message).toContain(`process ${process.pid}`);
    expect(await runningSite(paths.sitePid)).toBe(process.pid);
  });

  it('takes over from a process that is gone, from one whose pid is used again, and from half a file', async () => {
    const child = spawn('true');
    await new Promise((resolve) => child.once('close', resolve));
    for (const stale of [`${child.pid}\n1\n`, `${process.pid}\n1\n`, '12', '']) {
      writeFileSync(paths.sitePid, stale);
      const results = await Promise.allSettled([lockSite(paths.sitePid, 'ns'), lockSite(paths.sitePid, 'ns')]);
      const winners = results.filter((result) => result.status === 'fulfilled');
      expect(winners).toHaveLength(1);
      await winners[0]!.value();
      expect(existsSync(paths.sitePid)).toBe(false);
    }
  });
});

describe('Ports', () => {
  const load = async (namespace: string) => {
    const ports = new Ports(sitePaths(home, namespace), home);
    await ports.load(() => false);
    return ports;
  };
  const somePort = async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    return { server, port };
  };

  it('passes over ports in use and ports of other sites, and stays with what it gave', async () => {
    const { server, port } = await somePort();
    await makeDirectories(sitePaths(home, 'other'));
    const [one, other] = [await load('ns'), await load('other')];
    const given = await Promise.all([
      one.give('a', port, '127.0.0.1'),
      other.give('a', port, '127.0.0.1'),
      other.give('b', port, '127.0.0.1'),
    ]);
    expect(new Set([port, ...given]).size).toBe(4);
    server.close();
    const again = await load('ns');
    expect(await again.give('a', port, '127.0.0.1')).toBe(given[0]);
  });

  it('gives up what another program took, unless others know it', async () => {
    const ports = await load('ns');
    const port = await ports.give('a', 20_000, '127.0.0.1');
    const server = createServer().listen(port, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const known = new Ports(paths, home);
    await known.load(() => true);
    expect(known.all().get('a')).toBe(port);
    expect((await load('ns')).all().has('a')).toBe(false);
    server.close();
  });

  it('reuses the ports of a namespace that is gone, and of one that gave them back', async () => {
    const gone = await load('gone');
    const port = await gone.give('a', 21_000, '127.0.0.1');
    const ports = await load('ns');
    expect(await ports.give('a', port, '127.0.0.1')).toBe(port);
    await releasePorts(paths);
    expect(await readdir(paths.ports)).toEqual([]);
  });
});

describe('RouterProcess', () => {
  const program = 'process.stdin.resume(); process.stdin.on("end", () => process.exit(0)); console.log("up");';
  const start = (script: string) => {
    const stop = new AbortController();
    const router = new RouterProcess({
      command: [process.execPath, '-e', script],
      pidFile: paths.routerPid,
      logFile: paths.routerLog,
      random: new SeededRandom(1),
      log,
    });
    return { router, stop, done: router.run(stop.signal) };
  };

  it('has a killed router back, and stops it in the end', async () => {
    const { stop, done } = start(program);
    const first = await eventually('it runs', () => readPidFile(paths.routerPid));
    process.kill(first.pid, 'SIGKILL');
    const second = await eventually('another runs', async () => {
      const found = await readPidFile(paths.routerPid);
      return found !== undefined && found.pid !== first.pid ? found : undefined;
    });
    await eventually(
      'it is up',
      () => (existsSync(paths.routerLog) && readFileSync(paths.routerLog, 'utf8').includes('up')) || undefined,
    );
    stop.abort();
    await done;
    expect(await isAlive(second)).toBe(false);
    expect(existsSync(paths.routerPid)).toBe(false);
  });

  it('ends what an earlier controller left behind, and no other process', async () => {
    const orphan = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const identity = (await identify(orphan.pid!))!;
    writeFileSync(paths.routerPid, `${identity.pid}\nanother time\n`);
    const { router } = {
      router: new RouterProcess({
        command: ['true'],
        pidFile: paths.routerPid,
        logFile: paths.routerLog,
        random: new SeededRandom(1),
        log,
      }),
    };
    await router.endOrphan();
    expect(await isAlive(identity)).toBe(true);
    writeFileSync(paths.routerPid, `${identity.pid}\n${identity.startTime}\n`);
    await router.endOrphan();
    expect(await isAlive(identity)).toBe(false);
  });
});

describe('CappedLog', () => {
  it('never grows beyond its cap and keeps the file before', () => {
    const file = join(home, 'router.log');
    const capped = new CappedLog(file, 100);
    for (let line = 0; line < 10; line++) capped.write(Buffer.from(`${`${line}`.repeat(29)}\n`));
    capped.close();
    expect(statSync(file).size).toBeLessThanOrEqual(100);
    expect(readFileSync(file, 'utf8')).toContain('999');
    expect(readFileSync(`${file}.1`, 'utf8')).toContain('888');
  });
});
