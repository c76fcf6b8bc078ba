/**
 * `demo`: the whole story on one machine. Two sites with their own directories, processes and CAs; a server that only east
 * can reach; its use in west; a checked transfer both ways; its name in the cluster set. Ends with exit 0 only when all of that was seen to work.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../lib/errors.ts';
import { type Context, say } from '../context.ts';
import type { DemoFlags } from '../definitions/processes.ts';
import { REPORT } from '../demo/advice.ts';
import { GREETING } from '../demo/backend.ts';
import { type Names, serveNames } from '../demo/names.ts';
import { Steps } from '../demo/steps.ts';
import { download, fetchText, type Transfer, upload } from '../demo/transfer.ts';
import { FailedError } from '../errors.ts';
import { sizeText } from '../output/text.ts';

const SERVICE_TIMEOUT_MS = 20_000;
const POLL_MS = 20;
/** Of the service in the cluster set. */
const NAME = 'backend.east.supercluster.local';

interface Backend {
  pid: number;
  port: number;
  stop(): Promise<void>;
}

export async function runDemo(surrounding: Context, flags: DemoFlags): Promise<void> {
  const start = performance.now();
  // A closed terminal would otherwise end this process and leave the sites.
  const hangup = new AbortController();
  process.once('SIGHUP', () => hangup.abort());
  const context = { ...surrounding, signal: AbortSignal.any([surrounding.signal, hangup.signal]) };
  const directory = await prepareDirectory(flags.dir);
  const demo = new Demo(context, flags, directory);
  try {
    await demo.play();
    demo.steps.write(`\nAll of it works; ${((performance.now() - start) / 1000).toFixed(1)} s altogether.\n`);
  } catch (error) {
    await demo.cleanUp();
    throw error;
  }
  if (flags.keep) demo.explainHowToGoOn();
  else await demo.cleanUp();
}

class Demo {
  readonly steps: Steps;
  private readonly context: Context;
  private readonly flags: DemoFlags;
  private readonly directory: string;
  private readonly sites: string[] = [];
  private backend: Backend | undefined;
  private url = '';

  constructor(context: Context, flags: DemoFlags, directory: string) {
    this.context = context;
    this.flags = flags;
    this.directory = directory;
    this.steps = new Steps(context, directory);
  }

  async play(): Promise<void> {
    const { steps } = this;
    const token = join(this.directory, 'east.token');
    steps.write(`Two sites in ${this.directory}, each with its own directory, processes and certificate authority:\n`);
    await this.makeSite('east');
    await this.makeSite('west');
    steps.write('\nA token of east makes a link from west, over mutual TLS:\n');
    await steps.command('-n', 'east', 'token', 'create', token);
    await steps.command('-n', 'west', 'link', 'create', token);

    this.backend = await startBackend(this.context, this.flags.keep === true);
    const { port } = this.backend;
    steps.write(`\nAn HTTP server on port ${port} that only east knows, used through west:\n`);
    await steps.command('-n', 'east', 'expose', 'host/127.0.0.1', '--port', String(port), '--address', 'backend');
    await this.findService();
    const greeting = await steps.show(`curl ${this.url}`, () => fetchText(this.url, this.context.signal));
    if (greeting !== GREETING)
      throw new FailedError(`The server answered ${JSON.stringify(greeting)} through west`, REPORT);
    steps.indented(greeting);

    steps.write('\nThe network:\n');
    steps.indented(await steps.command('-n', 'west', 'network', 'status'));
    await this.transfer();
    await this.useByName(port);
  }

  private async makeSite(name: string): Promise<void> {
    this.sites.unshift(name);
    await this.steps.command('-n', name, 'init', name, '--host', '127.0.0.1', '--bind-host', '127.0.0.1');
  }

  /** Waits until west listens for the service, and shows where. */
  private async findService(): Promise<void> {
    const { signal, program } = this.context;
    const status = await this.steps.show(`${program} -n west service status`, async () => {
      const deadline = performance.now() + SERVICE_TIMEOUT_MS;
      for (;;) {
        const here = await this.addressInWest();
        if (here !== undefined) {
          this.url = `http://${here}/`;
          return await this.steps.run(['-n', 'west', 'service', 'status']);
        }
        if (performance.now() > deadline)
          throw new FailedError('West does not listen for the service that east exposed', REPORT);
        await sleep(POLL_MS, undefined, { signal });
      }
    });
    this.steps.indented(status);
  }

  /** Where a client in west connects to, once something listens there. */
  private async addressInWest(): Promise<string | undefined> {
    const json = await this.steps.run(['-n', 'west', 'service', 'status', '-o', 'json']);
    const { items } = JSON.parse(json) as {
      items: { metadata: { name: string }; status: { connectHere: string[] } }[];
    };
    const here = items.find(({ metadata }) => metadata.name === 'backend')?.status.connectHere[0];
    if (here === undefined) return undefined;
    const isAnswering = await fetchText(`http://${here}/`, this.context.signal).then(
      () => true,
      () => false,
    );
    return isAnswering ? here : undefined;
  }

  private async transfer(): Promise<void> {
    const { size } = this.flags;
    const { signal } = this.context;
    this.steps.write(`\n${sizeText(size)} both ways, checked by sha256 at both ends:\n`);
    const report = ({ sha256, durationMs }: Transfer) => {
      const seconds = durationMs / 1000;
      const speed = `${sizeText(Math.round(size / seconds))}/s, ${((size * 8) / seconds / 1e9).toFixed(2)} Gbit/s`;
      this.steps.indented(`${speed}, sha256 ${sha256.slice(0, 16)}… is right`);
    };
    report(await this.steps.show(`curl ${this.url}bytes/${size} | sha256sum`, () => download(this.url, size, signal)));
    report(
      await this.steps.show(`head -c ${size} /dev/urandom | curl -T - ${this.url}`, () =>
        upload(this.url, size, signal),
      ),
    );
  }

  /** Every cluster of the set, and every local site, has an exported service under the same name. */
  private async useByName(port: number): Promise<void> {
    const { steps, context } = this;
    steps.write('\nA name for it in every site and cluster of the set, by our DNS server:\n');
    await steps.command('-n', 'east', 'service', 'export', 'backend');
    const names = await serveNames(this.directory, context.signal);
    try {
      const asked = `dig +short @127.0.0.1 -p ${names.port} ${NAME}`;
      steps.indented(await steps.show(asked, () => this.soon(async () => (await names.addressesOf(NAME)).join('\n'))));
      const url = `http://${NAME}:${port}/`;
      const greeting = await steps.show(`curl ${url}`, () => this.soon(() => this.fetchBy(names, url)));
      steps.indented(greeting);
    } finally {
      await names.stop();
    }
  }

  private async fetchBy({ lookup }: Names, url: string): Promise<string> {
    const greeting = await fetchText(url, this.context.signal, lookup);
    if (greeting !== GREETING)
      throw new FailedError(`The server answered ${JSON.stringify(greeting)} by its name`, REPORT);
    return greeting;
  }

  /** Again and again until it does not fail. */
  private async soon<T>(look: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + SERVICE_TIMEOUT_MS;
    for (;;) {
      try {
        return await look();
      } catch (cause) {
        this.context.signal.throwIfAborted();
        if (performance.now() > deadline)
          throw new FailedError(`The service has no name: ${messageOf(cause)}`, { ...REPORT, cause });
        await sleep(POLL_MS, undefined, { signal: this.context.signal });
      }
    }
  }

  explainHowToGoOn(): void {
    const { program } = this.context;
    const stop = this.sites.map((site) => `${program} -n ${site} delete --yes`).join(' && ');
    this.steps.write(`
Everything is left running. Go on with
    export XDG_DATA_HOME=${this.directory}
    ${program} -n west network status
    ${program} -n east status
    curl ${this.url}
    ${program} -p local dns serve
    dig @127.0.0.1 -p 5353 ${NAME}
and end it with
    ${stop} && kill ${this.backend?.pid} && rm -r ${this.directory}
`);
  }

  /** Goes on whatever fails, so that as little as possible is left. */
  async cleanUp(): Promise<void> {
    this.steps.beginCleanup();
    say(this.context, 'Stopping and removing everything ...');
    const ends = this.sites.map((site) =>
      this.steps.run(['-n', site, 'delete', '--yes']).catch((error: Error) => {
        // A site that was not made yet is no fault here.
        if (!error.message.includes('There is no site')) say(this.context, error.message);
      }),
    );
    await Promise.all([...ends, this.backend?.stop()]);
    await rm(join(this.directory, 'skuprt'), { recursive: true, force: true });
    await rm(join(this.directory, 'east.token'), { force: true });
    if (this.flags.dir === undefined) await rm(this.directory, { recursive: true, force: true });
  }
}

async function prepareDirectory(given: string | undefined): Promise<string> {
  if (given === undefined) return await mkdtemp(join(tmpdir(), 'skuprt-demo-'));
  const directory = resolve(given);
  await mkdir(directory, { recursive: true });
  return directory;
}

export async function startBackend(context: Pick<Context, 'self'>, keep: boolean): Promise<Backend> {
  const [command, ...leading] = context.self;
  const child = spawn(command!, [...leading, 'demo-backend', ...(keep ? ['--keep'] : [])], {
    detached: true,
    // One that stays must not hold open the pipe that the output of the demo goes into.
    stdio: [keep ? 'ignore' : 'pipe', 'pipe', keep ? 'ignore' : 'inherit'],
  });
  const exit = once(child, 'exit');
  const [line] = (await Promise.race([once(child.stdout!, 'data'), exit])) as [Buffer | number | null];
  const port = Buffer.isBuffer(line) ? Number.parseInt(line.toString(), 10) : 0;
  if (!(port > 0) || child.pid === undefined) throw new FailedError("The demo's HTTP server did not start", REPORT);
  child.stdout!.destroy();
  if (keep) child.unref();
  const stop = async () => {
    child.ref();
    child.kill('SIGTERM');
    await exit;
  };
  return { pid: child.pid, port, stop };
}
