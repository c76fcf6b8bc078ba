/** `skuprt console` on a local site: as a user starts it, opens it with what it leaves for them, and makes a token in it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { NetworkAnswer, TokenMade, TokenView } from '../../console/model/api.ts';
import { stopChild } from '../support/child-process.ts';
import { CLI_ENTRY, localEnv } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { LocalMachine } from '../support/local-machine.ts';

const PATIENCE_MS = 60_000;

let machine: LocalMachine;
const children: ReturnType<typeof spawn>[] = [];

beforeAll(async () => {
  machine = new LocalMachine('shop', 'west');
  await machine.begin();
});

afterAll(async () => {
  for (const child of children) await stopChild(child);
  await machine.end();
});

async function started(...flags: string[]) {
  const env = { ...localEnv(), XDG_DATA_HOME: machine.home };
  const args = [CLI_ENTRY, '-n', 'shop', 'console', '--port', '0', ...flags];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (output += String(chunk)));
  const file = join(machine.home, 'skuprt', 'console', 'local-shop.url');
  await eventually(
    () => `the console says where it is: ${output}`,
    () => output.includes(file),
    PATIENCE_MS,
  );
  const [url = '', token = ''] = readFileSync(file, 'utf8').trim().split('#token=');
  const ask = (path: string, body?: object) =>
    fetch(`${url}api/v1/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
  const json = async <T>(path: string) => (await (await ask(path)).json()) as T;
  return { child, file, url, token, ask, json, output: () => output };
}

describe('skuprt console', () => {
  it('shows the site, tells its token to nobody but its user, and leaves nothing behind', async () => {
    const { child, file, url, token, ask, json, output } = await started();
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(output()).toContain(url);
    expect(output()).not.toContain(token);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const isSeen = async () => {
      const { sites, self, readOnly } = await json<NetworkAnswer>('network');
      return sites.some(({ id, name }) => name === 'west' && id === self) && readOnly;
    };
    await eventually('the site is seen, and only seen', isSeen, PATIENCE_MS);
    expect((await ask('tokens', {})).status).toBe(403);
    expect((await fetch(url)).headers.get('content-security-policy')).toContain("default-src 'none'");
    expect((await fetch(`${url}api/v1/network`)).status).toBe(401);
    child.kill('SIGTERM');
    expect((await once(child, 'exit'))[0]).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  it('makes a token that another site can use, where it may, and tells of it', async () => {
    const { ask, json } = await started('--read-only=false');
    // While somebody looks, the resources are looked at often.
    const looking = await ask('changes');
    // What was there before is kept for a moment.
    expect(await json('tokens')).toEqual([]);
    const answer = await ask('tokens', { name: 'to-east', redemptions: 2, expiry: '5m' });
    expect(answer.status).toBe(201);
    const made = (await answer.json()) as TokenMade;
    expect(made).toMatchObject({ name: 'to-east', command: 'skuprt token redeem to-east.token' });
    expect(made.token).toMatch(/kind: AccessToken[\s\S]*code: \S+[\s\S]*BEGIN CERTIFICATE/);
    const [view] = await json<TokenView[]>('tokens');
    expect(view).toMatchObject({ name: 'to-east', status: 'waiting', redemptions: 0, redemptionsAllowed: 2 });
    expect((await ask('tokens', { name: 'to-east' })).status).toBe(409);
    const isTold = async () => {
      const { events } = await json<NetworkAnswer>('network');
      return events.some(({ type, object }) => type === 'token-issued' && object === 'token/to-east');
    };
    await eventually('the time line has it', isTold, PATIENCE_MS);
    await looking.body?.cancel();
  });

  it.each([
    [['--host', '0.0.0.0'], 'in the clear'],
    [['--sign-in', 'kubernetes'], 'no users of a cluster'],
    [['--router-host', 'x'], 'belong together'],
  ])('refuses %j', async (flags, why) => {
    const { code, err } = await machine.run('console', ...flags);
    expect([code, err]).toEqual([2, expect.stringContaining(why)]);
  });
});
