/**
 * Redeems AccessTokens of all namespaces in the background, several at a time: the Secret and Links it gets belong to the Site.
 *
 * The key of a certificate request is kept in a Secret until its token is redeemed, so that a try that was cut off, even by a crash, is
 * repeated by whoever leads next and not counted twice by the issuer. Only the leader runs this.
 */
import type { AccessToken } from '../../../config/api/access-token.ts';
import type { Resource } from '../../../config/api/index.ts';
import type { Secret } from '../../../config/api/secret.ts';
import { secretText } from '../../../config/api/secret-text.ts';
import type { Site } from '../../../config/api/site.ts';
import { CONTROLLED_LABEL, CREDENTIAL, REDEEMED_FROM_ANNOTATION, SETTING } from '../../../config/names.ts';
import { Backoff } from '../../../lib/backoff.ts';
import type { Clock } from '../../../lib/clock.ts';
import { AssertionError } from '../../../lib/errors.ts';
import { type KubeObject, ownerReference } from '../../../lib/kube/object.ts';
import type { Logger } from '../../../lib/log.ts';
import type { Random } from '../../../lib/random.ts';
import type { TraceContext } from '../../../lib/trace/context.ts';
import { NO_TRACER, type Tracer } from '../../../lib/trace/tracer.ts';
import { attemptAfter } from '../../grants/attempt.ts';
import { TokenNameTakenError, TokenTriedTooOftenError } from '../../grants/errors.ts';
import { type HttpProxy, proxyFrom } from '../../grants/post.ts';
import { redeemToken } from '../../grants/redeem.ts';
import { renewalNotes } from '../../grants/renew.ts';
import { TOKEN } from '../../grants/token.ts';
import { type CertificateRequest, createRequest } from '../../pki/request.ts';
import { type Attempt, tokensDue } from '../../reconcile/accesstoken/plan.ts';
import type { Observed } from '../../reconcile/observed.ts';
import { settingOf, siteIdOf } from '../../reconcile/site/identity.ts';
import { keyPairOf } from './credentials.ts';
import type { EventWant } from './status-events.ts';

const CONCURRENT_MAX = 16;
const BACKOFF = { initialMs: 2000, maxMs: 5 * 60 * 1000 };
const REQUEST_SUFFIX = '-request';

export interface TokenApi {
  /** From the API server, not from a cache. */
  read(kind: 'Secret' | 'Link' | 'AccessToken', namespace: string, name: string): Promise<Resource | undefined>;
  /** Server-side apply. */
  apply(object: KubeObject): Promise<void>;
  /** Nothing happens when there is none. */
  remove(kind: 'Secret', namespace: string, name: string): Promise<void>;
  /** Merge patch of the status: `redeemed: true`. */
  markRedeemed(namespace: string, name: string): Promise<void>;
}

export interface TokenServiceParts {
  api: TokenApi;
  clock: Clock;
  random: Random;
  log: Logger;
  onEvent: (event: EventWant) => void;
  /** Called after each try: a pass over the namespace should follow. */
  onDone: (namespace: string) => void;
  /** Each try is a span, of the look in which it was due. */
  tracer?: Tracer;
  concurrentMax?: number;
}

interface Work {
  observed: Observed;
  site: Site;
  token: AccessToken;
  signal: AbortSignal;
  context: TraceContext | undefined;
}

export class TokenService {
  private readonly parts: TokenServiceParts;
  /** By namespace, then by the name of the token. */
  private readonly failed = new Map<string, Map<string, Attempt>>();
  private readonly backoffs = new Map<string, Backoff>();
  private readonly queue: Work[] = [];
  /** Keys of tokens that wait or are being redeemed. */
  private readonly taken = new Set<string>();
  private readonly running = new Set<Promise<void>>();

  constructor(parts: TokenServiceParts) {
    this.parts = parts;
  }

  /** Failed tries of the tokens of a namespace, by name. */
  attempts(namespace: string): ReadonlyMap<string, Attempt> {
    return this.failed.get(namespace) ?? new Map();
  }

  /** Begins to redeem the tokens of a namespace that are due and not being redeemed already. */
  start(observed: Observed, site: Site, signal: AbortSignal): void {
    this.forget(observed);
    const { context } = this.parts.tracer ?? NO_TRACER;
    for (const token of tokensDue(observed, this.attempts(observed.namespace))) {
      const key = keyOf(observed.namespace, token);
      if (this.taken.has(key)) continue;
      this.taken.add(key);
      this.queue.push({ observed, site, token, signal, context });
    }
    this.fill();
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }

  private fill(): void {
    const { concurrentMax = CONCURRENT_MAX } = this.parts;
    while (this.running.size < concurrentMax) {
      const work = this.queue.shift();
      if (work === undefined) return;
      const done = this.run(work).finally(() => {
        this.running.delete(done);
        this.fill();
      });
      this.running.add(done);
    }
  }

  private async run(work: Work): Promise<void> {
    const { observed, token, signal } = work;
    const { namespace } = observed;
    const { tracer = NO_TRACER } = this.parts;
    const attributes = { 'k8s.namespace.name': namespace, 'skuprt.token': token.metadata.name };
    const key = keyOf(namespace, token);
    try {
      if (!signal.aborted) {
        await tracer.span('redeem token', { attributes, cause: work }, () => this.redeem(work));
      }
      this.failed.get(namespace)?.delete(token.metadata.name);
      this.backoffs.delete(key);
    } catch (error) {
      if (error instanceof AssertionError) throw error;
      if (!signal.aborted) this.noteFailure(work, error);
    } finally {
      this.taken.delete(key);
      if (!signal.aborted) this.parts.onDone(namespace);
    }
  }

  private async redeem({ observed, site, token, signal }: Work): Promise<void> {
    const { api, clock, log, tracer, onEvent } = this.parts;
    const { namespace } = observed;
    const { name, uid } = token.metadata;
    const live = await api.read('AccessToken', namespace, name);
    // What the pass saw may be of yesterday: the token was redeemed since, or is another.
    if (live?.kind !== 'AccessToken' || live.metadata.uid !== uid || live.status?.redeemed) return;
    await this.requireFree(namespace, name);
    const subject = siteIdOf(site);
    const request = await this.requestFor(namespace, token, subject);
    const proxy = proxyOf(observed, token);
    const siteCa = keyPairOf(observed.credentials.get(CREDENTIAL.siteCa));
    const siteName = site.metadata.name;
    const options = { subject, siteName, now: clock.wall(), request, proxy, siteCa, signal, tracer };
    const { secret, links } = await redeemToken(token, options);
    const proxied = settingOf(token, SETTING.proxy);
    await api.apply(made(secret, namespace, site, name, renewalNotes(token)));
    for (const link of links) {
      const spec = proxied === undefined ? link.spec : { ...link.spec, settings: { [SETTING.proxy]: proxied } };
      await api.apply(made({ ...link, spec }, namespace, site, name));
    }
    await api.markRedeemed(namespace, name);
    await api.remove('Secret', namespace, name + REQUEST_SUFFIX);
    const names = links.map((link) => link.metadata.name);
    log.info({ namespace, name, links: names }, 'token redeemed');
    onEvent({ about: token, type: 'Normal', reason: 'LinkCreated', message: `Redeemed for ${names.join(', ')}` });
  }

  private noteFailure({ observed, token }: Work, error: unknown): void {
    const { clock, random, log, onEvent } = this.parts;
    const { namespace } = observed;
    const { name } = token.metadata;
    const key = keyOf(namespace, token);
    const backoff = this.backoffs.get(key) ?? new Backoff(random, BACKOFF);
    this.backoffs.set(key, backoff);
    const waitMs = Math.max(backoff.nextMs(), error instanceof TokenTriedTooOftenError ? error.retryAfterMs : 0);
    const attempts = this.failed.get(namespace) ?? new Map<string, Attempt>();
    const last = attempts.get(name);
    const attempt = attemptAfter(error, { token, now: clock.wall(), waitMs, last });
    attempts.set(name, attempt);
    this.failed.set(namespace, attempts);
    log.warn({ namespace, name, err: error }, 'token not redeemed');
    const { message } = attempt;
    if (last?.message !== message) onEvent({ about: token, type: 'Warning', reason: 'RedemptionFailed', message });
  }

  /** The token's name goes to a Secret and Links: those of others are not replaced. */
  private async requireFree(namespace: string, name: string): Promise<void> {
    for (const kind of ['Secret', 'Link'] as const) {
      const found = await this.parts.api.read(kind, namespace, name);
      if (found !== undefined && found.metadata.annotations?.[REDEEMED_FROM_ANNOTATION] !== name) {
        throw new TokenNameTakenError(kind, name);
      }
    }
  }

  private async requestFor(
    namespace: string,
    token: AccessToken,
    subject: string,
  ): Promise<CertificateRequest | undefined> {
    if (token.metadata.annotations?.[TOKEN.csr] !== 'true') return undefined;
    const { api } = this.parts;
    const name = token.metadata.name + REQUEST_SUFFIX;
    const kept = await api.read('Secret', namespace, name);
    if (kept?.kind === 'Secret' && kept.metadata.annotations?.[REDEEMED_FROM_ANNOTATION] === token.metadata.uid) {
      const { csr, privateKey } = secretText(kept);
      if (csr !== undefined && privateKey !== undefined) return { csr, privateKey };
    }
    const isForeign = kept !== undefined && kept.metadata.labels?.[CONTROLLED_LABEL] !== 'true';
    if (isForeign) throw new TokenNameTakenError('Secret', name);
    const request = createRequest({ subject });
    await api.apply(requestSecret(name, namespace, token, request));
    return request;
  }

  /** Tokens that are gone take their failures with them. */
  private forget({ namespace, resources }: Observed): void {
    const attempts = this.failed.get(namespace);
    for (const name of attempts?.keys() ?? []) if (!resources.has(`AccessToken/${name}`)) attempts!.delete(name);
    if (attempts?.size === 0) this.failed.delete(namespace);
  }
}

function keyOf(namespace: string, { metadata }: AccessToken): string {
  return `${namespace}/${metadata.name}/${metadata.uid}`;
}

/** @throws Error when the Secret of its proxy is not there: without it nothing is asked of the network. */
function proxyOf({ resources }: Observed, token: AccessToken): HttpProxy | undefined {
  const name = settingOf(token, SETTING.proxy);
  if (name === undefined) return undefined;
  const secret = resources.get(`Secret/${name}`);
  const proxy = secret?.kind === 'Secret' ? proxyFrom(secretText(secret)) : undefined;
  if (proxy === undefined) throw new Error(`Proxy secret "${name}" not found, or without host and port`);
  return proxy;
}

function made(
  resource: Resource,
  namespace: string,
  site: Site,
  token: string,
  notes: Record<string, string> = {},
): KubeObject {
  return {
    ...resource,
    metadata: {
      name: resource.metadata.name,
      namespace,
      labels: { [CONTROLLED_LABEL]: 'true' },
      annotations: { [REDEEMED_FROM_ANNOTATION]: token, ...notes },
      ownerReferences: [ownerReference(site as unknown as KubeObject)],
    },
  } as unknown as KubeObject;
}

/** Goes with the token, should nothing else remove it. */
function requestSecret(
  name: string,
  namespace: string,
  token: AccessToken,
  { csr, privateKey }: CertificateRequest,
): KubeObject {
  const secret: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace,
      labels: { [CONTROLLED_LABEL]: 'true' },
      annotations: { [REDEEMED_FROM_ANNOTATION]: token.metadata.uid ?? '' },
      ownerReferences: [ownerReference(token as unknown as KubeObject)],
    },
    type: 'Opaque',
    data: { csr: Buffer.from(csr).toString('base64'), privateKey: Buffer.from(privateKey).toString('base64') },
  };
  return secret as unknown as KubeObject;
}
