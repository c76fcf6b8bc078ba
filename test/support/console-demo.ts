/** Two local sites with a service between them, clients that use it, and the console of one, all as real processes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { Agent, createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { createLogger } from '../../lib/log.ts';
import { RouterClient } from '../../lib/router-client/client.ts';
import { stopChild } from './child-process.ts';
import { CLI_ENTRY, localEnv } from './cli.ts';
import { freePort, LocalMachine } from './local-machine.ts';

const HOST = '127.0.0.1';

/** A server at one site that others use. */
interface Service {
  readonly name: string;
  readonly at: LocalMachine;
  readonly usedBy: readonly LocalMachine[];
  readonly octets: number;
  readonly everyMs: number;
}

export class ConsoleDemo {
  readonly east = new LocalMachine('east', 'east');
  readonly west = new LocalMachine('west', 'west');
  readonly #others: LocalMachine[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });
  readonly #servers: Server[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #opened: OpenedConsole | undefined;

  /** With the token behind `#`. */
  get address(): string {
    return this.#opened?.address ?? '';
  }

  async start(): Promise<void> {
    const { east, west } = this;
    await Promise.all([east.begin(), west.begin()]);
    await west.link(east);
    await this.#offer({ name: 'backend', at: east, usedBy: [west], octets: 64 * 1024, everyMs: 100 });
    this.#opened = await openConsole(west);
  }

  /** Two sites more, a ring with the others, and what they offer and use. */
  async grow(): Promise<void> {
    const { east, west } = this;
    const [north, south] = [new LocalMachine('north', 'north'), new LocalMachine('south', 'south')];
    this.#others.push(north, south);
    await Promise.all([north.begin(), south.begin()]);
    await east.link(south);
    await south.link(north);
    await north.link(west);
    await this.#offer({ name: 'orders', at: north, usedBy: [west, south], octets: 20_000, everyMs: 150 });
    await this.#offer({ name: 'ledger', at: south, usedBy: [east, north], octets: 9000, everyMs: 400 });
    await this.#offer({ name: 'search', at: south, usedBy: [west], octets: 40_000, everyMs: 250 });
  }

  /** Asks the router of that site itself, as its controller does. */
  async atRouter(site: LocalMachine, ask: (router: RouterClient) => Promise<void>): Promise<void> {
    const end = new AbortController();
    let isUp = () => {};
    const up = new Promise<void>((resolve) => {
      isUp = resolve;
    });
    const router = new RouterClient({
      containerId: 'console-demo',
      endpoint: async () => site.routerEndpoint(),
      onUp: isUp,
      onDown: () => undefined,
      onHeard: () => undefined,
      log: createLogger({ name: 'console-demo', level: 'silent' }),
    });
    const running = router.run(end.signal);
    try {
      await up;
      await ask(router);
    } finally {
      end.abort();
      await running;
    }
  }

  /** As a power cut does it: nothing of that site says goodbye. */
  cutEast(): void {
    // The site's process first, which would start its router again.
    for (const pid of processesOf(this.east.home)) process.kill(pid, 'SIGKILL');
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#agent.destroy();
    if (this.#opened !== undefined) await stopChild(this.#opened.process);
    await Promise.all([this.east, this.west, ...this.#others].map((site) => site.end()));
    for (const server of this.#servers) {
      server.closeAllConnections();
      server.close();
    }
  }

  async #offer({ name, at, usedBy, octets, everyMs }: Service): Promise<void> {
    const body = Buffer.alloc(octets, 'x');
    const server = createServer((_request, response) => response.end(body)).listen(0, HOST);
    this.#servers.push(server);
    await once(server, 'listening');
    await at.apply('Connector', name, { routingKey: name, host: HOST, port: (server.address() as AddressInfo).port });
    for (const site of usedBy) {
      const port = await freePort();
      await site.apply('Listener', name, { routingKey: name, host: HOST, port });
      this.#timers.push(setInterval(() => this.#ask(port), everyMs));
    }
  }

  /** Whether or not it is answered. */
  #ask(port: number): void {
    get({ host: HOST, port, agent: this.#agent }, (answer) => answer.on('error', () => undefined).resume()).on(
      'error',
      () => undefined,
    );
  }
}

export interface OpenedConsole {
  readonly process: ChildProcess;
  /** With the token behind `#`. */
  readonly address: string;
}

/** Of that site, as a user opens it. */
export async function openConsole({ namespace, home }: LocalMachine): Promise<OpenedConsole> {
  const args = ['-n', namespace, 'console', '--port', '0', '--read-only=false'];
  const child = spawn(process.execPath, [CLI_ENTRY, ...args], {
    env: { ...localEnv(), XDG_DATA_HOME: home },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  for await (const line of createInterface({ input: child.stderr })) {
    said += `${line}\n`;
    const [, file] = /token to sign in is in (.+)$/.exec(line) ?? [];
    if (file === undefined) continue;
    child.stderr.resume();
    return { process: child, address: readFileSync(file, 'utf8').trim() };
  }
  throw new Error(`the console ended: ${said}`);
}

/** Those that were started with this data home, the oldest first. */
function processesOf(home: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids
    .map(Number)
    .filter((pid) => environmentOf(pid).includes(`XDG_DATA_HOME=${home}\0`))
    .sort((a, b) => a - b);
}

function environmentOf(pid: number): string {
  try {
    return `${readFileSync(`/proc/${pid}/environ`, 'utf8')}\0`;
  } catch {
    // Gone by now, or somebody else's.
    return '';
  }
}
