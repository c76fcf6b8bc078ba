/** `events`: what happens in the network, the latest last. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventView, SectionChange } from '../../../console/model/view.ts';
import { type Context, print, say } from '../../context.ts';
import { EventTeller } from '../../output/event-teller.ts';
import { EventLines } from '../../output/live.ts';
import { documentOf, formatObject } from '../../output/resources.ts';
import { screenWidth } from '../../output/screen.ts';
import { listenFor, withLiveNetwork } from '../../places/live-network.ts';
import { type FollowFlags, requireLines } from './follow.ts';
import { platformSource } from './platform-source.ts';

/** Until the site's resources have been read, and routers have told of what they refused before. */
const READ_MS = 1500;
/** With -f, how often it is looked what is to be printed. */
const TELL_MS = 500;

export async function showEvents(context: Context, flags: FollowFlags): Promise<void> {
  requireLines(flags);
  const isJson = flags.output === 'json';
  const lines = new EventLines(screenWidth(context));
  await withLiveNetwork(context, { platform: platformSource(context) }, async (collector, signal) => {
    const teller = new EventTeller();
    const unsubscribe = collector.subscribe((changes) => {
      for (const event of eventsIn(changes)) teller.heard(event, Date.now());
    });
    if (flags.follow === true) {
      if (!isJson) print(context, lines.heads);
      // What there is by now is told by no change.
      for (const event of collector.view().events) teller.heard(event, 0);
      while (!signal.aborted) {
        for (const event of teller.due(Date.now()))
          print(context, isJson ? JSON.stringify(documentOf('Event', event)) : lines.line(event));
        await sleep(TELL_MS, undefined, { signal }).catch(() => undefined);
      }
      unsubscribe();
      return;
    }
    await listenFor(context, READ_MS);
    unsubscribe();
    const items = collector.view().events;
    if (flags.output !== undefined) {
      print(context, formatObject(documentOf('EventList', { items }), flags.output));
    } else if (items.length > 0) print(context, [lines.heads, ...items.map((event) => lines.line(event))].join('\n'));
    else say(context, 'Nothing has happened in the last hour; -f shows events as they come.');
  });
}

function eventsIn(changes: readonly SectionChange[]): EventView[] {
  return changes.flatMap(({ section, set }) => (section === 'events' ? (set as readonly EventView[]) : []));
}
