/** The console's page in Chromium, served by the real server, on networks made up for it. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { change, type Opened, show, useBrowser } from '../support/console-browser.ts';
import { manySites, twoSites } from '../support/console-fixture.ts';
import { browserPath } from '../support/console-page.ts';
import { slowness } from '../support/slow-page.ts';

const VIEWS = ['network', 'services', 'links', 'sites', 'flows', 'events', 'tokens', 'policies'] as const;

const SITE_WEST = 'Site west, here: local · 1 router, backend:8080, 1 service to look at';
const SITE_EAST = 'Site east: local · 1 router, backend:8080, 1 service to look at';

describe.runIf(browserPath)('the page of the console', () => {
  const { open } = useBrowser();

  const cut = (opened: Opened) =>
    change(opened, 'links', {
      ...opened.network.links[0],
      status: 'down',
      statusSince: Date.now(),
      message: 'connect ECONNREFUSED',
    });

  const places = (page: Page) =>
    page.evaluate(`[...document.querySelectorAll('[data-node]')].map((node) => node.getAttribute('transform'))`);

  const place = (page: Page, name: string) => page.locator(`[data-node="site-${name}"]`).getAttribute('transform');

  it('shows sites, their services and the link between them with its cost, round trip and traffic', async () => {
    const { page, complaints } = await open(twoSites(Date.now()));
    await page.getByRole('link', { name: SITE_WEST, exact: true }).waitFor();
    await page.getByRole('link', { name: SITE_EAST, exact: true }).waitFor();
    await page.getByRole('link', { name: 'east – west: link up' }).waitFor();
    expect(await page.locator('.edge-label tspan').allTextContents()).toEqual([
      'cost 1 · 0.42 ms',
      '→ 1.24 MB/s',
      '← 184 kB/s',
    ]);
    // It stands between the two, and on neither.
    const [label, west, east] = await Promise.all(
      ['.edge-label', '[data-node="site-west"] .shape', '[data-node="site-east"] .shape'].map((one) =>
        page.locator(one).boundingBox(),
      ),
    );
    expect(label!.x).toBeGreaterThan(west!.x + west!.width);
    expect(label!.x + label!.width).toBeLessThan(east!.x);
    // West uses what east offers.
    expect(await page.locator('[data-node="site-west"] .address').textContent()).toBe('backend:8080');
    expect(await page.locator('[data-node="site-west"] .uses').count()).toBe(1);
    expect(await page.locator('[data-node="site-west"] .trouble title').textContent()).toBe('3 refused lately');
    expect(await page.locator('[data-node="site-east"] .offers').count()).toBe(1);
    expect(complaints).toEqual([]);
  });

  it('draws what crosses a link, and nothing once it is down', async () => {
    const opened = await open(twoSites(Date.now()));
    const { page } = opened;
    const inked = () =>
      page.evaluate(`(() => {
      const canvas = document.querySelector('canvas');
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return data.some((value) => value !== 0);
    })()`);
    await expect.poll(inked).toBe(true);
    cut(opened);
    await expect.poll(inked).toBe(false);
  });

  it('a link that is cut turns red, is counted and is said, and turns back', async () => {
    const opened = await open(twoSites(Date.now()));
    const { page, network } = opened;
    cut(opened);
    await page.locator('.edge.down').waitFor();
    const isRed = async () => {
      const stroke = await page.evaluate(`getComputedStyle(document.querySelector('.edge.down .line')).stroke`);
      const [r = 0, g = 0, b = 0] = String(stroke).match(/\d+/g)?.map(Number) ?? [];
      return r > 2 * Math.max(g, b);
    };
    await expect.poll(isRed).toBe(true);
    await page.getByText('1 link down').waitFor();
    await page.getByLabel('1 down').waitFor();
    expect(await page.locator('[aria-live=polite]').textContent()).toBe('Link west-to-east is down');
    change(opened, 'links', { ...network.links[0], statusSince: Date.now() + 1 });
    await page.locator('.edge.up').waitFor();
    expect(await page.getByText('1 link down').count()).toBe(0);
  });

  it('a site that joins finds its place, and nobody else moves', async () => {
    const opened = await open(manySites(20, Date.now()));
    const { page, network } = opened;
    await page.locator('[data-node]').nth(19).waitFor();
    const before = await Promise.all(network.sites.map(({ name }) => place(page, name)));
    change(opened, 'sites', { ...network.sites[3], id: 'site-new', name: 'new' });
    await page.locator('[data-node="site-new"]').waitFor();
    expect(await Promise.all(network.sites.map(({ name }) => place(page, name)))).toEqual(before);
    opened.shown.model.change([{ section: 'sites', set: [], gone: ['site-new'] }]);
    await page.locator('[data-node="site-new"]').waitFor({ state: 'detached' });
    expect(await Promise.all(network.sites.map(({ name }) => place(page, name)))).toEqual(before);
  });

  it.each([
    [1280, 'dots'],
    [1920, 'cards'],
  ])('on a screen of %i pixels 9 sites are %s, since what is shown can be read', async (width, style) => {
    const { page } = await open(manySites(9, Date.now()), { width, height: (width * 5) / 8 });
    await expect.poll(() => page.locator(`.node.${style}`).count()).toBe(9);
  });

  it('shows one thing beside the picture, and on a page of its own', async () => {
    const { page, complaints } = await open(twoSites(Date.now()));
    await page.locator('[data-edge]').focus();
    await page.keyboard.press('Enter');
    const panel = page.getByRole('complementary', { name: 'west-to-east' });
    await panel.getByText('expires in 8 d').waitFor();
    await panel.getByText('east-2.example.com:55671').waitFor();
    await panel.getByRole('link', { name: 'Open page' }).click();
    await page.getByRole('heading', { level: 1, name: 'west-to-east' }).waitFor();
    await page.getByText('in use').waitFor();
    await page.goBack();
    await panel.getByRole('link', { name: 'Close' }).click();
    await page.getByRole('complementary', { name: 'Overview' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('a page of a service tells its path, who was refused, and why', async () => {
    const { page, complaints } = await open(twoSites(Date.now()), { hash: '#/services/backend%3A8080' });
    await page.locator('.paths li').waitFor();
    expect(await page.locator('.paths .stop b').allTextContents()).toEqual(['west', 'east']);
    expect(await page.locator('.paths .hop').textContent()).toBe('0.42 ms');
    await page.getByText('AccessPolicy/shop/only-west, rule 1').first().waitFor();
    await page.getByText('only site west may connect').waitFor();
    expect(complaints).toEqual([]);
  });

  it('tables are sorted and searched, and a row leads to its page', async () => {
    const { page } = await open(manySites(20, Date.now()), { hash: '#/links' });
    const names = () => page.locator('tbody th').allTextContents();
    await page.getByText('20 links, 1 down').waitFor();
    const sorted = await names();
    expect(sorted).toHaveLength(20);
    await page.getByRole('button', { name: 'Link' }).click();
    await expect.poll(names).toEqual([...sorted].reverse());
    expect(await page.getByRole('columnheader', { name: 'Link' }).getAttribute('aria-sort')).toBe('descending');
    await page.keyboard.press('/');
    await page.keyboard.type('us-west eu');
    await expect.poll(names).toEqual(['us-west-1-to-eu-west-1']);
    // Elsewhere it finds other things, and says so.
    expect(await page.getByRole('link', { name: /^Sites/ }).textContent()).toBe('Sites0');
    await page.keyboard.press('Escape');
    await expect.poll(async () => (await names()).length).toBe(20);
    await page.locator('tbody tr.down td').nth(3).click();
    await page.getByRole('heading', { level: 1, name: 'eu-north-5-to-eu-north-1' }).waitFor();
  });

  it('everything is reached by the keyboard, and the focus is seen', async () => {
    const { page } = await open(twoSites(Date.now()));
    await page.locator('[data-node]').first().waitFor();
    const reached: string[] = [];
    for (let count = 0; count < 60; count += 1) {
      await page.keyboard.press('Tab');
      const at = (await page.evaluate(`(() => {
        const element = document.activeElement;
        if (element === document.body) return undefined;
        const inside = element.querySelector('.reach, .shape') ?? element;
        const { outlineStyle } = getComputedStyle(element);
        const { strokeWidth, stroke } = getComputedStyle(inside);
        const isSeen = outlineStyle !== 'none' || parseFloat(strokeWidth) >= 3.5 && stroke !== 'none';
        const name = element.getAttribute('aria-label') ?? element.textContent;
        return (isSeen ? '' : 'unseen ') + (name || element.tagName);
      })()`)) as string | undefined;
      if (at === undefined) break;
      reached.push(at);
    }
    expect(reached.filter((name) => name.startsWith('unseen'))).toEqual([]);
    for (const name of [
      'Skip to the content',
      'Search',
      'Links',
      'east – west: link up',
      SITE_WEST,
      'Zoom in',
      'All events',
    ]) {
      expect(reached).toContain(name);
    }
  });

  it('letters lead to views, and a question mark tells them', async () => {
    const { page } = await open(twoSites(Date.now()));
    for (const [key, title] of [
      ['s', 'Services'],
      ['l', 'Links'],
      ['i', 'Sites'],
      ['c', 'Connections'],
      ['e', 'Events'],
      ['t', 'Tokens'],
      ['p', 'Policies'],
      ['n', 'Network'],
    ] as const) {
      await page.keyboard.press('g');
      await page.keyboard.press(key);
      await page.getByRole('heading', { level: 1, name: title }).waitFor();
      await expect.poll(() => page.evaluate('document.activeElement.textContent')).toBe(title);
    }
    await page.keyboard.press('?');
    const help = page.getByRole('dialog', { name: 'Keys' });
    await help.getByText('from row to row').waitFor();
    await page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    await page.keyboard.press('g');
    await page.keyboard.press('i');
    await page.locator('tbody th a').first().focus();
    await page.keyboard.press('ArrowDown');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('west');
  });

  it.each([360, 768])('nothing is wider than a screen of %i pixels', async (width) => {
    const { page, complaints } = await open(manySites(20, Date.now()), { width, height: 740 });
    for (const view of [
      ...VIEWS,
      'services/backend%3A8080',
      'sites/site-eu-west-1',
      'links/site-eu-north-5-router-0%3Asite-eu-north-1-router-0',
    ]) {
      await show(page, view);
      expect([view, await page.evaluate('document.scrollingElement.scrollWidth')]).toEqual([view, width]);
    }
    expect(complaints).toEqual([]);
  });

  it('is light or dark as the system, until somebody chooses', async () => {
    const { page } = await open(twoSites(Date.now()), { colorScheme: 'dark' });
    const brightness = () =>
      page.evaluate(
        `getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number).reduce((a, b) => a + b)`,
      );
    expect(await brightness()).toBeLessThan(200);
    await page.getByRole('button', { name: 'Change to light' }).click();
    expect(await brightness()).toBeGreaterThan(600);
    await page.reload();
    await page.locator('.liveness.live').waitFor();
    expect(await brightness()).toBeGreaterThan(600);
  });

  it('a token is made, shown once, copied and listed', async () => {
    const { page, shown, complaints } = await open(twoSites(Date.now()), { hash: '#/tokens' });
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByLabel('Name').fill('lab');
    await page.getByLabel('Sites that may use it').fill('3');
    await page.getByLabel('Good for').selectOption('1 hour');
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByRole('heading', { name: 'Token lab' }).waitFor();
    expect(shown.place.orders).toEqual([{ name: 'lab', redemptions: 3, expiry: '1h' }]);
    await page.getByRole('button', { name: 'Copy the command' }).click();
    await expect.poll(() => page.evaluate('navigator.clipboard.readText()')).toBe('skuprt token redeem lab.yaml');
    await page.getByRole('row', { name: /lab issued here waiting 0 of 3/ }).waitFor();
    await page.evaluate(`location.hash = '#/sites'`);
    await page.getByRole('heading', { level: 1, name: 'Sites' }).waitFor();
    await page.goBack();
    await page.getByRole('row', { name: /lab/ }).first().waitFor();
    expect(await page.getByText('kind: AccessToken').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('where nothing may be made, it says how else', async () => {
    const { page } = await open(twoSites(Date.now()), { hash: '#/tokens', isReadOnly: true });
    await page.getByText('This console only shows').waitFor();
    expect(await page.getByRole('button', { name: 'Make a token' }).count()).toBe(0);
  });

  it('connections are seen as they open, and stand still while held', async () => {
    const { page, shown, network } = await open(twoSites(Date.now()), { hash: '#/flows' });
    await page.locator('tbody tr').first().waitFor();
    const before = await page.locator('tbody tr').count();
    const tell = (id: string) => {
      const flow = { ...network.flows[0]!, id, startedAt: Date.now() };
      shown.model.flowList.unshift(flow);
      for (const listener of shown.model.flowListeners) listener([flow]);
    };
    tell('one');
    await expect.poll(() => page.locator('tbody tr').count()).toBe(before + 1);
    await page.getByRole('button', { name: 'Hold' }).click();
    tell('two');
    tell('one');
    expect(await page.locator('tbody tr').count()).toBe(before + 1);
    await page.getByRole('button', { name: 'Go on' }).click();
    // What has opened meanwhile is there.
    await expect.poll(() => page.locator('tbody tr').count()).toBe(before + 2);
    // Nobody looks, nobody asks.
    await page.evaluate(`location.hash = '#/links'`);
    await expect.poll(() => shown.model.flowListeners.size).toBe(0);
  });

  it('says since when what it shows is old', async () => {
    const { page, shown } = await open(twoSites(Date.now()));
    await shown.stop();
    await page.getByText('last seen').waitFor();
    expect(await page.locator('[data-node="site-west"]').count()).toBe(1);
  });

  it('asks for nothing while nobody looks', async () => {
    const { page, shown } = await open(twoSites(Date.now()));
    // A minute passes at once.
    await page.evaluate(`(() => {
      const { setTimeout } = window;
      window.setTimeout = (call, ms) => setTimeout(call, ms === 60_000 ? 0 : ms);
    })()`);
    await page.evaluate(`location.hash = '#/flows'`);
    await page.locator('tbody tr').first().waitFor();
    const look = (isHidden: boolean) =>
      page.evaluate(`Object.defineProperty(document, 'hidden', { configurable: true, value: ${isHidden} });
        document.dispatchEvent(new Event('visibilitychange'))`);
    const asked = () => [shown.model.listeners.size, shown.model.flowListeners.size];
    expect(asked()).toEqual([1, 1]);
    await look(true);
    await expect.poll(asked).toEqual([0, 0]);
    await look(false);
    await expect.poll(asked).toEqual([1, 1]);
    await page.locator('tbody tr').first().waitFor();
  });

  it('long names are cut, and what stands beside them is seen', async () => {
    const opened = await open(twoSites(Date.now()));
    const { page, network } = opened;
    const address = `${'a-very-long-name.'.repeat(6)}shop:8080`;
    change(opened, 'services', { ...network.services[0], address });
    await page.getByTitle(address).first().waitFor();
    expect(
      await page.evaluate(
        `document.querySelector('.panel').scrollWidth - document.querySelector('.panel').clientWidth`,
      ),
    ).toBe(0);
  });

  it('of next to nothing says what to do', async () => {
    const network = twoSites(Date.now());
    const alone = { ...network, sites: network.sites.slice(0, 1), routers: network.routers.slice(0, 1), links: [] };
    const opened = await open({ ...alone, endpoints: [], services: [], traffic: [] });
    const { page } = opened;
    await page.getByRole('link', { name: 'Make a token' }).waitFor();
    opened.shown.model.change([{ section: 'sites', set: [], gone: [network.sites[0]!.id] }]);
    await page.getByText('No site is known yet.').waitFor();
  });

  it('text of the network never becomes markup', async () => {
    const opened = await open(twoSites(Date.now()));
    const { page, network, complaints } = opened;
    const name = '<img src=x onerror="document.title=1">';
    change(opened, 'sites', { ...network.sites[0], name });
    change(opened, 'events', { ...network.events[0], id: 99, message: name, at: Date.now() });
    for (const view of ['sites', 'events', 'links']) {
      await page.evaluate(`location.hash = '#/${view}'`);
      await page.getByText('<img src=x').first().waitFor();
    }
    expect(await page.locator('img').count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  it('all of it is small', async () => {
    const { page } = await open(twoSites(Date.now()));
    const loaded =
      (await page.evaluate(`performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
      .filter(({ name }) => !name.includes('/api/')).map(({ encodedBodySize }) => encodedBodySize)`)) as number[];
    expect(loaded.length).toBeGreaterThan(20);
    expect(loaded.every((octets) => octets > 0)).toBe(true);
    expect(loaded.reduce((all, octets) => all + octets)).toBeLessThan(300_000);
  });

  describe('of 200 sites', () => {
    it('gathers them into groups, opens one, and finds any by name', async () => {
      const { page, complaints } = await open(manySites(200, Date.now()));
      await expect.poll(() => page.locator('.node.group').count()).toBe(10);
      expect(await page.locator('.seed').count()).toBe(200);
      expect(await page.locator('.seed.down').count()).toBe(5);
      await page.getByRole('link', { name: /^Group eu-west: 20 sites/ }).click();
      await expect.poll(() => page.locator('.node.site').count()).toBe(20);
      // What is chosen in a group leaves it open.
      await page.locator('[data-node="site-eu-west-3"] .shape').click();
      await page.getByRole('complementary', { name: 'eu-west-3' }).waitFor();
      expect(await page.locator('.node.site').count()).toBe(20);
      await page.keyboard.press('Escape');
      await page.getByRole('complementary', { name: 'Overview' }).waitFor();
      expect(await page.locator('.node.site').count()).toBe(20);
      await page.getByRole('link', { name: 'all groups' }).click();
      await page.keyboard.press('/');
      await page.keyboard.type('sa-east-7');
      await expect.poll(() => page.locator('.node.group.hit').count()).toBe(1);
      expect(await page.locator('.node.group.hit .name').textContent()).toBe('sa-east');
      await page.keyboard.press('Escape');
      await page.getByRole('combobox', { name: /^Group/ }).selectOption('not at all');
      await expect.poll(() => page.locator('.node.site').count()).toBe(200);
      expect(complaints).toEqual([]);
    });

    // On a processor that is made slow on purpose, nothing costs little.
    it.skipIf(slowness !== undefined)('costs little of the processor, at first and while it changes', async () => {
      const opened = await open(manySites(200, Date.now()));
      const { page, network } = opened;
      const client = await page.context().newCDPSession(page);
      await client.send('Performance.enable', { timeDomain: 'threadTicks' });
      const seconds = async () => {
        const { metrics } = await client.send('Performance.getMetrics');
        return metrics.find(({ name }) => name === 'TaskDuration')!.value;
      };
      await page.evaluate('location.reload()');
      await page.locator('.seed').nth(199).waitFor();
      const before = await seconds();
      expect(before).toBeLessThan(2);
      const stood = await places(page);
      expect(stood).toHaveLength(10);
      for (let round = 0; round < 10; round += 1) {
        change(
          opened,
          'links',
          ...network.links.map((link) => ({ ...link, octetsPerSecond: link.octetsPerSecond + round })),
        );
        await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      }
      expect((await seconds()) - before).toBeLessThan(2);
      expect(await places(page)).toEqual(stood);
    });
  });
});
