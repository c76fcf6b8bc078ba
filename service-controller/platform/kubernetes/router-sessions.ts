/**
 * The part of a cluster in the exchange over its own router: one connection each membership, an ordinary client of the router that
 * carries the services. Reconnects for ever, reading the certificates anew each time; with those of before while the API server is away.
 */
import { CREDENTIAL, NAME } from '../../../config/names.ts';
import type { Clock } from '../../../lib/clock.ts';
import { SkuprtError } from '../../../lib/errors.ts';
import type { KubeClient } from '../../../lib/kube/client.ts';
import type { Logger } from '../../../lib/log.ts';
import type { RouterEndpoint } from '../../../lib/router-client/client.ts';
import type { ServiceExchange } from '../../exchange/exchange.ts';
import type { MeshIdentity, OpenSession } from '../mesh.ts';
import { RunningSessions } from '../running-sessions.ts';
import type { ExchangeCounts } from './metrics.ts';
import type { ServiceSettings } from './settings.ts';
import { TYPES } from './watched.ts';

const AMQPS_PORT = 5671;
const SECRET_TIMEOUT_MS = 3000;

export class RouterCredentialsError extends SkuprtError {
  readonly code = 'SKUPRT_SERVICES_ROUTER_CREDENTIALS';
  readonly fault = 'environment';
}

export interface RouterSessionsParts {
  client: Pick<KubeClient, 'get'>;
  settings: ServiceSettings;
  clock: Clock;
  log: Logger;
  /** Namespace of the Site that carries the services. */
  carrier: () => string | undefined;
}

export class RouterSessions {
  /** Sites that say they are a cluster that another is. */
  refusedClaimCount = 0;
  readonly counts: ExchangeCounts = {
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    refused: 0,
    requests: 0,
  };
  /** Brings the counts up to date; to be called before they are read. */
  refresh: () => void = () => undefined;
  private readonly parts: RouterSessionsParts;
  private readonly endpoints = new Map<string, RouterEndpoint>();
  private readonly running: RunningSessions;

  constructor(parts: RouterSessionsParts) {
    this.parts = parts;
    this.running = new RunningSessions(parts.clock);
  }

  readonly open: OpenSession = (identity, onChange) => {
    const base = { ...this.counts };
    const { exchange, session } = this.running.start({
      identity,
      endpoint: () => this.endpoint(),
      log: this.parts.log,
      onChange: (of) => {
        this.look(of, identity);
        onChange();
      },
      onReceived: (text) => {
        this.counts.messagesIn += 1;
        this.counts.bytesIn += Buffer.byteLength(text);
      },
      onSend: (text) => {
        this.counts.messagesOut += 1;
        this.counts.bytesOut += Buffer.byteLength(text);
      },
      onEnd: () => this.refresh(),
    });
    // Read at each change of the exchange, and at the end of the session: counters never go back.
    this.refresh = () => {
      const { stats, refusals } = exchange;
      this.counts.requests = base.requests + stats.requests;
      this.counts.refused = base.refused + stats.malformed + Object.values(refusals).reduce((sum, n) => sum + n, 0);
    };
    return session;
  };

  /** Resolves when every connection has ended. */
  async stop(): Promise<void> {
    await this.running.ended();
  }

  private look(exchange: ServiceExchange, { clusterId }: MeshIdentity): void {
    const claims = exchange.claims();
    if (claims.length > this.refusedClaimCount)
      this.parts.log.warn({ clusterId, claims }, 'a cluster is claimed by a second site, which is refused');
    this.refusedClaimCount = claims.length;
  }

  /** @throws RouterCredentialsError */
  private async endpoint(): Promise<RouterEndpoint> {
    const { settings, carrier } = this.parts;
    if (settings.router !== undefined) return settings.router;
    const namespace = carrier();
    if (namespace === undefined) throw new RouterCredentialsError('no Site carries the services');
    try {
      const endpoint = await this.readEndpoint(namespace);
      this.endpoints.set(namespace, endpoint);
      return endpoint;
    } catch (error) {
      const known = this.endpoints.get(namespace);
      if (known === undefined || !(error instanceof SkuprtError)) throw error;
      return known;
    }
  }

  private async readEndpoint(namespace: string): Promise<RouterEndpoint> {
    const options = { timeoutMs: SECRET_TIMEOUT_MS, retryCountMax: 0 };
    const { data } = await this.parts.client.get(TYPES.Secret, namespace, CREDENTIAL.localClient, options);
    const texts = (data ?? {}) as Record<string, string>;
    const read = (key: string): string => {
      const text = texts[key];
      if (text === undefined)
        throw new RouterCredentialsError(`Secret ${namespace}/${CREDENTIAL.localClient} has no ${key}`);
      return Buffer.from(text, 'base64').toString('utf8');
    };
    return {
      host: `${NAME.localService}.${namespace}.svc`,
      port: AMQPS_PORT,
      ca: read('ca.crt'),
      cert: read('tls.crt'),
      key: read('tls.key'),
    };
  }
}
