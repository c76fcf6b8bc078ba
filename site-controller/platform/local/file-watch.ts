/**
 * Notices changes in directories: the system's notifications where they work, a poll where they do not (network file systems,
 * exhausted watches, a directory that is not there yet). It only says "look again"; the owner compares.
 */
import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 500;
const DEBOUNCE_MS = 60;

/** Calls `look` soon after a change and every half second, never twice at once, until `signal` aborts. */
export async function watchFiles(
  directories: readonly string[],
  look: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const watchers = new Map<string, { watcher: FSWatcher; inode: number }>();
  let wake = new AbortController();
  const onEvent = () => wake.abort();
  signal.addEventListener('abort', onEvent);
  try {
    while (!signal.aborted) {
      for (const directory of directories) await rewatch(directory, watchers, onEvent);
      await look();
      if (signal.aborted) break;
      const notified = await sleep(POLL_MS, false, { signal: wake.signal }).catch(() => true);
      wake = new AbortController();
      if (notified && !signal.aborted) await sleep(DEBOUNCE_MS, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    signal.removeEventListener('abort', onEvent);
    for (const { watcher } of watchers.values()) watcher.close();
  }
}

/** Keeps one watcher on the directory that has this name now. */
async function rewatch(
  directory: string,
  watchers: Map<string, { watcher: FSWatcher; inode: number }>,
  onEvent: () => void,
): Promise<void> {
  const inode = await stat(directory).then(
    (stats) => stats.ino,
    () => undefined,
  );
  const known = watchers.get(directory);
  if (known?.inode === inode) return;
  known?.watcher.close();
  watchers.delete(directory);
  if (inode === undefined) return;
  try {
    const watcher = watch(directory, { persistent: false }, onEvent);
    watcher.on('error', () => watcher.close());
    watchers.set(directory, { watcher, inode });
  } catch {
    // No watches left: the poll goes on.
  }
}
