/** Runs the redemption server of a local site as long as there is a port and a certificate for it, with the certificate of now. */
import { join } from 'node:path';
import type { Resource } from '../../../config/api/index.ts';
import type { LinkEndpoint } from '../../../config/api/link.ts';
import type { Clock } from '../../../lib/clock.ts';
import { readIfExists } from '../../../lib/files.ts';
import type { Logger } from '../../../lib/log.ts';
import { issueLinks } from '../../grants/issue.ts';
import type { IssueRequest } from '../../grants/protocol.ts';
import { GrantServer, GrantServerListenError } from '../../grants/server.ts';
import type { GrantState } from '../../grants/store.ts';
import { CREDENTIAL } from '../../names.ts';
import { CaUnusableError } from '../../pki/errors.ts';
import { issuerOf } from '../../reconcile/accessgrant/issuer.ts';
import { linkEndpoints } from '../../reconcile/accessgrant/plan.ts';
import { LINK_VALID_MS } from '../../reconcile/certificate/validity.ts';
import { type Observed, ofKind } from '../../reconcile/observed.ts';
import { keyPairOf } from './credentials.ts';
import type { GrantFiles } from './grant-store.ts';

const LOOPBACK = '127.0.0.1';

export interface RedemptionServerParts {
  grants: GrantFiles;
  clock: Clock;
  log: Logger;
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
    this.urls = this.server === undefined ? [] : reachable.map((name) => `https://${bracketed(name)}:${port}`);
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
    const { grants, clock, log } = this.parts;
    const issue = (grant: GrantState, request: IssueRequest) => this.issue(grant, request);
    const server = new GrantServer({ store: grants, issue, clock, log }, { host, port, credentials });
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
    const observed = this.observed!;
    const grant = ofKind(observed, 'AccessGrant').find(({ metadata }) => metadata.uid === state.uid);
    const name = issuerOf(observed, grant);
    const credential = observed.credentials.get(name);
    const ca = credential && (await keyPairOf(credential));
    if (credential === undefined || ca === undefined) {
      throw new CaUnusableError('Could not get issuer for requested certificate', { next: `Give the CA "${name}"` });
    }
    const trust = (await readIfExists(join(credential.directory, 'ca.crt'))) ?? ca.certificate;
    const endpoints = linkEndpoints(observed) as LinkEndpoint[];
    return issueLinks({ ca, trust, endpoints, validMs: LINK_VALID_MS, now: this.parts.clock.wall() }, request);
  }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
