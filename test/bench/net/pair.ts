/** A running system: its two processes and the port where load enters. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Certificates } from '../../support/certificates.ts';
import { hasEnded, stopChild } from '../../support/child-process.ts';
import { unusedPort } from '../../support/tcp.ts';
import type { DelayHandlers } from './delay.ts';
import { Gate } from './gate.ts';
import type { Processes } from './processes.ts';
import type { Remote } from './rpc.ts';
import type { Setup, System } from './systems.ts';

const READY_MS_MAX = 30_000;
const POLL_MS = 2;
const PROBE_EVERY_MS = 10;
const HOST = '127.0.0.1';

export interface Ground {
  readonly processes: Processes;
  readonly directory: string;
  readonly certificates: Certificates;
  readonly backendPort: number;
  readonly signal: AbortSignal;
}

export class Pair {
  readonly entryPort: number;
  readonly children: readonly ChildProcess[];
  private readonly ground: Ground;

  constructor(ground: Ground, entryPort: number, children: readonly ChildProcess[]) {
    this.ground = ground;
    this.entryPort = entryPort;
    this.children = children;
  }

  get pids(): readonly number[] {
    return this.children.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  get alive(): boolean {
    return !this.children.some(hasEnded);
  }

  /** Resolves when a byte has gone to the backend and come back. */
  async firstByte(): Promise<void> {
    const deadlineMs = performance.now() + READY_MS_MAX;
    const arrived = new AbortController();
    // A probe that was accepted too early may wait long for its turn, so others follow before it has failed.
    const probe = async (): Promise<void> => {
      if (await echoes(this.entryPort, arrived.signal)) arrived.abort();
    };
    while (!arrived.signal.aborted) {
      this.ground.signal.throwIfAborted();
      if (!this.alive) throw new Error(`a process ended; see the logs in ${this.ground.directory}`);
      if (performance.now() > deadlineMs) throw new Error(`nothing came through within ${READY_MS_MAX / 1000} s`);
      void probe();
      await sleep(PROBE_EVERY_MS, undefined, { signal: arrived.signal }).catch(() => undefined);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.children.map(stopChild));
  }
}

/** Starts both processes at once and does not wait for them. */
export async function startPair(ground: Ground, system: System): Promise<Pair> {
  if (system.isDirect) return new Pair(ground, ground.backendPort, []);
  const setup = await prepare(ground, system);
  const children = system.commands(setup).map((command) => ground.processes.start(command));
  return new Pair(ground, setup.entryPort, children);
}

/** Starts a pair, waits for the first byte through it, does `work` with it and stops it. */
export async function withPair<T>(ground: Ground, system: System, work: (pair: Pair) => Promise<T>): Promise<T> {
  const pair = await startPair(ground, system);
  try {
    await pair.firstByte();
    return await work(pair);
  } finally {
    await pair.stop();
  }
}

/** A pair with a gate on its link, dialled only when the other end listens. */
export async function startGated(ground: Ground, system: System): Promise<{ pair: Pair; gate: Gate }> {
  let gate: Gate | undefined;
  const pair = await startBetween(ground, system, async (targetPort) => {
    gate = await Gate.open(targetPort);
    return gate.port;
  });
  return { pair, gate: gate as Gate };
}

/** A pair with a link of this delay. `close` ends what makes it. */
export async function startDelayed(
  ground: Ground,
  delay: Remote<DelayHandlers>,
  { system, oneWayMs }: { system: System; oneWayMs: number },
) {
  const pair = await startBetween(ground, system, (targetPort) => delay.call('open', { targetPort, oneWayMs }));
  return { pair, close: () => delay.call('close', undefined) };
}

/**
 * Starts the dialling process only when the accepting one listens, with `between` on the way between them (before the
 * backend where there are no two).
 */
async function startBetween(
  ground: Ground,
  system: System,
  between: (targetPort: number) => Promise<number>,
): Promise<Pair> {
  const setup = await prepare(ground, system);
  if (system.isDirect) return new Pair(ground, await between(ground.backendPort), []);
  const [accepting, dialling] = system.commands({ ...setup, dialPort: await between(setup.linkPort) });
  const children = [ground.processes.start(accepting)];
  while (!(await listens(setup.linkPort))) {
    if (children.some(hasEnded)) throw new Error(`a process ended; see the logs in ${ground.directory}`);
    await sleep(POLL_MS, undefined, { signal: ground.signal });
  }
  children.push(ground.processes.start(dialling));
  return new Pair(ground, setup.entryPort, children);
}

async function prepare(ground: Ground, system: System): Promise<Setup> {
  const linkPort = await unusedPort();
  return {
    directory: mkdtempSync(join(ground.directory, `${system.name}-`)),
    certificates: ground.certificates,
    backendPort: ground.backendPort,
    entryPort: await unusedPort(),
    linkPort,
    dialPort: linkPort,
  };
}

/** Whether a byte has come back before the probe was given up. */
function echoes(port: number, abandoned: AbortSignal): Promise<boolean> {
  const socket = connectSocket({ host: HOST, port, noDelay: true, signal: abandoned });
  return new Promise<boolean>((resolve) => {
    socket.on('connect', () => socket.write('E1'));
    socket.on('data', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(false));
  }).finally(() => socket.destroy());
}

async function listens(port: number): Promise<boolean> {
  const socket = connectSocket({ host: HOST, port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
