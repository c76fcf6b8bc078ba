/** Opens an address in the browser of who sits here. */
import { spawn } from 'node:child_process';
import { type Context, say } from '../../context.ts';

const OPENERS: Readonly<Partial<Record<NodeJS.Platform, string>>> = { darwin: 'open', linux: 'xdg-open' };

/** That there is no browser is told, and is no failure: the address was printed. */
export async function openBrowser(context: Context, url: string): Promise<void> {
  const opener = OPENERS[process.platform];
  const isOpened = opener !== undefined && (await started(opener, url));
  if (!isOpened) say(context, 'No browser could be opened: open the address by hand');
}

function started(command: string, url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, [url], { stdio: 'ignore', detached: true });
    child.once('spawn', () => resolve(true));
    child.once('error', () => resolve(false));
    child.unref();
  });
}
