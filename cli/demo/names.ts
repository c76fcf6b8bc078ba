/** The DNS server of `dns serve` in this process, for the sites of the demo, and what a client asks of it. */
import { Resolver } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { runDnsServer } from '../../service-controller/dns/main.ts';
import { localPlaces } from '../commands/dns/serve.ts';

const HOST = '127.0.0.1';
const ORIGIN = 'supercluster.local';
const ASK_TIMEOUT_MS = 500;
const ASK_TRIES = 2;

export interface Names {
  /** Where the server answers. */
  port: number;
  /** @throws the resolver's error while there is no such name */
  addressesOf(name: string): Promise<string[]>;
  lookup: LookupFunction;
  stop(): Promise<void>;
}

/** Answers for the sites of this data home until `signal` aborts or it is stopped. @throws DnsListenError */
export async function serveNames(dataHome: string, signal: AbortSignal): Promise<Names> {
  const ending = new AbortController();
  let running: Promise<void> | undefined;
  const port = await new Promise<number>((resolve, reject) => {
    running = runDnsServer(
      {
        listen: [{ host: HOST, port: 0 }],
        zones: [{ origin: ORIGIN, hasShortNames: true }],
        domains: [],
        nameServerAddresses: [],
        lameDuckMs: 0,
        metricsPort: undefined,
        logLevel: 'error',
        source: { local: localPlaces({ XDG_DATA_HOME: dataHome }) },
        onListening: ([address]) => resolve(address!.port),
      },
      AbortSignal.any([signal, ending.signal]),
    );
    // Before it listens it ends by a fault or by the signal.
    running.then(() => reject(signal.reason), reject);
  });
  const resolver = new Resolver({ timeout: ASK_TIMEOUT_MS, tries: ASK_TRIES });
  resolver.setServers([`${HOST}:${port}`]);
  const addressesOf = (name: string) => resolver.resolve4(name);
  return {
    port,
    addressesOf,
    lookup: lookupWith(addressesOf),
    stop: async () => {
      resolver.cancel();
      ending.abort();
      await running;
    },
  };
}

function lookupWith(addressesOf: (name: string) => Promise<string[]>): LookupFunction {
  return (name, { all }, callback) => {
    addressesOf(name).then(
      (addresses) => {
        if (all === true)
          callback(
            null,
            addresses.map((address) => ({ address, family: 4 })),
          );
        else callback(null, addresses[0]!, 4);
      },
      (error: NodeJS.ErrnoException) => callback(error, ''),
    );
  };
}
