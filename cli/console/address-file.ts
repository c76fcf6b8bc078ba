/** Where a console is and the token to sign in there, in a file that only this user can read, as long as the console runs. */
import { rm } from 'node:fs/promises';
import { readIfExists, writeFileAtomic } from '../../lib/files.ts';

export class AddressFile {
  readonly path: string;
  #text: string | undefined;

  constructor(path: string) {
    this.path = path;
  }

  async write(address: string): Promise<void> {
    this.#text = `${address}\n`;
    await writeFileAtomic(this.path, this.#text, { mode: 0o600 });
  }

  /** That of another console, which has come since or was there before, stays. */
  async remove(): Promise<void> {
    if (this.#text !== undefined && (await readIfExists(this.path)) === this.#text)
      await rm(this.path, { force: true });
  }
}
