/** The console in a real browser: a server on a made-up network, and Chromium on its page. Watches that nothing is refused or fails there. */
import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';
import { readPageFiles } from '../../console/server/page-files.ts';
import { ConsoleServer } from '../../console/server/server.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { type MadeNetwork, MadePlace } from './console-fixture.ts';
import { FakeAccess, FakeModel } from './console-server.ts';
import { slowDown, slowness } from './slow-page.ts';

const CANDIDATES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where there is none, what needs a browser is left out. */
export const browserPath = CANDIDATES.find((path): path is string => !!path && existsSync(path));

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: browserPath!,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
  });
}

export interface ShownConsole {
  readonly url: string;
  readonly model: FakeModel;
  readonly place: MadePlace;
  stop(): Promise<void>;
}

export async function showConsole(
  network: MadeNetwork,
  options: { isReadOnly?: boolean; port?: number } = {},
): Promise<ShownConsole> {
  const { port: wanted = 0, ...serverOptions } = options;
  const model = new FakeModel();
  model.network = network;
  model.flowList = [...network.flows];
  const place = new MadePlace(Date.now());
  const server = new ConsoleServer(
    {
      model,
      placeOf: async () => place,
      access: new FakeAccess(),
      page: await readPageFiles('console/page'),
      clock: systemClock,
      log: createLogger({ name: 'console', level: 'silent' }),
    },
    { isReadOnly: false, isLoopbackOnly: true, ...serverOptions },
  );
  const port = await server.start({ host: '127.0.0.1', port: wanted });
  return { url: `http://127.0.0.1:${port}/`, model, place, stop: () => server.stop() };
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: 'light' | 'dark';
  readonly hash?: string;
}

export interface OpenedPage {
  readonly page: Page;
  /** What the browser complained about: errors, refused resources, requests that failed. */
  readonly complaints: string[];
}

/** Signed in by the address, as the command line opens it. */
export async function openPage(
  browser: Browser,
  { url }: { url: string },
  options: PageOptions = {},
): Promise<OpenedPage> {
  const { width = 1280, height = 800, colorScheme = 'light', hash } = options;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme,
    reducedMotion: 'no-preference',
  });
  const page = await context.newPage();
  if (slowness !== undefined) await slowDown(page, slowness);
  page.setDefaultTimeout(slowness === undefined ? 20_000 : 60_000);
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`error: ${error.stack ?? error.message}`));
  page.on('response', (answer) => answer.status() >= 400 && complaints.push(`${answer.status()}: ${answer.url()}`));
  page.on('request', (request) => request.url().startsWith(url) || complaints.push(`outside: ${request.url()}`));
  await page.goto(`${url}#token=good`);
  await page.locator('#main').waitFor();
  // The network has been seen: from now on it is told what changes.
  await page.locator('.liveness').getByText('live', { exact: true }).waitFor();
  if (hash !== undefined) await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
  return { page, complaints };
}

/** By the form, once it is there: on the page before it, other things may be labelled with the word too. */
export async function signIn(page: Page, token: string): Promise<void> {
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('Token', { exact: true }).fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
}
