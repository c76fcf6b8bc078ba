/**
 * Redeems AccessTokens of a local site in the background: the Secret and Links it gets become generated resources.
 *
 * A certificate request is kept on disk until its token is redeemed, so that a try that was cut off, even by a crash, is repeated and
 * not counted twice by the issuer.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccessToken } from '../../../config/api/access-token.ts';
import type { Resource } from '../../../config/api/index.ts';
import type { Site } from '../../../config/api/site.ts';
import { CONTROLLED_LABEL, REDEEMED_FROM_ANNOTATION } from '../../../config/names.ts';
import type { Clock } from '../../../lib/clock.ts';
import { readIfExists, writeFileAtomic } from '../../../lib/files.ts';
import type { Logger } from '../../../lib/log.ts';
import { NO_TRACER, type Tracer } from '../../../lib/trace/tracer.ts';
import { attemptAfter } from '../../grants/attempt.ts';
import { TokenNameTakenError } from '../../grants/errors.ts';
import { redeemToken } from '../../grants/redeem.ts';
import { renewalNotes } from '../../grants/renew.ts';
import { readMachineId, TOKEN } from '../../grants/token.ts';
import type { KeyPair } from '../../pki/authority.ts';
import { type CertificateRequest, createRequest } from '../../pki/request.ts';
import type { Attempt } from '../../reconcile/accesstoken/plan.ts';
import { siteIdOf } from '../../reconcile/site/identity.ts';
import type { ResourceStore } from '../../store.ts';

const RETRY_MS = 5000;

export interface TokenRedeemerParts {
  store: ResourceStore;
  /** Directory for requests under way. */
  directory: string;
  clock: Clock;
  log: Logger;
  /** The site's own CA, where it has a key. */
  siteCa?: () => Promise<KeyPair | undefined>;
  /** Each try is a span, of the pass in which it began. */
  tracer?: Tracer;
  /** Called after each try. */
  onDone: () => void;
}

export class TokenRedeemer {
  private readonly parts: TokenRedeemerParts;
  private readonly running = new Map<string, Promise<void>>();
  /** Failed tries by token name. */
  readonly attempts = new Map<string, Attempt>();

  constructor(parts: TokenRedeemerParts) {
    this.parts = parts;
  }

  /** Begins to redeem the tokens that are not being redeemed already. */
  start(tokens: readonly AccessToken[], site: Site, signal: AbortSignal): void {
    for (const token of tokens) {
      const { name } = token.metadata;
      if (this.running.has(name)) continue;
      const { tracer = NO_TRACER } = this.parts;
      const redeem = () => this.redeem(token, site, signal);
      const work = tracer.span('redeem token', { attributes: { 'skuprt.token': name } }, redeem).finally(() => {
        this.running.delete(name);
        this.parts.onDone();
      });
      this.running.set(name, work);
    }
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.running.values());
  }

  private async redeem(token: AccessToken, site: Site, signal: AbortSignal): Promise<void> {
    const { store, clock, log, tracer } = this.parts;
    const { name } = token.metadata;
    const subject = siteIdOf(site);
    try {
      await this.requireFree(token);
      const request = await this.requestFor(token, subject);
      const machineId = await readMachineId();
      const { secret, links } = await redeemToken(token, {
        subject,
        siteName: site.metadata.name,
        now: clock.wall(),
        machineId,
        request,
        siteCa: await this.parts.siteCa?.(),
        signal,
        tracer,
      });
      await store.apply(generated(secret, name, renewalNotes(token, machineId)));
      for (const link of links) await store.apply(generated(link, name));
      await store.patchStatus('AccessToken', name, { redeemed: true });
      await rm(this.requestFile(token), { force: true });
      this.attempts.delete(name);
      log.info({ name, links: links.map((link) => link.metadata.name) }, 'token redeemed');
    } catch (error) {
      if (signal.aborted) return;
      const last = this.attempts.get(name);
      const attempt = attemptAfter(error, { token, now: clock.wall(), waitMs: RETRY_MS, last });
      this.attempts.set(name, attempt);
      log.warn({ name, err: error }, 'token not redeemed');
      tracer?.fail(attempt.message);
    }
  }

  /** The token's name goes to a Secret and Links: those of others are not replaced. */
  private async requireFree({ metadata: { name } }: AccessToken): Promise<void> {
    for (const kind of ['Secret', 'Link'] as const) {
      const found = await this.parts.store.get(kind, name);
      if (found !== undefined && found.metadata.annotations?.[REDEEMED_FROM_ANNOTATION] !== name) {
        throw new TokenNameTakenError(kind, name);
      }
    }
  }

  private async requestFor(token: AccessToken, siteId: string): Promise<CertificateRequest | undefined> {
    if (token.metadata.annotations?.[TOKEN.csr] !== 'true') return undefined;
    const file = this.requestFile(token);
    const kept = await readIfExists(file);
    if (kept !== undefined) return JSON.parse(kept) as CertificateRequest;
    const request = createRequest({ subject: siteId });
    await writeFileAtomic(file, JSON.stringify(request), { mode: 0o600 });
    return request;
  }

  private requestFile({ metadata }: AccessToken): string {
    return join(this.parts.directory, `${metadata.name}-${metadata.uid}.json`);
  }
}

function generated<R extends Resource>(resource: R, token: string, notes: Record<string, string> = {}): R {
  const labels = { [CONTROLLED_LABEL]: 'true' };
  const annotations = { [REDEEMED_FROM_ANNOTATION]: token, ...notes };
  return { ...resource, metadata: { ...resource.metadata, labels, annotations } };
}
