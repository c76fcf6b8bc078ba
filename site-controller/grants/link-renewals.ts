/**
 * Keeps the certificates of redeemed links good: asks each issuer twice a day what to trust, at once when a link fails for its
 * certificate, again soon after something changed, and for the next certificate when the present one has lived two thirds.
 */
import type { Link } from '../../config/api/link.ts';
import type { Secret } from '../../config/api/secret.ts';
import { secretText } from '../../config/api/secret-text.ts';
import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { AssertionError, messageOf } from '../../lib/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import { NO_TRACER, type Tracer } from '../../lib/trace/tracer.ts';
import { credentialsOf, isOperational, proxyOf } from '../reconcile/link/plan.ts';
import { type Observed, ofKind } from '../reconcile/observed.ts';
import { proxyFrom } from './post.ts';
import { isRenewable, renewalTimeOf, renewLink } from './renew.ts';

const HOUR_MS = 60 * 60 * 1000;
export const RENEWAL_INTERVAL_MS = 12 * HOUR_MS;
/** After a start, so that many sites that started together do not ask together. */
const FIRST_WITHIN_MS = 5 * 60 * 1000;
/** What was just learnt is confirmed: the issuer waits for that. */
const CONFIRM_MS = 30_000;
const HURRY_MS = 30_000;
const BACKOFF = { initialMs: 30_000, maxMs: HOUR_MS };
/** Annotation of a Link: a value that was not there before asks its issuer at once. */
const RENEW_ANNOTATION = 'skuprt.io/renew';

/** What the router says of a link that fails for a certificate, ours or theirs. */
const CERTIFICATE_TROUBLE =
  /certificate|CERT|alert|signature|issuer|self.signed|closed the connection before it was open/i;

export interface LinkRenewalsParts {
  /** Keeps a renewed Secret, if the one that it came from (its resourceVersion) is still there. */
  keep(namespace: string, secret: Secret): Promise<void>;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Each is a span, of the look in which it was due. */
  tracer?: Tracer;
  intervalMs?: number;
  onRenewed?: (namespace: string, link: Link | undefined, secret: Secret) => void;
  onFailed?: (namespace: string, link: Link | undefined, message: string) => void;
}

interface Plan {
  /** Wall-clock milliseconds. */
  nextAt: number;
  lastAt: number;
  backoff: Backoff;
  /** RENEW_ANNOTATION as it was last obeyed. */
  asked: string | undefined;
  running: boolean;
}

export class LinkRenewals {
  private readonly parts: LinkRenewalsParts;
  private readonly plans = new Map<string, Plan>();
  private readonly running = new Set<Promise<void>>();

  constructor(parts: LinkRenewalsParts) {
    this.parts = parts;
  }

  /** Begins what is due in a namespace. Answers when the next is, in wall-clock milliseconds. */
  start(observed: Observed, signal: AbortSignal): number {
    const links = ofKind(observed, 'Link');
    const prefix = `${observed.namespace}/`;
    const living = new Set<string>();
    let nextAt = Infinity;
    for (const secret of ofKind(observed, 'Secret')) {
      const link = links.find((candidate) => credentialsOf(candidate) === secret.metadata.name);
      if (link === undefined || !isRenewable(secret)) continue;
      const key = prefix + secret.metadata.name;
      living.add(key);
      const plan = this.planOf(key, secret, link, observed);
      if (!plan.running && plan.nextAt <= observed.now && !signal.aborted)
        this.begin(plan, secret, link, observed, signal);
      nextAt = Math.min(nextAt, plan.nextAt);
    }
    for (const key of this.plans.keys()) if (key.startsWith(prefix) && !living.has(key)) this.plans.delete(key);
    return nextAt;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.running);
  }

  private planOf(key: string, secret: Secret, link: Link, observed: Observed): Plan {
    const { random } = this.parts;
    const { now } = observed;
    const known = this.plans.get(key);
    const asked = link.metadata.annotations?.[RENEW_ANNOTATION];
    const plan = known ?? {
      nextAt: now + random.next() * FIRST_WITHIN_MS,
      lastAt: -Infinity,
      backoff: new Backoff(random, BACKOFF),
      asked: undefined,
      running: false,
    };
    this.plans.set(key, plan);
    if (plan.running) return plan;
    const isAsked = asked !== undefined && asked !== plan.asked;
    // The annotation of an earlier run says nothing new.
    plan.asked = asked;
    if (isAsked && known !== undefined) plan.nextAt = now;
    if (isInTrouble(observed, link)) plan.nextAt = Math.min(plan.nextAt, Math.max(now, plan.lastAt + HURRY_MS));
    if (plan.backoff.attemptCount === 0) plan.nextAt = Math.min(plan.nextAt, renewalTimeOf(secret));
    return plan;
  }

  private begin(plan: Plan, secret: Secret, link: Link, observed: Observed, signal: AbortSignal): void {
    plan.running = true;
    plan.lastAt = observed.now;
    plan.nextAt = Infinity;
    const { tracer = NO_TRACER } = this.parts;
    const attributes = { 'k8s.namespace.name': observed.namespace, 'skuprt.link': secret.metadata.name };
    const renew = () => this.renew(plan, secret, link, observed, signal);
    const work = tracer.span('renew link', { attributes }, renew).finally(() => {
      plan.running = false;
      this.running.delete(work);
    });
    this.running.add(work);
  }

  private async renew(plan: Plan, secret: Secret, link: Link, observed: Observed, signal: AbortSignal): Promise<void> {
    const { clock, random, log, keep, tracer, intervalMs = RENEWAL_INTERVAL_MS, onRenewed, onFailed } = this.parts;
    const { namespace } = observed;
    const { name } = secret.metadata;
    try {
      const proxy = proxyOfLink(observed, link);
      const after = await renewLink(secret, { now: clock.wall(), proxy, signal, tracer });
      tracer?.set({ 'skuprt.renewed': after !== undefined });
      if (after !== undefined) {
        await keep(namespace, after);
        log.info({ namespace, siteLink: name }, 'link credentials renewed');
        onRenewed?.(namespace, link, after);
      }
      plan.backoff.reset();
      plan.nextAt = clock.wall() + (after === undefined ? intervalMs * (0.9 + random.next() / 5) : CONFIRM_MS);
    } catch (err) {
      if (err instanceof AssertionError) throw err;
      plan.nextAt = clock.wall() + plan.backoff.nextMs();
      tracer?.fail(messageOf(err));
      if (signal.aborted) return;
      log.warn({ namespace, siteLink: name, err }, 'link credentials not renewed');
      if (plan.backoff.attemptCount === 1) onFailed?.(namespace, link, messageOf(err));
    }
  }
}

function isInTrouble(observed: Observed, link: Link): boolean {
  if (isOperational(observed, link)) return false;
  return CERTIFICATE_TROUBLE.test(observed.router?.connectors.get(link.metadata.name)?.message ?? '');
}

function proxyOfLink({ resources }: Observed, link: Link) {
  const name = proxyOf(link);
  const secret = name === undefined ? undefined : resources.get(`Secret/${name}`);
  return secret?.kind === 'Secret' ? proxyFrom(secretText(secret)) : undefined;
}
