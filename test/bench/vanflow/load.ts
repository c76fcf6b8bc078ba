/** New flows at a steady rate, in a process of its own: each carries one octet there and back and ends in order. */
import { connect as connectSocket } from 'node:net';
import { serve } from '../net/rpc.ts';
import { percentile } from '../net/statistics.ts';

const SLICE_MS = 10;
const HOST = '127.0.0.1';

export interface FlowLoad {
  port: number;
  perSecond: number;
  seconds: number;
}

export interface FlowResult {
  done: number;
  failed: number;
  /** From the first octet out to the answer. */
  p50Ms: number;
  p99Ms: number;
}

export interface LoadHandlers extends Record<string, (argument: never) => unknown> {
  flows(argument: FlowLoad): Promise<FlowResult>;
}

async function flows({ port, perSecond, seconds }: FlowLoad): Promise<FlowResult> {
  const timesMs: number[] = [];
  let failed = 0;
  const open: Promise<void>[] = [];
  const startMs = performance.now();
  let begun = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const passedMs = performance.now() - startMs;
      const due = Math.min(Math.floor((passedMs / 1000) * perSecond), perSecond * seconds);
      for (; begun < due; begun++) {
        open.push(
          one(port).then(
            (ms) => void timesMs.push(ms),
            () => void failed++,
          ),
        );
      }
      if (begun < perSecond * seconds) return;
      clearInterval(timer);
      resolve();
    }, SLICE_MS);
  });
  await Promise.all(open);
  return { done: timesMs.length, failed, p50Ms: percentile(timesMs, 50), p99Ms: percentile(timesMs, 99) };
}

function one(port: number): Promise<number> {
  const startMs = performance.now();
  const socket = connectSocket({ host: HOST, port, noDelay: true });
  return new Promise((resolve, reject) => {
    let answeredMs = 0;
    socket.on('connect', () => socket.write('E1'));
    socket.on('data', () => {
      answeredMs = performance.now();
      socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => (answeredMs > 0 ? resolve(answeredMs - startMs) : reject(new Error('no answer'))));
  });
}

const handlers: LoadHandlers = { flows };
serve(handlers);
