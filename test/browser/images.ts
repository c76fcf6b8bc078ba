/** `node test/browser/images.ts`: the pictures of the console in README, of real sites on this machine. */
import { mkdirSync } from 'node:fs';
import { ConsoleDemo } from '../support/console-demo.ts';
import { launchBrowser } from '../support/console-page.ts';

const FOLDER = 'docs/images';
/** So long the curves grow. */
const WATCHED_MS = 45_000;
const SHOTS = [
  { name: 'light', colorScheme: 'light', width: 1180, height: 640 },
  { name: 'dark', colorScheme: 'dark', width: 1180, height: 640 },
  { name: 'phone', colorScheme: 'light', width: 360, height: 720 },
] as const;

mkdirSync(FOLDER, { recursive: true });
const demo = new ConsoleDemo();
const browser = await launchBrowser();
try {
  await demo.start();
  await demo.grow();
  const pages = await Promise.all(
    SHOTS.map(async ({ colorScheme, width, height }) => {
      const page = await (await browser.newContext({ viewport: { width, height }, colorScheme })).newPage();
      await page.goto(demo.address);
      return page;
    }),
  );
  await pages[0]!.waitForTimeout(WATCHED_MS);
  for (const [index, { name }] of SHOTS.entries())
    await pages[index]!.screenshot({ path: `${FOLDER}/console-${name}.png` });
} finally {
  await browser.close();
  await demo.stop();
}
