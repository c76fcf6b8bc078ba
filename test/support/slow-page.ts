/**
 * `SLOW_PAGE=6 npm run test:browser -- --retry=0`: pages as on a processor so many times slower, and each answer of the server later, some more
 * than others. A test that acts on what is not there yet fails then, here and not on somebody's busy machine.
 */
import type { Page } from 'playwright-core';
import { randomInt, SeededRandom } from '../../lib/random.ts';

const LATER_MS = { min: 300, max: 1500 } as const;

export const slowness = process.env.SLOW_PAGE === undefined ? undefined : Number(process.env.SLOW_PAGE);

export async function slowDown(page: Page, rate: number): Promise<void> {
  const random = new SeededRandom(rate);
  await page.route('**/api/**', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, LATER_MS.min + randomInt(random, LATER_MS.max - LATER_MS.min)));
    // Whoever has left meanwhile wants no answer.
    await route.continue().catch(() => undefined);
  });
  const client = await page.context().newCDPSession(page);
  await client.send('Emulation.setCPUThrottlingRate', { rate });
}
