/** A collector of all that the routers of a network tell, in a process of its own: counts what it hears of flows. */
import rhea, { type Connection, type Message } from 'rhea';
import { ATTRIBUTE, BEACON_ADDRESS, FLOWS_SUFFIX, LOGS_SUFFIX, RECORD_TYPE } from '../../../lib/vanflow.ts';
import { serve } from '../net/rpc.ts';

export interface Counts {
  messages: number;
  sources: number;
  /** Flows that are over, and those of them whose octets and connector are known. */
  ended: number;
  whole: number;
}

export interface CollectorHandlers extends Record<string, (argument: never) => unknown> {
  /** Resolves when this many sources are heard. */
  begin(argument: { port: number; sources: number }): Promise<void>;
  counts(argument: undefined): Counts;
  end(argument: undefined): Promise<void>;
}

let connection: Connection | undefined;
let messageCount = 0;
const sources = new Set<string>();
const flows = new Map<string, Map<number, unknown>>();

async function begin({ port, sources: wanted }: { port: number; sources: number }): Promise<void> {
  messageCount = 0;
  sources.clear();
  flows.clear();
  const made = rhea.create_container().connect({ host: '127.0.0.1', port, username: 'anonymous', reconnect: false });
  connection = made;
  const asking = made.open_sender({ target: {} });
  await new Promise<void>((resolve) => {
    made.on('message', ({ message }: { message: Message }) => {
      messageCount++;
      const { id, address, direct } = (message.application_properties ?? {}) as Record<string, string>;
      if (message.subject === 'RECORD') note(message.body);
      if (message.subject !== 'BEACON' || id === undefined || sources.has(id)) return;
      sources.add(id);
      for (const suffix of ['', FLOWS_SUFFIX, LOGS_SUFFIX]) made.open_receiver(`${address}${suffix}`);
      asking.send({ to: direct, subject: 'FLUSH', body: null });
      if (sources.size === wanted) resolve();
    });
    made.open_receiver(BEACON_ADDRESS);
  });
}

function note(body: unknown): void {
  for (const record of body as Record<number, unknown>[]) {
    if (record[ATTRIBUTE.type] !== RECORD_TYPE.transportFlow) continue;
    const id = String(record[ATTRIBUTE.identity]);
    const known = flows.get(id) ?? new Map<number, unknown>();
    flows.set(id, known);
    for (const [code, value] of Object.entries(record)) known.set(Number(code), value);
  }
}

function counts(): Counts {
  const ended = [...flows.values()].filter((flow) => flow.has(ATTRIBUTE.endTime));
  const whole = ended.filter(
    (flow) =>
      flow.has(ATTRIBUTE.connector) && flow.get(ATTRIBUTE.octets) === 2 && flow.get(ATTRIBUTE.octetsReverse) === 1,
  );
  return { messages: messageCount, sources: sources.size, ended: ended.length, whole: whole.length };
}

async function end(): Promise<void> {
  connection?.close();
  connection = undefined;
}

const handlers: CollectorHandlers = { begin, counts, end };
serve(handlers);
