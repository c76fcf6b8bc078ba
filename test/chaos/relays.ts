/** The relays of the ring's links, which are in a process of their own. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { stopChild } from '../support/child-process.ts';

export type Happening = 'cut' | 'mend' | 'freeze' | 'thaw';
export type RelayOrder = { readonly target: number } | { readonly at: number; readonly what: Happening };

export class Relays {
  private readonly child: ChildProcess = fork(join(import.meta.dirname, 'relay-process.ts'));

  /** One more, numbered from 0 on. @returns its port */
  async to(target: number): Promise<number> {
    this.order({ target });
    const [{ port }] = (await once(this.child, 'message')) as [{ port: number }];
    return port;
  }

  happen(at: number, what: Happening): void {
    this.order({ at, what });
  }

  async close(): Promise<void> {
    await stopChild(this.child);
  }

  private order(order: RelayOrder): void {
    this.child.send(order);
  }
}
