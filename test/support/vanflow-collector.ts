/**
 * A collector of events as Skupper's: hears of sources by their beacons, listens to each, asks it for everything, and keeps
 * what it is told, one record an identity.
 */
import type { Message } from 'rhea';
import { BEACON_ADDRESS, FLOWS_SUFFIX, LOGS_SUFFIX } from '../../lib/vanflow.ts';
import { RheaClient } from './rhea-client.ts';

export type KeptRecord = Readonly<Record<number, string | number>>;

export class VanflowCollector {
  readonly sources = new Set<string>();
  private readonly client: RheaClient;
  private readonly kept = new Map<string, Record<number, string | number>>();

  private constructor(client: RheaClient) {
    this.client = client;
  }

  static async start(port: number): Promise<VanflowCollector> {
    const collector = new VanflowCollector(await RheaClient.connect(port));
    const { connection } = collector.client;
    const asking = connection.open_sender({ target: {} });
    connection.on('message', ({ message }: { message: Message }) => {
      if (message.subject === 'RECORD') collector.note(message);
      const { id, address, direct } = (message.application_properties ?? {}) as Record<string, string>;
      if (message.subject !== 'BEACON' || id === undefined || collector.sources.has(id)) return;
      collector.sources.add(id);
      for (const suffix of ['', FLOWS_SUFFIX, LOGS_SUFFIX]) connection.open_receiver(`${address}${suffix}`);
      const ask = (): void => void asking.send({ to: direct, subject: 'FLUSH', body: null } as Message);
      // The first may come before the source knows that somebody listens.
      ask();
      setTimeout(ask, ASK_AGAIN_MS).unref();
    });
    connection.open_receiver(BEACON_ADDRESS);
    return collector;
  }

  records(type: number): KeptRecord[] {
    return [...this.kept.values()].filter((record) => record[0] === type);
  }

  close(): void {
    this.client.close();
  }

  private note(message: Message): void {
    for (const record of message.body as KeptRecord[]) {
      const id = String(record[1]);
      this.kept.set(id, { ...this.kept.get(id), ...record });
    }
  }
}

const ASK_AGAIN_MS = 2000;
