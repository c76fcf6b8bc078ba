/** Who looks at the console: in, out, and one after the other in the same browser. */
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { useBrowser } from '../support/console-browser.ts';
import { twoSites } from '../support/console-fixture.ts';
import { browserPath, showConsole, signIn } from '../support/console-page.ts';

/** The server gets what is posted there, and its answer is on its way until it is let go. */
async function holdAnswer(page: Page, path: string): Promise<() => void> {
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  await page.route(`**/api/v1/${path}`, async (route) => {
    if (route.request().method() !== 'POST') return route.fallback();
    const response = await route.fetch();
    await held;
    await route.fulfill({ response });
  });
  return letGo;
}

/** Posts of the page, by their paths. */
function postsOf(page: Page): string[] {
  const posts: string[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST') posts.push(new URL(request.url()).pathname.replace('/api/v1/', ''));
  });
  return posts;
}

describe.runIf(browserPath)('who looks at the console', () => {
  const { open, atEnd } = useBrowser();

  it('asks who is there when nobody is known, and says when a token opens nothing', async () => {
    const { page } = await open(twoSites(Date.now()));
    // The token is not left in the address.
    expect(page.url()).not.toContain('token');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(page, 'wrong');
    await page.getByText('this token opens nothing here').waitFor();
    await signIn(page, 'good');
    await page.locator('[data-node="site-west"]').waitFor();
  });

  it('when its server has started again, asks who is there, and shows what has happened meanwhile', async () => {
    const { page, shown, network } = await open(twoSites(Date.now()), { hash: '#/events' });
    await page.locator('tbody tr').first().waitFor();
    await shown.stop();
    await page.getByText('last seen').waitFor();
    const events = [...network.events, { ...network.events[0]!, id: 99, message: 'what was missed', at: Date.now() }];
    const again = await showConsole({ ...network, events }, { port: Number(new URL(shown.url).port) });
    atEnd(() => again.stop());
    await page.getByText('The session has ended.').waitFor();
    await signIn(page, 'good');
    await page.getByText('what was missed').waitFor();
  });

  it('leaves nothing of one who was signed in to the next', async () => {
    const { page } = await open(twoSites(Date.now()), { hash: '#/tokens' });
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByRole('heading', { name: 'Token west-1' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.route('**/api/v1/tokens', () => undefined);
    await signIn(page, 'looker');
    await page.getByText('This console only shows').waitFor();
    await page.getByText('Asking…').waitFor();
    expect(await page.getByText('west-1').count()).toBe(0);
  });

  it('a token behind # opens it, and is not left in the address, when the page is there already', async () => {
    const { page } = await open(twoSites(Date.now()));
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token', { exact: true }).waitFor();
    await page.evaluate(`location.hash = '#token=good'`);
    await page.locator('[data-node="site-west"]').waitFor();
    expect(page.url()).not.toContain('token');
  });

  it('sees nothing more once they sign out, and nobody comes in before they are out', async () => {
    const { page } = await open(twoSites(Date.now()));
    const posts = postsOf(page);
    const letGo = await holdAnswer(page, 'sign-out');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(page, 'good');
    await page.getByRole('button', { name: 'Signing in…' }).waitFor();
    expect(await page.locator('[data-node]').count()).toBe(0);
    expect(posts).toEqual(['sign-out']);
    letGo();
    await page.locator('[data-node="site-west"]').waitFor();
    expect(posts).toEqual(['sign-out', 'sign-in']);
    // The cookie that was taken back was not the new one.
    await page.reload();
    await page.locator('[data-node="site-west"]').waitFor();
  });

  it('is told when the server does not know that they are out', async () => {
    const { page } = await open(twoSites(Date.now()));
    await page.route('**/api/v1/sign-out', (route) => route.abort());
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('The session goes on at the server.').waitFor();
    await signIn(page, 'good');
    await page.locator('[data-node="site-west"]').waitFor();
  });

  it('is the same in all pages of one browser', async () => {
    const { page, shown } = await open(twoSites(Date.now()), { hash: '#/tokens' });
    await page.getByRole('button', { name: 'Make a token' }).waitFor();
    const other = await page.context().newPage();
    await other.goto(`${shown.url}#token=looker`);
    await page.getByText('This console only shows').waitFor();
    await other.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('The session has ended.').waitFor();
  });

  it('makes one token, however often the button is pressed before it shows that it was', async () => {
    const { page, shown } = await open(twoSites(Date.now()), { hash: '#/tokens' });
    await page.getByRole('button', { name: 'Make a token' }).waitFor();
    await page.evaluate(`(() => {
      const form = document.querySelector('form.maker');
      for (let count = 0; count < 3; count += 1) form.requestSubmit();
    })()`);
    await page.getByRole('heading', { name: 'Token west-1' }).waitFor();
    expect(shown.place.orders).toHaveLength(1);
  });

  it('finds a token that was made while they were elsewhere', async () => {
    const { page } = await open(twoSites(Date.now()), { hash: '#/tokens' });
    const letGo = await holdAnswer(page, 'tokens');
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByRole('button', { name: 'Making…' }).waitFor();
    await page.evaluate(`location.hash = '#/sites'`);
    await page.getByRole('heading', { level: 1, name: 'Sites' }).waitFor();
    letGo();
    await page.goBack();
    await page.getByRole('heading', { name: 'Token west-1' }).waitFor();
  });

  it('never sees a token that another had made', async () => {
    const { page } = await open(twoSites(Date.now()), { hash: '#/tokens' });
    const letGo = await holdAnswer(page, 'tokens');
    await page.getByRole('button', { name: 'Make a token' }).click();
    await page.getByRole('button', { name: 'Making…' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn(page, 'looker');
    await page.getByText('This console only shows').waitFor();
    const arrived = page.waitForEvent('requestfinished', (request) => request.method() === 'POST');
    letGo();
    await arrived;
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    expect(await page.getByText('kind: AccessToken').count()).toBe(0);
  });
});
