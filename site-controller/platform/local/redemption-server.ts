/** Runs the redemption server of a local site as long as there is a port and a certificate for it, with the certificate of now; it renews those of links too. */
import type { Resource } from '../../../config/api/index.ts';
import { CREDENTIAL } from '../../../config/names.ts';
import { withPort } from '../../../lib/address.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Logger } from '../../../lib/log.ts';
import type { Tracer } from '../../../lib/trace/tracer.ts';
import { incomingRefusal, issueForGrant, linkIssuers } from '../../grants/issuers.ts';
import { type IssueRequest, RENEW_PATH } from '../../grants/protocol.ts';
import type { RenewalsUses } from '../../grants/renewals.ts';
import { GrantServer, GrantServerListenError } from '../../grants/server.ts';
import type { GrantState } from '../../grants/store.ts';
import { isControlledSecret } from '../../pki/secret.ts';
import { LINK_VALID_MS } from '../../reconcile/certificate/validity.ts';
import { type Observed, ofKind } from '../../reconcile/observed.ts';
import { activeSite } from '../../reconcile/site/identity.ts';
import { type Credentials, keyPairOf } from './credentials.ts';
import type { GrantFiles } from './grant-store.ts';

const LOOPBACK = '127.0.0.1';

export interface RedemptionServerParts {
  grants: GrantFiles;
  credentials: Credentials;
  clock: Clock;
  log: Logger;
  tracer?: Tracer;
}

export class RedemptionServer {
  private readonly parts: RedemptionServerParts;
  private server: GrantServer | undefined;
  private place = '';
  private certificate = '';
  private observed: Observed | undefined;
  /** Bases of the URLs of grants, best first. */
  urls: readonly string[] = [];

  constructor(parts: RedemptionServerParts) {
    this.parts = parts;
  }

  /** Brings the server in line with what is observed. `hosts` are the ones that other machines may reach it by. */
  async ensure(observed: Observed, bindHost: string | undefined, hosts: readonly string[]): Promise<void> {
    this.observed = observed;
    const port = observed.ports.get('grants');
    const credential = observed.credentials.get(CREDENTIAL.grantServer);
    const credentials = credential && (await keyPairOf(credential));
    if (port === undefined || credentials === undefined) return;
    const host = bindHost ?? '';
    if (this.place !== `${host}:${port}`) {
      await this.stop();
      await this.start(host, port, credentials);
    } else if (credentials.certificate !== this.certificate) {
      this.server?.setCredentials(credentials);
    }
    this.certificate = credentials.certificate;
    const reachable = bindHost === undefined ? [...new Set([...hosts, LOOPBACK])] : hosts;
    this.urls = this.server === undefined ? [] : reachable.map((name) => `https://${withPort(name, port)}`);
  }

  async stop(): Promise<void> {
    const server = this.server;
    this.server = undefined;
    this.place = '';
    this.urls = [];
    await server?.stop();
  }

  private async start(
    host: string,
    port: number,
    credentials: { certificate: string; privateKey: string },
  ): Promise<void> {
    const { grants, clock, log, tracer } = this.parts;
    const issue = (grant: GrantState, request: IssueRequest) => this.issue(grant, request);
    const uses = { store: grants, issue, clock, log, tracer };
    const server = new GrantServer(uses, { host, port, credentials }, this.renewals());
    try {
      await server.start();
    } catch (err) {
      if (!(err instanceof GrantServerListenError)) throw err;
      log.error({ err }, 'redemption server not started');
      return;
    }
    this.server = server;
    this.place = `${host}:${port}`;
    log.info({ host, port }, 'redemption server started');
  }

  private async issue(state: GrantState, request: IssueRequest): Promise<readonly Resource[]> {
    const { credentials, clock, log } = this.parts;
    const observed = this.observed!;
    const grant = ofKind(observed, 'AccessGrant').find(({ metadata }) => metadata.uid === state.uid);
    const secrets = await credentials.secrets();
    const issued = issueForGrant(observed, (name) => secrets.get(name), grant, request, clock.wall());
    const { doubt } = issued;
    if (doubt !== undefined)
      log.warn({ grant: state.uid, subject: request.subject, reason: doubt }, 'certificate names no site');
    if (issued.notes !== undefined) await credentials.note(issued.secret.metadata.name, issued.notes);
    return issued.resources;
  }

  private renewals(): RenewalsUses {
    const { credentials, clock, log } = this.parts;
    return {
      issuersOf: async (siteId) => {
        const observed = this.observed!;
        if (activeSite(observed)?.metadata.uid !== siteId) return undefined;
        const secrets = await credentials.secrets();
        return linkIssuers(observed, (name) => secrets.get(name), clock.wall());
      },
      refusalOf: (_siteId, peer) => incomingRefusal(this.observed!, peer),
      note: async (_siteId, { secret }, changes) => {
        if (isControlledSecret(secret)) await credentials.note(secret.metadata.name, changes);
      },
      urls: (siteId) => this.urls.map((url) => url + RENEW_PATH + encodeURIComponent(siteId)),
      serverCa: () => this.observed?.credentials.get(CREDENTIAL.grantServer)?.ca,
      clock,
      log,
      validMs: LINK_VALID_MS,
    };
  }
}
