/** Ports that local sites give out: sites of several data homes on one machine. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { namespacesDir, sitePaths } from '../../site-controller/platform/local/paths.ts';
import { Ports } from '../../site-controller/platform/local/ports.ts';

const homes: string[] = [];
const sites: Ports[] = [];

afterEach(async () => {
  for (const ports of sites.splice(0)) await ports.release('amqps');
  for (const home of homes.splice(0)) await rm(home, { recursive: true, force: true });
});

async function site(home?: string): Promise<Ports> {
  const dataHome = home ?? (await mkdtemp(join(tmpdir(), 'skuprt-ports-test-')));
  if (home === undefined) homes.push(dataHome);
  await mkdir(join(namespacesDir(dataHome), 'east'), { recursive: true });
  const ports = new Ports(sitePaths(dataHome, 'east'), dataHome);
  sites.push(ports);
  await ports.load(() => true);
  return ports;
}

/** A stretch of ports that other tests do not ask for. */
const FROM = 36_500;

describe('ports of local sites', () => {
  it('are never the same for sites of different data homes that start at once', async () => {
    const four = await Promise.all([site(), site(), site(), site()]);
    const given = await Promise.all(four.map((ports) => ports.give('amqps', FROM, '127.0.0.1')));
    expect(new Set(given).size).toBe(given.length);
  });

  it('are free again when the data home that had them is gone', async () => {
    const first = await site();
    const port = await first.give('amqps', FROM + 100, '127.0.0.1');
    await rm(homes.pop()!, { recursive: true });
    const second = await site();
    expect(await second.give('amqps', FROM + 100, '127.0.0.1')).toBe(port);
  });

  it('stay the same over restarts of a site', async () => {
    const first = await site();
    const port = await first.give('amqps', FROM + 200, '127.0.0.1');
    const again = await site(homes[0]);
    expect(await again.give('amqps', FROM + 200, '127.0.0.1')).toBe(port);
  });

  it('are kept for a service that is gone, for a while, and found again by it', async () => {
    const ports = await site();
    const port = await ports.give('a', FROM + 300, '127.0.0.1');
    ports.releaseLater('a', 0);
    await ports.releaseDue(60_000);
    expect(await ports.give('b', FROM + 300, '127.0.0.1')).not.toBe(port);
    expect(await ports.give('a', FROM + 300, '127.0.0.1')).toBe(port);
    await ports.releaseDue(600_000);
    expect(ports.all().get('a')).toBe(port);
    ports.releaseLater('a', 600_000);
    await ports.releaseDue(600_000 + 120_000);
    expect(ports.all().has('a')).toBe(false);
    await ports.release('b');
  });
});
