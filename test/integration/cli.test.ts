/** The command line as a user starts it: child processes on a data directory of their own, everything on 127.0.0.1. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { startBackend } from '../../cli/commands/demo.ts';
import { CLI_ENTRY, localEnv, runChild, runHere } from '../support/cli.ts';
import { eventually, PATIENCE } from '../support/eventually.ts';

const LOCAL = ['--host', '127.0.0.1', '--host', 'localhost', '--bind-host', '127.0.0.1'];
const GREETING = 'hello through two sites\n';

describe('two sites made on the command line', () => {
  const dataHome = mkdtempSync(join(tmpdir(), 'skuprt-cli-'));
  const token = join(dataHome, 'a token_file ü.yaml');
  /** As a process, as a user starts it; the others in this process, because starting one takes longer than most commands. */
  const asProcess = (line: string, ...more: string[]) => runChild(dataHome, [...line.split(' '), ...more]);
  const skuprt = (line: string, ...more: string[]) =>
    runHere([...line.split(' '), ...more], { env: { ...localEnv(), XDG_DATA_HOME: dataHome } });
  let backend: Server;
  let port: number;

  beforeAll(async () => {
    backend = createServer((_request, response) => response.end(GREETING)).listen(0, '127.0.0.1');
    await once(backend, 'listening');
    port = (backend.address() as AddressInfo).port;
  });

  afterAll(async () => {
    backend.close();
    await Promise.all([skuprt('-n east delete --yes'), skuprt('-n west delete --yes')]);
    rmSync(dataHome, { recursive: true, force: true });
  });

  it('makes a site once when two try at the same time, and the other says so', async () => {
    const both = await Promise.all([
      asProcess('-n east init east', ...LOCAL),
      asProcess('-n east init east', ...LOCAL),
    ]);
    expect(both.map(({ code }) => code).sort()).toEqual([0, 1]);
    expect(both.find(({ code }) => code === 1)?.err).toMatch(/Another init|runs already/);
    const { out } = await skuprt('-n east site status -o json');
    expect(JSON.parse(out)).toMatchObject({ kind: 'List', items: [{ kind: 'Site', status: { status: 'Ready' } }] });
  });

  it('runs the site outside of the process group and without any stream of the command that made it', () => {
    const pid = readFileSync(join(dataHome, 'skuprt/namespaces/east/internal/site.pid'), 'utf8').split('\n')[0]!;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, , group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    expect([group, session]).toEqual([pid, pid]);
  });

  it('links a second site by a token file that only its owner can read', async () => {
    expect(await asProcess('-n west init west', ...LOCAL)).toMatchObject({ code: 0, out: '' });
    const issued = await asProcess('-n east token create', token);
    expect(issued).toMatchObject({ code: 0, err: expect.stringContaining('1 time within 15m') });
    expect(statSync(token).mode & 0o777).toBe(0o600);
    const { metadata } = parse(readFileSync(token, 'utf8')) as { metadata: { annotations: Record<string, string> } };
    const urls = JSON.parse(metadata.annotations['skuprt.io/urls']!) as string[];
    expect(urls.map((url) => new URL(url).hostname)).toEqual(['127.0.0.1', 'localhost']);
    const redeemed = await asProcess('-n west link create --name to-east', token);
    expect(redeemed).toMatchObject({ code: 0, err: expect.stringContaining('has been redeemed') });
    expect(redeemed.err).toContain('Link "to-east" is ready');
    // Who is at the other end is told over the link itself, a moment later.
    await eventually('who is at the other end is told', async () => {
      const { out } = await skuprt('-n west link status to-east -o json');
      return (JSON.parse(out) as { status: { remoteSiteName?: string } }).status.remoteSiteName === 'east';
    });
  });

  it('refuses a used token with exit 5 and keeps nothing of it', async () => {
    const again = await asProcess('-n west token redeem --name again', token);
    expect(again).toMatchObject({ code: 5, err: expect.stringContaining('as often as it allows') });
    expect(await skuprt('-n west token status again')).toMatchObject({ code: 3 });
  });

  it('refuses a token whose CA is not that of the server', async () => {
    const issued = await skuprt('-n east token issue -');
    const forged = parse(issued.out) as { spec: { ca: string } };
    const other = await skuprt('-n west token issue -');
    forged.spec.ca = (parse(other.out) as { spec: { ca: string } }).spec.ca;
    const file = join(dataHome, 'forged');
    writeFileSync(file, stringify(forged));
    expect(await skuprt('-n west token redeem --name forged', file)).toMatchObject({ code: 5 });
  });

  it('withdraws an issued token, and keeps the link of one that was redeemed', async () => {
    const file = join(dataHome, 'withdrawn');
    expect(await skuprt('-n east token issue --name withdrawn', file)).toMatchObject({ code: 0 });
    expect(await skuprt('-n east token delete withdrawn --yes')).toMatchObject({ code: 0 });
    expect(await skuprt('-n west token redeem', file)).toMatchObject({
      code: 5,
      err: expect.stringContaining('does not know token withdrawn'),
    });
    expect(await skuprt('-n west token delete to-east --yes')).toMatchObject({ code: 2 });
    expect(await skuprt('-n west token delete withdrawn --yes')).toMatchObject({ code: 3 });
  });

  it('offers what one site exposes at the other', async () => {
    expect(await skuprt(`-n east expose host/127.0.0.1 --port ${port} --address backend`)).toMatchObject({ code: 0 });
    const url = await addressOf('backend');
    expect(await (await fetch(url)).text()).toBe(GREETING);
  });

  it('shows the network from both ends', async () => {
    const links = async () => {
      const { out } = await skuprt('-n east network status -o json');
      const { sites } = JSON.parse(out) as { sites: { name: string; links: { direction: string; cost: number }[] }[] };
      return Object.fromEntries(sites.map(({ name, links }) => [name, links]));
    };
    await expect.poll(links, PATIENCE).toMatchObject({
      east: [{ direction: 'incoming', cost: 1, operational: true, remoteSiteName: 'west' }],
      west: [{ direction: 'outgoing', cost: 1, operational: true, remoteSiteName: 'east' }],
    });
    expect((await skuprt('-n west network status')).out).toContain('── cost 1 ──▶');
  });

  it('takes the service away again', async () => {
    expect(await skuprt('-n east unexpose --address backend')).toMatchObject({ code: 0 });
    expect(await skuprt('-n east unexpose --address backend')).toMatchObject({ code: 3 });
    await eventually('no listener is left', async () => (await skuprt('-n west listener status -o name')).out === '');
  });

  it('packs a dump without keys and codes', async () => {
    const file = join(dataHome, 'dump.tar.gz');
    expect(await skuprt('-n east debug dump', file)).toMatchObject({ code: 0 });
    const tar = spawn('tar', ['-xzOf', file]);
    const [content, complaints] = await Promise.all([text(tar.stdout), text(tar.stderr)]);
    expect(complaints).toBe('');
    expect(content).toContain('kind: Site');
    expect(content).not.toContain('PRIVATE KEY');
    expect(content).not.toContain((parse(readFileSync(token, 'utf8')) as { spec: { code: string } }).spec.code);
  });

  it('prints a link with its certificate, the same one each time', async () => {
    const first = await skuprt('-n east link generate');
    expect(first.out).toContain('kind: Secret');
    expect((await skuprt('-n east link generate')).out).toBe(first.out);
  });

  it('ends a wait that is too long with exit 4, and leaves what was asked for', async () => {
    const waiting = await skuprt('-n west listener create nothing 1024 --host 127.0.0.1 --wait ready --timeout 200ms');
    expect(waiting).toMatchObject({ code: 4, err: expect.stringContaining('goes on in the background') });
    expect(await skuprt('-n west listener delete nothing --yes')).toMatchObject({ code: 0 });
  });

  it('ends a wait on Ctrl-C with exit 130 and says what goes on', async () => {
    const resource = join(dataHome, 'skuprt/namespaces/west/input/resources/Listener-nothing.yaml');
    // Of a try before.
    rmSync(resource, { force: true });
    const env = { ...localEnv(), XDG_DATA_HOME: dataHome };
    const args = ['-n', 'west', 'listener', 'create', 'nothing', '1024', '--host', '127.0.0.1', '--wait', 'ready'];
    const child = spawn(process.execPath, [CLI_ENTRY, ...args], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const said = text(child.stderr);
    await eventually('it has written what it waits for', () => existsSync(resource));
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([130, null]);
    expect(await said).toContain('goes on in the background');
  });

  it('stops, starts again with its link, and is removed once', async () => {
    expect(await skuprt('-n west site stop')).toMatchObject({ code: 0 });
    expect((await skuprt('-n west site status')).out).toContain('Stopped');
    expect(await skuprt('-n west init west')).toMatchObject({ code: 0 });
    await eventually('the link is ready', async () => (await skuprt('-n west link status')).out.includes('Ready'));
    expect(await skuprt('-n west link delete to-east --yes')).toMatchObject({ code: 0 });
    expect((await skuprt('-n west token status -o name')).out).not.toContain('to-east');
    expect(await skuprt('-n west delete --yes')).toMatchObject({ code: 0 });
    expect(existsSync(join(dataHome, 'skuprt/namespaces/west'))).toBe(false);
    expect(await skuprt('-n west delete --yes')).toMatchObject({ code: 3 });
  });

  async function addressOf(service: string): Promise<string> {
    let here: string | undefined;
    await eventually(`${service} answers`, async () => {
      const { code, out } = await skuprt(`-n west service status ${service} -o json`);
      here = code === 0 ? (JSON.parse(out) as { status: { connectHere: string[] } }).status.connectHere[0] : undefined;
      return here !== undefined && (await fetch(`http://${here}/`).catch(() => undefined)) !== undefined;
    });
    return `http://${here}/`;
  }
});

/** In this file, so that it does not start sites at the same moment as the tests above. */
describe('the demo', () => {
  let temp: string;

  beforeEach(() => {
    temp = mkdtempSync(join(tmpdir(), 'skuprt-demo-test-'));
  });

  afterEach(() => rmSync(temp, { recursive: true, force: true }));

  function startDemo(...args: string[]): ChildProcess {
    return spawn(process.execPath, [CLI_ENTRY, 'demo', ...args], {
      env: { ...process.env, TMPDIR: temp },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** The command lines of living processes that name our directory. */
  function processesLeft(): string[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        try {
          return [['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8')).join('\0')];
        } catch {
          return [];
        }
      })
      .filter((description) => description.includes(temp));
  }

  it('carries a checked transfer both ways and answers by name, and leaves no file and no process', async () => {
    const demo = startDemo('--size', '4MiB');
    const [out, [code]] = await Promise.all([text(demo.stdout!), once(demo, 'exit')]);
    expect(out).toContain('All of it works');
    expect(out.match(/sha256 [0-9a-f]{16}… is right/g)).toHaveLength(2);
    const dig = /dig .* backend\.east\.supercluster\.local +[\d.]+ s\n {4}127\.\d+\.\d+\.\d+\n/;
    expect(out).toMatch(dig);
    expect(out).toMatch(/curl http:\/\/backend\.east\.supercluster\.local:\d+\/ +[\d.]+ s\n {4}hello from/);
    expect(code).toBe(0);
    expect(readdirSync(temp)).toEqual([]);
    expect(processesLeft()).toEqual([]);
  });

  it('removes everything on Ctrl-C while it makes the second site, and ends with exit 130', async () => {
    const demo = startDemo();
    const exit = once(demo, 'exit');
    let out = '';
    demo.stdout!.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (out.includes('init west') && !demo.killed) demo.kill('SIGINT');
    });
    const err = text(demo.stderr!);
    expect(await exit).toEqual([130, null]);
    expect(await err).toContain('removing everything');
    expect(readdirSync(temp)).toEqual([]);
    expect(processesLeft()).toEqual([]);
  });
});

it('the server of a demo that stays holds no pipe open that the demo writes to', async () => {
  const said = join(mkdtempSync(join(tmpdir(), 'skuprt-demo-pipe-')), 'said');
  const tell = `fs.writeFileSync(${JSON.stringify(said)}, fs.readlinkSync('/proc/self/fd/2')); process.stdout.write('4711'); setInterval(() => {}, 1e6)`;
  const backend = await startBackend({ self: [process.execPath, '-e', tell] }, true);
  expect([readFileSync(said, 'utf8'), backend.port]).toEqual(['/dev/null', 4711]);
  await backend.stop();
  rmSync(dirname(said), { recursive: true });
});
