/** Says once what of this tier does not run, and how to have it. */
import { HOW_TO_HAVE_IT, originalRouter } from '../support/original-router.ts';

export default function setup(): void {
  if (originalRouter !== undefined) return;
  process.stdout.write(`interop: networks of our routers only; for those mixed with the original, ${HOW_TO_HAVE_IT}\n`);
}
