/** Single connections, as long as somebody looks at them. */
import type { FlowView } from '../../model/view.ts';
import { Stream, type StreamStatus } from './stream.ts';

const KEPT_MAX = 1000;

export class Flows {
  status: StreamStatus = 'connecting';
  readonly #flows = new Map<string, FlowView>();
  readonly #onChange: () => void;
  readonly #onRefused: () => void;
  #stream: Stream | undefined;
  #query: string | undefined;
  #isHeld = false;

  constructor({ onChange, onRefused }: { onChange: () => void; onRefused: () => void }) {
    this.#onChange = onChange;
    this.#onRefused = onRefused;
  }

  /** Looks at those that match; with nothing, looks no longer. */
  watch(filter: Readonly<Record<string, string>> | undefined): void {
    const query = filter && new URLSearchParams(filter).toString();
    if (query === this.#query) return;
    this.#query = query;
    this.#flows.clear();
    this.#isHeld = false;
    this.#open();
  }

  /** Nothing moves, so that it can be read. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** What has opened while it was held is there as soon as it goes on. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (!isHeld) this.#open();
    this.#onChange();
  }

  /** The latest first. */
  list(): FlowView[] {
    return [...this.#flows.values()].sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? -1 : 1));
  }

  #open(): void {
    this.#stream?.stop();
    this.#stream = undefined;
    if (this.#query === undefined) return;
    this.#stream = new Stream(`/api/v1/flows/changes?${this.#query}`, {
      onEvent: ({ name, data }) => this.#receive(name, JSON.parse(data)),
      onStatus: (status) => {
        this.status = status;
        if (status === 'refused') this.#onRefused();
        else this.#onChange();
      },
    });
    this.#stream.start();
  }

  #receive(name: string, flows: readonly FlowView[]): void {
    if (name === 'flows' && !this.#isHeld) this.#flows.clear();
    for (const flow of flows) if (!this.#isHeld || this.#flows.has(flow.id)) this.#flows.set(flow.id, flow);
    if (this.#flows.size > KEPT_MAX) {
      for (const { id } of this.list().slice(KEPT_MAX)) this.#flows.delete(id);
    }
    this.#onChange();
  }
}
