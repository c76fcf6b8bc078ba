/**
 * Closes a listening socket without losing who waits at it: the system takes connections before the process does, and resets
 * those that wait when the socket closes; their clients, who saw them accepted, do not come again.
 *
 * Each turn of the loop accepts one connection as long as some wait; the socket closes at the end of the first turn that has brought
 * none. What comes within the rest of that turn is lost all the same: there is nothing between accepting and closing.
 */
import type { Server } from 'node:net';

/** Who comes without end is left out. */
const TURNS_MAX = 2000;

/** @returns closes it at once, if it is still open */
export function closeServer(server: Server): () => void {
  let cameCount = 0;
  let turnCount = 0;
  const count = (): void => void cameCount++;
  const close = (): void => {
    clearImmediate(next);
    server.off('connection', count);
    server.close();
  };
  const look = (): void => {
    // The first call may be of the turn that is on: what it has brought says nothing.
    if (turnCount > 0 && (cameCount === 0 || turnCount >= TURNS_MAX)) {
      close();
      return;
    }
    turnCount++;
    cameCount = 0;
    next = setImmediate(look);
  };
  let next = setImmediate(look);
  server.on('connection', count);
  return () => {
    if (server.listening) close();
  };
}
