/** No view of the console breaks a rule of WCAG 2.2 (A and AA) that a program can check, light or dark, on a desk or on a phone. */
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { VIEWS } from '../../console/page/route.ts';
import { change, type Opened, show, useBrowser } from '../support/console-browser.ts';
import { manySites, twoSites } from '../support/console-fixture.ts';
import { browserPath, signIn } from '../support/console-page.ts';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
/** In the dark only the colours are others. */
const RULES: Readonly<Record<'light' | 'dark', axe.RunOptions>> = {
  light: { resultTypes: ['violations'], runOnly: { type: 'tag', values: TAGS } },
  dark: { resultTypes: ['violations'], runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } },
};
const PAGES = [
  ...VIEWS,
  'network?site=site-west',
  'network?service=backend%3A8080',
  'services/backend%3A8080',
  'sites/site-west',
  'links/LINK',
  'links/gone',
] as const;
const DESK = { width: 1280, height: 800 };
const PHONE = { width: 360, height: 740 };

describe.runIf(browserPath)('the page of the console, for who cannot see it as it is drawn', () => {
  const { open } = useBrowser();
  const viewOf = ({ network }: Opened, view: string) => view.replace('LINK', encodeURIComponent(network.links[0]!.id));

  /** What is broken, and where: one line a rule. */
  async function broken(page: Page): Promise<string[]> {
    if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(axe.source);
    const found: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const run = `axe.run(document, ${JSON.stringify(RULES[colorScheme])})`;
      const { violations } = (await page.evaluate(run)) as axe.AxeResults;
      for (const { id, nodes } of violations) {
        const [{ target, html, failureSummary } = { html: '' }, ...others] = nodes;
        found.push([`${colorScheme}: ${id} at ${target}, and ${others.length} more`, html, failureSummary].join('\n'));
      }
    }
    return found;
  }

  /** What is red and amber is there to be looked at too. */
  function breakThings(opened: Opened): void {
    const { network } = opened;
    change(opened, 'links', { ...network.links[0], status: 'down', statusSince: Date.now(), message: 'refused' });
    change(opened, 'problems', { id: 'router', message: 'The router does not answer', since: Date.now() });
  }

  it.each([
    ['a desk', DESK],
    ['a phone', PHONE],
  ] as const)('on %s, whatever is looked at', { timeout: 300_000 }, async (_where, size) => {
    const opened = await open(twoSites(Date.now()), size);
    for (const view of PAGES) {
      await show(opened.page, viewOf(opened, view));
      expect([view, await broken(opened.page)]).toEqual([view, []]);
    }
  });

  it('where a link is down and the router does not answer', async () => {
    const opened = await open(twoSites(Date.now()), DESK);
    breakThings(opened);
    await opened.page.getByRole('alert').getByText('The router does not answer').waitFor();
    for (const view of ['network', 'links', 'links/LINK']) {
      await show(opened.page, viewOf(opened, view));
      expect([view, await broken(opened.page)]).toEqual([view, []]);
    }
  });

  it('of 200 sites, in groups and in one of them', async () => {
    const opened = await open(manySites(200, Date.now()), DESK);
    const { page } = opened;
    await page.locator('.seed').nth(199).waitFor();
    expect(await broken(page)).toEqual([]);
    await page.setViewportSize(PHONE);
    await show(page, 'network?group=eu-west');
    await page.locator('.node.site').nth(19).waitFor();
    expect(await broken(page)).toEqual([]);
  });

  it('forms, dialogs, what is found nowhere, and the sign-in', async () => {
    const { page } = await open(twoSites(Date.now()), { hash: '#/tokens' });
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByRole('heading', { name: 'Token west-1' }).waitFor();
    await page.getByRole('row', { name: /west-1/ }).waitFor();
    expect(await broken(page)).toEqual([]);
    await page.getByRole('button', { name: 'Keys' }).click();
    const help = page.getByRole('dialog', { name: 'Keys' });
    await help.waitFor();
    expect(await broken(page)).toEqual([]);
    await help.getByRole('button', { name: 'Close' }).click();
    await help.waitFor({ state: 'detached' });
    await page.getByLabel('Search').fill('nothing is called that');
    await page.getByText('Nothing here matches').waitFor();
    expect(await broken(page)).toEqual([]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(page, 'wrong');
    await page.getByText('this token opens nothing here').waitFor();
    expect(await broken(page)).toEqual([]);
  });
});
