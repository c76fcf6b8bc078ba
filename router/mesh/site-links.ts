/**
 * Site links and the neighbours they lead to: the HELLO protocol's memory (wire reference 3.3, 3.4).
 *
 * Not the messages themselves. A neighbour is a router from which a HELLO that names this router came within the maximal
 * age; with several site links to it (take-over, parallel links) the one of least cost counts, then of lowest number.
 */
export interface SiteLink {
  readonly number: number;
  cost: number;
  /** Of several to one router at the same cost the highest is used: it has the newest credentials. */
  readonly precedence: number;
  /** Who is connected, where that is known. */
  readonly router: string | undefined;
  /** How many of the maximal ages a HELLO counts. */
  readonly ages: number;
  /** Who spoke last on it; a site link leads to one router, known from its first HELLO. */
  peer: string | undefined;
  heardAt: number;
  /** When the peer last said that it hears this router. */
  confirmedAt: number;
}

/**
 * A lost segment holds up HELLOs for as long as the other connections of the link are heard; that the router is gone is known long
 * before that.
 */
const WATCHED_AGES = 4;

export class SiteLinks {
  readonly #links = new Map<number, SiteLink>();
  readonly #neighbours = new Map<string, SiteLink>();
  maxAgeMs: number;

  constructor(helloMaxAgeMs: number) {
    this.maxAgeMs = helloMaxAgeMs;
  }

  /** The site link in use to each neighbour, in the order in which they became neighbours. */
  get neighbours(): ReadonlyMap<string, SiteLink> {
    return this.#neighbours;
  }

  numbers(): IterableIterator<number> {
    return this.#links.keys();
  }

  get(number: number): SiteLink | undefined {
    return this.#links.get(number);
  }

  up(
    number: number,
    cost: number,
    { precedence = 0, router, isWatched = false }: { precedence?: number; router?: string; isWatched?: boolean } = {},
  ): void {
    const unheard = { peer: undefined, heardAt: -Infinity, confirmedAt: -Infinity };
    const ages = isWatched ? WATCHED_AGES : 1;
    this.#links.set(number, { number, cost, precedence, router, ages, ...unheard });
  }

  /** True when the neighbours changed by it, here and in `heard` and `expire`. */
  down(number: number, now: number): boolean {
    this.#links.delete(number);
    return this.#elect(now);
  }

  /** A HELLO from `peer` came; `hearsUs`: it names this router. */
  heard(link: SiteLink, peer: string, hearsUs: boolean, now: number): boolean {
    const isOtherPeer = link.peer !== peer;
    const wasConfirmed = !isOtherPeer && this.#isConfirmed(link, now);
    link.peer = peer;
    link.heardAt = now;
    if (hearsUs) link.confirmedAt = now;
    else if (isOtherPeer) link.confirmedAt = -Infinity;
    return isOtherPeer || (hearsUs && !wasConfirmed) ? this.#elect(now) : false;
  }

  /** Whether the HELLO at hand is the first of `peer` on this site link, or the first after a silence. */
  isNews(link: SiteLink, peer: string, now: number): boolean {
    return link.peer !== peer || now >= link.heardAt + this.#ageMs(link);
  }

  expire(now: number): boolean {
    return this.#elect(now);
  }

  /** The routers heard lately: what HELLO calls `seen`. */
  seen(now: number): string[] {
    const peers = new Set<string>();
    for (const link of this.#links.values()) {
      if (link.peer !== undefined && now < link.heardAt + this.#ageMs(link)) peers.add(link.peer);
    }
    return [...peers];
  }

  /** When the first site link in use falls silent. */
  deadline(): number {
    let deadline = Infinity;
    for (const link of this.#neighbours.values()) deadline = Math.min(deadline, link.confirmedAt + this.#ageMs(link));
    return deadline;
  }

  #isConfirmed(link: SiteLink, now: number): boolean {
    return now < link.confirmedAt + this.#ageMs(link);
  }

  #ageMs({ ages }: SiteLink): number {
    return ages * this.maxAgeMs;
  }

  #elect(now: number): boolean {
    const best = new Map<string, SiteLink>();
    for (const link of this.#links.values()) {
      if (link.peer === undefined || !this.#isConfirmed(link, now)) continue;
      const rival = best.get(link.peer);
      if (rival === undefined || isBetter(link, rival)) best.set(link.peer, link);
    }
    let isChanged = false;
    for (const peer of this.#neighbours.keys()) {
      if (!best.has(peer)) isChanged = this.#neighbours.delete(peer);
    }
    for (const [peer, link] of best) {
      if (this.#neighbours.get(peer) === link) continue;
      this.#neighbours.set(peer, link);
      isChanged = true;
    }
    return isChanged;
  }
}

function isBetter(link: SiteLink, rival: SiteLink): boolean {
  if (link.cost !== rival.cost) return link.cost < rival.cost;
  if (link.precedence !== rival.precedence) return link.precedence > rival.precedence;
  return link.number < rival.number;
}
