/**
 * One redemption server for all namespaces of a controller. Every replica runs it: what it decides by is in the API server. It also renews
 * the certificates of links. Control-plane reference 2.
 */
import { randomBytes } from 'node:crypto';
import type { Resource } from '../../../config/api/index.ts';
import type { Secret } from '../../../config/api/secret.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Logger } from '../../../lib/log.ts';
import type { Tracer } from '../../../lib/trace/tracer.ts';
import { incomingRefusal, issueForGrant, linkIssuers } from '../../grants/issuers.ts';
import { type IssueRequest, RENEW_PATH } from '../../grants/protocol.ts';
import type { RedemptionOutcome, RedemptionReport } from '../../grants/redemptions.ts';
import type { RenewalIssuer } from '../../grants/renewals.ts';
import { GrantServer } from '../../grants/server.ts';
import type { GrantState } from '../../grants/store.ts';
import type { KeyPair } from '../../pki/authority.ts';
import { isControlledSecret } from '../../pki/secret.ts';
import { endedGrants } from '../../reconcile/accessgrant/plan.ts';
import { grantServerUrls } from '../../reconcile/accessgrant/server.ts';
import { LINK_VALID_MS } from '../../reconcile/certificate/validity.ts';
import { type Observed, ofKind } from '../../reconcile/observed.ts';
import type { ControllerSettings } from '../../reconcile/settings.ts';
import { keyPairOf } from './credentials.ts';
import { type FoundGrant, type GrantApi, GrantRecords } from './grant-store.ts';
import type { EventWant } from './status-events.ts';

const CODE_BYTES = 18;

export interface GrantServiceParts {
  settings: ControllerSettings;
  api: GrantApi;
  /** A grant of any namespace, by its uid; from the cache. */
  find(uid: string): FoundGrant | undefined;
  /** The namespace of the active Site with that uid. */
  namespaceOf(siteId: string): string | undefined;
  /** What the namespace looks like now. */
  observe(namespace: string): Observed;
  clock: Clock;
  log: Logger;
  onEvent: (event: EventWant) => void;
  /** A pass over the namespace should follow. */
  onRedeemed: (namespace: string) => void;
  /** The URLs or the certificate of the server changed: every namespace with grants should be looked at. */
  onServed: () => void;
  tracer?: Tracer;
}

export class GrantService {
  private readonly parts: GrantServiceParts;
  private readonly records: GrantRecords;
  private server: GrantServer | undefined;
  private credentials = '';
  /** Bases of the URLs of grants, best first. */
  urls: readonly string[] = [];
  /** PEM bundle by which the server is trusted. */
  ca: string | undefined;
  /** Claims by how they ended, for metrics. */
  readonly outcomes = new Map<RedemptionOutcome, number>();
  renewalCount = 0;

  constructor(parts: GrantServiceParts) {
    this.parts = parts;
    const { api, find, clock, onRedeemed } = parts;
    this.records = new GrantRecords({ api, find, clock, onRedeemed });
  }

  /**
   * Brings the server in line with `own`, the controller's namespace: to be called when anything there changed.
   *
   * @throws GrantServerListenError when its port is not free
   */
  async ensure(own: Observed): Promise<void> {
    const { settings, log, onServed } = this.parts;
    if (!settings.enableGrants) return;
    const credential = own.credentials.get(settings.grantServer.tlsCredentials);
    const pair = keyPairOf(credential);
    if (pair === undefined || credential?.certificate === undefined || credential.fault === 'of another key') return;
    const text = pair.certificate + pair.privateKey;
    if (this.server === undefined) await this.start(pair);
    else if (text !== this.credentials) {
      this.server.setCredentials(pair);
      log.info('certificate of the redemption server replaced');
    }
    this.credentials = text;
    const urls = this.server === undefined ? [] : grantServerUrls(own, settings);
    const isSame = urls.join() === this.urls.join() && credential.ca === this.ca;
    this.urls = urls;
    this.ca = credential.ca;
    if (!isSame) onServed();
  }

  /** The port that it listens on; undefined while it does not. */
  get port(): number | undefined {
    return this.server?.port;
  }

  async stop(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    this.urls = [];
    this.records.stop();
    await server?.stop();
  }

  /** Draws the secret of a grant. */
  newCode(): string {
    return randomBytes(CODE_BYTES).toString('base64url');
  }

  /** Redemptions of a grant that may not be in the cache yet. */
  redemptions(uid: string): number {
    return this.records.count(uid);
  }

  /** Removes the grants of a namespace that ended long ago. */
  async removeEnded(observed: Observed, remove: (name: string) => Promise<void>): Promise<void> {
    for (const name of endedGrants(observed)) await remove(name);
  }

  private async start(credentials: KeyPair): Promise<void> {
    const { settings, clock, log, tracer } = this.parts;
    const { port } = settings.grantServer;
    const server = new GrantServer(
      {
        store: this.records,
        issue: (grant, request) => this.issue(grant, request),
        clock,
        log,
        onReport: (report) => this.report(report),
        tracer,
      },
      { host: '', port, credentials },
      {
        issuersOf: async (siteId) => this.issuersOf(siteId),
        refusalOf: (siteId, peer) => incomingRefusal(this.parts.observe(this.parts.namespaceOf(siteId) ?? ''), peer),
        note: (siteId, issuer, changes) => this.note(this.parts.namespaceOf(siteId)!, issuer.secret, changes),
        urls: (siteId) => this.urls.map((url) => url + RENEW_PATH + encodeURIComponent(siteId)),
        serverCa: () => this.ca,
        clock,
        log,
        validMs: LINK_VALID_MS,
        onRenewed: (siteId, client) => this.renewed(siteId, client),
      },
    );
    await server.start();
    this.server = server;
    log.info({ port: server.port }, 'redemption server started');
  }

  private async issue({ uid }: GrantState, request: IssueRequest): Promise<readonly Resource[]> {
    const { observe, clock } = this.parts;
    const found = this.records.known(uid);
    const observed = observe(found?.namespace ?? '');
    const lookup = (name: string) => secretOf(observed, name);
    const issued = issueForGrant(observed, lookup, found?.grant, request, clock.wall());
    const { resources, secret, notes, doubt } = issued;
    if (doubt !== undefined && found !== undefined) {
      const message = `The certificate for ${request.subject} names no site: ${doubt}`;
      this.parts.onEvent({ about: found.grant, type: 'Warning', reason: 'SiteUnproven', message });
    }
    if (notes !== undefined) await this.note(observed.namespace, secret, notes);
    return resources;
  }

  private async note(
    namespace: string,
    secret: Secret,
    changes: Readonly<Record<string, string | null>>,
  ): Promise<void> {
    // A CA that a user gave is not rolled over here, and its Secret is not ours to write.
    if (!isControlledSecret(secret)) return;
    await this.parts.api.annotate('Secret', namespace, secret.metadata.name, changes);
  }

  private issuersOf(siteId: string): RenewalIssuer[] | undefined {
    const namespace = this.parts.namespaceOf(siteId);
    if (namespace === undefined) return undefined;
    const observed = this.parts.observe(namespace);
    return linkIssuers(observed, (name) => secretOf(observed, name), observed.now);
  }

  private report({ uid, outcome, remote, subject, detail }: RedemptionReport): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    const grant = this.records.known(uid)?.grant;
    const text = TEXTS[outcome];
    if (grant === undefined || text === undefined) return;
    const type = outcome === 'redeemed' ? 'Normal' : 'Warning';
    const message = `${text} site ${subject} at ${remote}${detail === undefined ? '' : `: ${detail}`}`;
    this.parts.onEvent({ about: grant, type, reason: type === 'Normal' ? 'Redeemed' : 'RedemptionRefused', message });
  }

  private renewed(siteId: string, { site, name, remote }: { site: string; name: string; remote: string }): void {
    this.renewalCount += 1;
    const observed = this.parts.observe(this.parts.namespaceOf(siteId) ?? '');
    const about = ofKind(observed, 'Site').find(({ metadata }) => metadata.uid === siteId);
    if (about === undefined) return;
    const message = `Certificate of link ${name} renewed for site ${site} at ${remote}`;
    this.parts.onEvent({ about, type: 'Normal', reason: 'LinkRenewed', message });
  }
}

/** What an Event says before who asked; the others are not worth one, or there would be too many. */
const TEXTS: Partial<Record<RedemptionOutcome, string>> = {
  redeemed: 'Redeemed by',
  'wrong code': 'Wrong code from',
  'used up': 'Used up, asked for by',
  expired: 'Expired, asked for by',
  failed: 'Cannot be redeemed by',
};

function secretOf(observed: Observed, name: string): Secret | undefined {
  const secret = observed.resources.get(`Secret/${name}`);
  return secret?.kind === 'Secret' ? secret : undefined;
}
