/** Which endpoint of a link is dialled: the next one when the present one leads nowhere for a while. Pure: `now` comes in. */

const TURN_MS = 4000;

export interface LinkAttempt {
  name: string;
  endpointCount: number;
  isOperational: boolean;
}

interface Turn {
  index: number;
  since: number;
}

export class EndpointTurns {
  private turns = new Map<string, Turn>();

  /** Index of the endpoint by link. */
  indexes(): Map<string, number> {
    return new Map([...this.turns].map(([name, { index }]) => [name, index]));
  }

  /** Whether any link goes on to another endpoint. */
  update(links: readonly LinkAttempt[], now: number): boolean {
    let isChanged = false;
    const turns = new Map<string, Turn>();
    for (const { name, endpointCount, isOperational } of links) {
      const turn = this.turns.get(name) ?? { index: 0, since: now };
      const isOver = !isOperational && endpointCount > 1 && now - turn.since >= TURN_MS;
      isChanged ||= isOver;
      if (isOver) turns.set(name, { index: (turn.index + 1) % endpointCount, since: now });
      else turns.set(name, isOperational ? { ...turn, since: now } : turn);
    }
    this.turns = turns;
    return isChanged;
  }
}
