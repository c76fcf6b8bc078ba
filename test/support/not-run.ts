/** `npm test` says what it leaves out, and how to have it. Tiers that leave themselves out say so too. */
import { HOW_TO_HAVE_IT } from './original-router.ts';

export default function setup(): void {
  if (process.env.npm_lifecycle_event !== 'test') return;
  process.stdout.write(`interop: not part of npm test; npm run test:interop: ${HOW_TO_HAVE_IT}\n`);
}
