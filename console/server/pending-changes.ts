/** What has changed since a slow reader last took something, each thing once and as it is now. Pure. */
type Key = string | number;

/** What has changed in one list. */
export interface Change {
  readonly section: string;
  readonly set: readonly object[];
  readonly gone: readonly Key[];
}

/** Services are known by their address, everything else by its id. */
function keyOf(thing: object): Key {
  const { id, address } = thing as { id?: Key; address?: Key };
  return id ?? address ?? '';
}

export class PendingChanges {
  /** By section and key; undefined of what is gone. */
  readonly #sections = new Map<string, Map<Key, object | undefined>>();
  #count = 0;

  /** How many things wait. */
  get count(): number {
    return this.#count;
  }

  add(changes: readonly Change[]): void {
    for (const { section, set, gone } of changes) {
      const things = this.#things(section);
      for (const thing of set) this.#put(things, keyOf(thing), thing);
      for (const key of gone) this.#put(things, key, undefined);
    }
  }

  /** All of it; nothing waits then. */
  take(): Change[] {
    const changes = [...this.#sections].map(([section, things]) => ({
      section,
      set: [...things.values()].filter((thing) => thing !== undefined),
      gone: [...things].filter(([, thing]) => thing === undefined).map(([key]) => key),
    }));
    this.#sections.clear();
    this.#count = 0;
    return changes;
  }

  #things(section: string): Map<Key, object | undefined> {
    const found = this.#sections.get(section) ?? new Map<Key, object | undefined>();
    this.#sections.set(section, found);
    return found;
  }

  #put(things: Map<Key, object | undefined>, key: Key, thing: object | undefined): void {
    if (!things.has(key)) this.#count += 1;
    things.set(key, thing);
  }
}
