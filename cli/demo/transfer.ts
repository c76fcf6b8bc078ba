/** Bulk transfers over HTTP, checked by sha256 on both ends: lost, doubled or swapped bytes show. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { get, type IncomingMessage, request } from 'node:http';
import type { LookupFunction } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { FailedError } from '../errors.ts';
import { REPORT } from './advice.ts';

/** The trailer of a download: the digest of what was sent. */
export const DIGEST_TRAILER = 'x-sha256';
const BLOCK_BYTES = 256 * 1024;

export interface Transfer {
  sha256: string;
  durationMs: number;
}

/** Writes `sizeBytes`, no two blocks alike, and gives their digest; waits for the reader. */
export async function sendBlocks(sink: Writable, sizeBytes: number): Promise<string> {
  const hash = createHash('sha256');
  const seed = randomBytes(BLOCK_BYTES);
  for (let sent = 0; sent < sizeBytes; sent += BLOCK_BYTES) {
    const block = Buffer.from(seed.subarray(0, Math.min(BLOCK_BYTES, sizeBytes - sent)));
    if (block.length >= 8) block.writeDoubleBE(sent);
    hash.update(block);
    if (!sink.write(block)) await once(sink, 'drain');
  }
  return hash.digest('hex');
}

export async function digestOf(source: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of source) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** `lookup`: who is asked for the address of the host; the system unless given. */
export async function fetchText(url: string, signal: AbortSignal, lookup?: LookupFunction): Promise<string> {
  return await text(await responseOf(get(url, { signal, agent: false, ...(lookup && { lookup }) })));
}

export async function download(url: string, sizeBytes: number, signal: AbortSignal): Promise<Transfer> {
  const start = performance.now();
  const response = await responseOf(get(`${url}bytes/${sizeBytes}`, { signal, agent: false }));
  const sha256 = await digestOf(response);
  const durationMs = performance.now() - start;
  requireSame('download', sha256, response.trailers[DIGEST_TRAILER]);
  return { sha256, durationMs };
}

export async function upload(url: string, sizeBytes: number, signal: AbortSignal): Promise<Transfer> {
  const start = performance.now();
  const put = request(url, { method: 'PUT', signal, agent: false });
  const answer = responseOf(put);
  // The error is reported by `answer`; a drain that never comes ends with it too.
  const sent = sendBlocks(put, sizeBytes);
  const sha256 = await Promise.race([sent, answer.then(() => sent)]);
  put.end();
  const received = await text(await answer);
  const durationMs = performance.now() - start;
  requireSame('upload', sha256, received);
  return { sha256, durationMs };
}

async function responseOf(client: ReturnType<typeof request>): Promise<IncomingMessage> {
  const [response] = (await once(client, 'response')) as [IncomingMessage];
  if (response.statusCode === 200) return response;
  response.resume();
  throw new FailedError(`The server answered with HTTP status ${response.statusCode}`, REPORT);
}

function requireSame(what: string, sha256: string, other: string | undefined): void {
  if (sha256 === other) return;
  throw new FailedError(`The ${what} was not what was sent: sha256 ${sha256} here, ${other ?? 'none'} there`, REPORT);
}
