/** Chromium for the tests of one file, on networks made up for each: what a test opens ends with it. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { SectionChange } from '../../console/model/view.ts';
import type { MadeNetwork } from './console-fixture.ts';
import { launchBrowser, openPage, type PageOptions, type ShownConsole, showConsole } from './console-page.ts';

export interface Opened {
  readonly page: Page;
  readonly complaints: string[];
  readonly shown: ShownConsole;
  readonly network: MadeNetwork;
}

export interface UsedBrowser {
  open(network: MadeNetwork, options?: PageOptions & { isReadOnly?: boolean }): Promise<Opened>;
  /** To be called when the test is over, the last first. */
  atEnd(end: () => Promise<void>): void;
}

/** To be called where a suite is described. */
export function useBrowser(): UsedBrowser {
  let browser: Browser;
  const ends: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  return {
    async open(network, options = {}) {
      const shown = await showConsole(network, options);
      ends.push(() => shown.stop());
      const { page, complaints } = await openPage(browser, shown, options);
      ends.push(() => page.context().close());
      return { page, complaints, shown, network };
    },
    atEnd: (end) => ends.push(end),
  };
}

/** Of the network that is shown. */
export function change({ shown }: Pick<Opened, 'shown'>, section: SectionChange['section'], ...set: object[]): void {
  shown.model.change([{ section, set, gone: [] }]);
}

/** A view, by what stands behind `#/`: drawn, and with what it asks the server for. */
export async function show(page: Page, view: string): Promise<void> {
  await page.evaluate(`location.hash = '#/${view}'`);
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  await page.getByText('Asking…').first().waitFor({ state: 'detached' });
}
