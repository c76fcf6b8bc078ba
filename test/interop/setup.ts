/** Says once what of this tier does not run, and how to have it. */
import { HOW_TO_HAVE_IT, originalRouter } from '../support/original-router.ts';
import { HOW_TO_HAVE_PROTON, protonPython } from '../support/proton-client.ts';
import { isFullVolume } from './volume.ts';

export default function setup(): void {
  const say = (text: string): void => void process.stdout.write(`interop: ${text}\n`);
  if (originalRouter === undefined)
    say(`networks of our routers only; for those mixed with the original, ${HOW_TO_HAVE_IT}`);
  if (!isFullVolume) say('small volumes, and fewer networks; for all of it, set SKROUTERD or FULL_VOLUME');
  if (protonPython === undefined) say(`without Proton's clients; to have them, ${HOW_TO_HAVE_PROTON}`);
  if (process.env.NETWORK_OBSERVER === undefined)
    say("without Skupper's network-observer; to have it, set NETWORK_OBSERVER to its path");
}
