/** Drives an observer by hand and keeps what it told. */
import { type HttpExchange, makeObserver, type Observer, type ObserverKind } from '../../router/observer/observer.ts';

export interface Observation {
  readonly observer: Observer;
  /** The exchanges that have begun, in order. */
  readonly began: HttpExchange[];
  /** Those that have ended, in order. */
  readonly ended: HttpExchange[];
  /** Faults of the telling: an exchange told twice, or ended before it began. */
  readonly faults: string[];
  client(text: string | Buffer, now?: number): void;
  server(text: string | Buffer, now?: number): void;
}

export function observe(kind: ObserverKind, alpn?: string): Observation {
  const began: HttpExchange[] = [];
  const ended: HttpExchange[] = [];
  const faults: string[] = [];
  const observer = makeObserver(
    kind,
    {
      began: (exchange) => {
        if (began.includes(exchange)) faults.push('began twice');
        began.push(exchange);
      },
      ended: (exchange) => {
        if (!began.includes(exchange)) faults.push('ended before it began');
        if (ended.includes(exchange)) faults.push('ended twice');
        if (exchange.endedAt === undefined) faults.push('ended at no time');
        ended.push(exchange);
      },
    },
    alpn,
  );
  if (observer === undefined) throw new Error('no observer');
  const octets = (text: string | Buffer) => (typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  return {
    observer,
    began,
    ended,
    faults,
    client: (text, now = 0) => observer.client(octets(text), now),
    server: (text, now = 0) => observer.server(octets(text), now),
  };
}
