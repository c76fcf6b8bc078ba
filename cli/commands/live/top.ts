/** `top`: the links and services of the network, as they are now. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Context, print } from '../../context.ts';
import { topText } from '../../output/live.ts';
import { documentOf, formatObject } from '../../output/resources.ts';
import { screenWidth } from '../../output/screen.ts';
import { listenFor, withLiveNetwork } from '../../places/live-network.ts';
import { platformSource } from './platform-source.ts';

export interface TopFlags {
  once?: boolean;
  output?: 'json' | 'yaml';
  /** Milliseconds. */
  interval: number;
}

/** Rates are known when counters have been told twice. */
const RATES_MS = 2500;
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_LINE = '\x1b[K';
const CLEAR_BELOW = '\x1b[J';

export async function top(context: Context, flags: TopFlags): Promise<void> {
  const screen = context.stdout as { isTTY?: boolean; columns?: number; rows?: number };
  // A dumb terminal cannot be drawn upon.
  const canDraw = screen.isTTY === true && context.env.TERM !== 'dumb';
  const isLive = canDraw && flags.once !== true && flags.output === undefined;
  await withLiveNetwork(context, { platform: platformSource(context) }, async (collector, signal) => {
    const unsubscribe = collector.subscribe(() => undefined);
    try {
      if (isLive) {
        context.stdout.write(ENTER);
        while (!signal.aborted) {
          context.stdout.write(frame(topText(collector.view(), Date.now(), screenWidth(context)), screen));
          await sleep(flags.interval, undefined, { signal }).catch(() => undefined);
        }
        return;
      }
      await listenFor(context, RATES_MS);
      const view = collector.view();
      if (flags.output === undefined) print(context, topText(view, Date.now(), screenWidth(context)));
      else print(context, formatObject(documentOf('NetworkView', view), flags.output));
    } finally {
      unsubscribe();
      if (isLive) context.stdout.write(LEAVE);
    }
  });
}

/** One picture over the one before: no more of it than the screen holds, and nothing that wraps. */
export function frame(text: string, { columns = 80, rows = 24 }: { columns?: number; rows?: number }): string {
  const lines = text.trimEnd().split('\n');
  const shown =
    lines.length <= rows ? lines : [...lines.slice(0, rows - 1), `... ${lines.length - rows + 1} more lines`];
  return `${HOME}${shown.map((line) => line.slice(0, columns) + CLEAR_LINE).join('\r\n')}${CLEAR_BELOW}`;
}
