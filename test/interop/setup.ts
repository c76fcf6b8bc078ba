/** Says once why nothing of this tier runs. */
import { HOW_TO_HAVE_IT, originalRouter } from '../support/original-router.ts';

export default function setup(): void {
  if (originalRouter === undefined) process.stdout.write(`interop: skipped; to run it, ${HOW_TO_HAVE_IT}\n`);
}
