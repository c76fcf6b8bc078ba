/** Where the routers of `skuprt dev` listen, beside what listens on this machine already. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type HeldHost, holdHost } from '../../cli/dev/ports.ts';

describe('holdHost', () => {
  let server: Server;

  async function listen(host: string): Promise<number> {
    server = createServer().listen(0, host);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  const held: HeldHost[] = [];
  const hold = async (port: number): Promise<HeldHost> => {
    const found = await holdHost([port]);
    held.push(found);
    return found;
  };

  afterEach(() => {
    server.close();
    for (const host of held.splice(0)) host.release();
  });

  it('gives each cluster another address, though all look at once, and none with a port that is taken', async () => {
    const taken = (await hold(1)).host;
    held.splice(0)[0]!.release();
    const port = await listen(taken);
    const found = await Promise.all([hold(port), hold(port), hold(port)]);
    const hosts = found.map(({ host }) => host);
    expect(new Set(hosts).size).toBe(3);
    expect(new Set(found.map(({ grantPort }) => grantPort)).size).toBe(3);
    expect(hosts).not.toContain(taken);
  });

  it('says which port is taken on all addresses, as by a local site', async () => {
    const port = await listen('0.0.0.0');
    await expect(hold(port)).rejects.toThrow(`taken at the last: ${port}`);
  });
});
