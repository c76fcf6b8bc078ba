/** What the page knows and what it is asked to do: the one owner of its state. Views read it; `changed` has them shown again. */
import { type Detail, Details } from './live/details.ts';
import type { StreamStatus } from './live/stream.ts';
import { parseRoute, type Route } from './route.ts';
import { History } from './state/history.ts';
import { Network } from './state/network.ts';
import { words } from './text/search.ts';

export interface Sorting {
  readonly column: string;
  readonly isDescending: boolean;
}

export class App {
  readonly network = new Network();
  readonly history = new History();
  route: Route = parseRoute('');
  /** What is typed into the search field, and its words. */
  query = '';
  words: readonly string[] = [];
  status: StreamStatus = 'connecting';
  /** When the picture of the network was last known to be true. */
  liveAt = 0;
  /** The network has been seen at least once. */
  isLoaded = false;
  needsSignIn = false;
  /** Of tables, by their name. */
  readonly sorting = new Map<string, Sorting>();
  readonly rowsShown = new Map<string, number>();
  readonly #details: Details;
  readonly #render: () => void;
  #isWaiting = false;
  #serverAheadMs = 0;

  constructor({ render, onRefused }: { render: () => void; onRefused: () => void }) {
    this.#render = render;
    this.#details = new Details({ onChange: () => this.changed(), onRefused });
  }

  /** By the server's clock, which all times are by. */
  get now(): number {
    return Date.now() + this.#serverAheadMs;
  }

  serverSays(now: number): void {
    this.#serverAheadMs = now - Date.now();
  }

  /** What a view needs beyond the network; asked for again as long as it is shown. */
  detail<T>(path: string): Detail<T> {
    return this.#details.get<T>(path, this.now);
  }

  forget(path: string): void {
    this.#details.forget(path);
  }

  /** Of what one has seen who was signed in, nothing is left for who comes next. */
  forgetAll(): void {
    this.#details.clear();
    this.network.clear();
    this.history.clear();
    this.query = '';
    this.words = [];
    this.isLoaded = false;
  }

  search(query: string): void {
    this.query = query;
    this.words = words(query);
    this.rowsShown.clear();
    this.changed();
  }

  /** Shows the state once, soon, however often it is called. */
  changed(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    requestAnimationFrame(() => {
      this.#isWaiting = false;
      this.#render();
    });
  }
}
