/**
 * Whether a connection holds. A router takes a connection before the one behind it is made, and resets it when none can be: so one that is
 * still there after a moment, or has said something, leads to a server.
 */
import { connect } from 'node:net';
import type { TestTarget } from '../reconcile/explain.ts';

const CONNECT_MS = 3000;
/** Longer than a refusal takes to come back through the mesh. */
const HOLD_MS = 500;

export interface TestResult {
  cluster: string;
  port: number;
  isOk: boolean;
  message: string;
}

export function testConnection({ cluster, port, host, hostPort }: TestTarget): Promise<TestResult> {
  return new Promise((resolve) => {
    const socket = connect({ host, port: hostPort });
    const end = (isOk: boolean, message: string) => {
      socket.destroy();
      resolve({ cluster, port, isOk, message });
    };
    let isConnected = false;
    socket.setTimeout(CONNECT_MS);
    socket.on('timeout', () => {
      if (isConnected) end(true, 'a connection was made and stayed');
      else end(false, `no answer from ${host}:${hostPort} within ${CONNECT_MS} ms`);
    });
    socket.on('error', (error) => end(false, `${host}:${hostPort}: ${error.message}`));
    socket.on('data', () => end(true, 'the server answered'));
    socket.on('end', () => end(false, `${host}:${hostPort} was closed at once`));
    socket.on('connect', () => {
      isConnected = true;
      socket.setTimeout(HOLD_MS);
    });
  });
}
