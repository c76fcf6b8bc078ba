/** Token files: written whole and private, read only when whole, with their URLs in the order to try. */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serializeResources } from '../../config/api/serialize.ts';
import { composeToken, readToken, TOKEN, tokenUrls, writeToken } from '../../site-controller/grants/token.ts';
import { createCa } from '../../site-controller/pki/authority.ts';

const UID = '7d0e8f0a-3b1c-4a5e-9c1d-2f6a7b8c9d0e';
const CA = createCa({ commonName: 'east grant CA', validMs: 3_600_000, now: Date.now() }).certificate;

function tokenWith({
  url = `https://127.0.0.1:1/${UID}`,
  ...more
}: {
  url?: string;
  urls?: string[];
  machineId?: string;
} = {}) {
  return composeToken({
    grant: {
      apiVersion: 'skupper.io/v2alpha1',
      kind: 'AccessGrant',
      metadata: { name: 'east' },
      spec: {},
      status: { url, code: 'rightRIGHTright000000001', ca: CA },
    },
    siteId: 'east-id',
    ...more,
  });
}

describe('a token file', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'skuprt-token-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is readable by its owner only and comes back whole', async () => {
    const path = join(directory, 'east.token');
    const token = tokenWith();
    await writeToken(path, token);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(readToken(await readFile(path, 'utf8'), path)).toEqual(token);
  });

  it('is refused when cut short anywhere', () => {
    const text = serializeResources([tokenWith()]);
    for (let length = 0; length < text.trimEnd().length; length += 7) {
      expect(() => readToken(text.slice(0, length), 'east.token'), `${length} characters`).toThrow(
        /east.token is not a whole token/,
      );
    }
  });

  it('is refused with URLs that are not https', () => {
    const token = tokenWith();
    const insecure = serializeResources([{ ...token, spec: { ...token.spec, url: 'http://east/1' } }]);
    expect(() => readToken(insecure, 'f')).toThrow(/https/);
  });

  it('leads to loopback first on the machine it was made on, and only there', () => {
    const token = tokenWith({
      url: `https://east.example:9090/${UID}`,
      urls: [`https://127.0.0.1:9090/${UID}`],
      machineId: 'machine-a',
    });
    expect(tokenUrls(token, 'machine-a').map((url) => new URL(url).hostname)).toEqual(['127.0.0.1', 'east.example']);
    expect(tokenUrls(token, 'machine-b').map((url) => new URL(url).hostname)).toEqual(['east.example', '127.0.0.1']);
    expect(token.metadata.annotations?.[TOKEN.machine]).not.toContain('machine-a');
  });
});
