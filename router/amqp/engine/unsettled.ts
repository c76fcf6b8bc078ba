/**
 * The unsettled deliveries of a session in one direction: found by delivery-id, and listed by link so that a link that goes takes its own
 * with it without a walk over all.
 */
interface Listed<T> {
  readonly deliveryId: number;
  nextUnsettled: T | undefined;
  previousUnsettled: T | undefined;
  readonly link: { unsettled: T | undefined; unsettledInSession: number };
}

export class UnsettledMap<T extends Listed<T>> {
  readonly #byId = new Map<number, T>();

  get size(): number {
    return this.#byId.size;
  }

  has(deliveryId: number): boolean {
    return this.#byId.has(deliveryId);
  }

  add(delivery: T): void {
    this.#byId.set(delivery.deliveryId, delivery);
    const first = delivery.link.unsettled;
    delivery.nextUnsettled = first;
    if (first !== undefined) first.previousUnsettled = delivery;
    delivery.link.unsettled = delivery;
    delivery.link.unsettledInSession++;
  }

  remove(delivery: T): void {
    if (this.#byId.get(delivery.deliveryId) !== delivery) return;
    this.#byId.delete(delivery.deliveryId);
    delivery.link.unsettledInSession--;
    const { nextUnsettled, previousUnsettled } = delivery;
    if (nextUnsettled !== undefined) nextUnsettled.previousUnsettled = previousUnsettled;
    if (previousUnsettled === undefined) delivery.link.unsettled = nextUnsettled;
    else previousUnsettled.nextUnsettled = nextUnsettled;
    delivery.nextUnsettled = undefined;
    delivery.previousUnsettled = undefined;
  }

  removeAllOf(link: { unsettled: T | undefined }): void {
    for (let delivery = link.unsettled; delivery !== undefined; delivery = link.unsettled) this.remove(delivery);
  }

  clear(): void {
    this.#byId.clear();
  }

  /** Those in the range of ids, in its order. A range wider than the map costs no more than the map. */
  inRange(first: number, last: number): T[] {
    const span = (last - first) >>> 0;
    const found: T[] = [];
    if (span <= this.#byId.size) {
      for (let i = 0; i <= span; i++) {
        const delivery = this.#byId.get((first + i) >>> 0);
        if (delivery !== undefined) found.push(delivery);
      }
      return found;
    }
    for (const delivery of this.#byId.values()) {
      if ((delivery.deliveryId - first) >>> 0 <= span) found.push(delivery);
    }
    return found;
  }
}
