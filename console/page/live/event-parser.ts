/** Server-sent events out of the octets of an answer, in any pieces. Pure. See "Server-sent events" of the HTML standard. */
export interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

export class EventParser {
  #rest = '';
  #name = '';
  #data: string[] = [];

  /** The events that this text completes; comments, which only say that the connection lives, are none. */
  receive(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = (this.#rest + text).split(/\r\n|\n/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line !== '') this.#field(line);
      else {
        if (this.#data.length > 0) events.push({ name: this.#name || 'message', data: this.#data.join('\n') });
        this.#name = '';
        this.#data = [];
      }
    }
    return events;
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.#name = value;
    else if (name === 'data') this.#data.push(value);
  }
}
