/**
 * Network namespaces ("places"), each reached from the tests over a wire of its own that nothing happens to, and the wires between
 * them, which are cut, silent, slow and lossy. Needs the namespaces that main.ts makes; removes nothing, since all goes with those.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { stopChild } from '../../support/child-process.ts';

/** Queue of an interface, in packets: a burst of a window's size is not lost before the line. */
const QUEUE_PACKETS = 20_000;
/** Where `ip netns` notes them; other test files before this one have made some. */
const NAMESPACES = '/run/netns';
let wireCount = 0;

export interface Place {
  readonly name: string;
  /** Its address, as seen from the tests. */
  readonly address: string;
  /** Of the tests, as seen from it. */
  readonly home: string;
}

export interface Distance {
  /** One way. */
  readonly delayMs?: number;
  readonly lossPercent?: number;
  /** Less and larger packets cost the line less. */
  readonly mtu?: number;
}

export function makePlace(): Place {
  const number = readdirSync(NAMESPACES).length + 1;
  const name = `place${number}`;
  const [home, address] = [`10.77.${number}.1`, `10.77.${number}.2`];
  ip('netns', 'add', name);
  ip('-n', name, 'link', 'set', 'lo', 'up');
  ip('link', 'add', `to${number}`, 'type', 'veth', 'peer', 'name', 'home', 'netns', name);
  ip('addr', 'add', `${home}/30`, 'dev', `to${number}`);
  ip('link', 'set', `to${number}`, 'up');
  raise(name, 'home', address);
  nft(name, 'add table inet faults');
  return { name, address, home };
}

/** What a command in a place is run with. */
export function inPlace(place: Place, program: string, args: readonly string[]): [string, string[]] {
  return ['ip', ['netns', 'exec', place.name, program, ...args]];
}

/** A wire between two places. */
export class Wire {
  /** Addresses of the two places on this wire. */
  readonly addresses: readonly [string, string];
  private readonly places: readonly [Place, Place];
  private readonly ends: readonly [string, string];
  private readonly line: ChildProcess | undefined;

  private constructor(places: readonly [Place, Place], number: number, line: ChildProcess | undefined) {
    this.places = places;
    this.ends = [`wire${number}a`, `wire${number}b`];
    this.addresses = [`10.88.${number}.1`, `10.88.${number}.2`];
    this.line = line;
  }

  /** With a distance the wire is a line with delay and loss, which can be changed later. */
  static async between(one: Place, two: Place, distance?: Distance): Promise<Wire> {
    const number = ++wireCount;
    const mtu = distance?.mtu ?? 1500;
    const line = distance && (await startLine(`wire${number}a`, `wire${number}b`, mtu, number));
    const wire = new Wire([one, two], number, line);
    const [a, b] = wire.ends;
    if (line === undefined) ip('link', 'add', a, 'type', 'veth', 'peer', 'name', b);
    for (const [at, end] of wire.ends.entries()) {
      ip('link', 'set', end, 'netns', wire.places[at]!.name);
      const { name } = wire.places[at]!;
      ip('-n', name, 'link', 'set', end, 'mtu', String(mtu), 'txqueuelen', String(QUEUE_PACKETS));
      raise(name, end, wire.addresses[at]!);
      for (const chain of ['in', 'out']) {
        const hook = chain === 'in' ? 'input' : 'output';
        nft(name, `add chain inet faults ${end}-${chain} { type filter hook ${hook} priority 0; }`);
      }
    }
    if (distance) wire.change(distance);
    return wire;
  }

  /** Of a line. */
  change({ delayMs, lossPercent }: Distance): void {
    if (delayMs !== undefined) this.line?.stdin?.write(`delay ${delayMs}\n`);
    if (lossPercent !== undefined) this.line?.stdin?.write(`loss ${lossPercent}\n`);
  }

  /** Nothing passes, and nobody is told. */
  silence(): void {
    this.rules('drop');
  }

  /** Nothing passes, and who sends is told with a reset. */
  reject(): void {
    this.rules('reject with tcp reset');
  }

  mend(): void {
    this.rules(undefined);
  }

  async stop(): Promise<void> {
    if (this.line !== undefined) await stopChild(this.line);
  }

  private rules(verdict: string | undefined): void {
    for (const [at, end] of this.ends.entries()) {
      const { name } = this.places[at]!;
      nft(name, `flush chain inet faults ${end}-in`);
      nft(name, `flush chain inet faults ${end}-out`);
      if (verdict === undefined) continue;
      nft(name, `add rule inet faults ${end}-in iifname ${end} meta l4proto tcp ${verdict}`);
      nft(name, `add rule inet faults ${end}-out oifname ${end} meta l4proto tcp ${verdict}`);
    }
  }
}

async function startLine(a: string, b: string, mtu: number, seed: number): Promise<ChildProcess> {
  const program = join(import.meta.dirname, 'line.py');
  const line = spawn('python3', [program, a, b, String(mtu), String(seed)], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(line.stdout!, 'data');
  return line;
}

function raise(namespace: string, device: string, address: string): void {
  ip('-n', namespace, 'addr', 'add', `${address}/30`, 'dev', device);
  ip('-n', namespace, 'link', 'set', device, 'up');
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function nft(namespace: string, rule: string): void {
  execFileSync('ip', ['netns', 'exec', namespace, 'nft', rule], { stdio: ['ignore', 'ignore', 'inherit'] });
}
