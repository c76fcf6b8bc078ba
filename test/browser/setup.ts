/** Says once why this tier does not run, and how to have it. */
import { browserPath } from '../support/console-page.ts';

export default function setup(): void {
  if (browserPath !== undefined) return;
  process.stdout.write('browser: skipped: install chromium, or set CHROMIUM to the path of one\n');
}
