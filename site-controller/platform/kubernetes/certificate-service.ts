/** Writes the Secrets of the Certificates of a namespace. What to write is decided in reconcile/certificate. */
import type { Certificate } from '../../../config/api/certificate.ts';
import type { Secret } from '../../../config/api/secret.ts';
import { LAG_MAX_MS } from '../../../lib/kube/apply.ts';
import { type KubeObject, type OwnerReference, ownerReference } from '../../../lib/kube/object.ts';
import type { Logger } from '../../../lib/log.ts';
import { isClientNote } from '../../grants/clients.ts';
import { isControlledSecret } from '../../pki/secret.ts';
import { planCertificateSecrets, type SecretsInput, staleSecrets } from '../../reconcile/certificate/issue.ts';
import { nextCertificateWork, secretsInput } from '../../reconcile/certificate/plan.ts';
import type { Observed } from '../../reconcile/observed.ts';
import type { EventWant } from './status-events.ts';

export interface CertificateServiceParts {
  /**
   * Server-side apply of a whole Secret. With a resourceVersion only over that very one, without only where there is none: an answer
   * of 409 means that the pass saw an old state, and is to be thrown.
   */
  keep(secret: KubeObject): Promise<void>;
  remove(namespace: string, secretName: string): Promise<void>;
  log: Logger;
  onEvent: (event: EventWant) => void;
}

/** A Secret that was written and that the cache does not show yet. */
interface Unseen {
  secret: Secret;
  /** Of the one that it replaced, which the cache shows still; undefined where there was none. */
  before: string | undefined;
  /** When it is asked for again, since it may be gone by now; wall-clock milliseconds. */
  until: number;
}

export class CertificateService {
  private readonly parts: CertificateServiceParts;
  /** What the last look at a namespace was about, and until when it holds. */
  private readonly looks = new Map<string, { state: string; until: number }>();
  /** By namespace, then by name. */
  private readonly unseen = new Map<string, Map<string, Unseen>>();

  constructor(parts: CertificateServiceParts) {
    this.parts = parts;
  }

  /** Answers when there is more to do though nothing changes, in wall-clock milliseconds. */
  async issue(observed: Observed): Promise<number> {
    const input = secretsInput(observed);
    const state = stateOf(input);
    const look = this.looks.get(observed.namespace);
    if (look?.state === state && observed.now < look.until) return look.until;
    const unseen = this.unseenOf(observed.namespace, input);
    const isDone = await this.write(observed.namespace, input, unseen);
    const until = Math.min(nextCertificateWork(input), ...[...unseen.values()].map((written) => written.until));
    // What was written comes back as another state.
    if (isDone) this.looks.set(observed.namespace, { state, until });
    return until;
  }

  forget(namespace: string): void {
    this.looks.delete(namespace);
    this.unseen.delete(namespace);
  }

  /** To be told of each Secret that is gone, so that it is made again. */
  forgetSecret(namespace: string, name: string): void {
    this.unseen.get(namespace)?.delete(name);
  }

  /** Those that the cache does not show yet. */
  private unseenOf(namespace: string, { secrets, now }: SecretsInput): Map<string, Unseen> {
    const unseen = this.unseen.get(namespace) ?? new Map<string, Unseen>();
    this.unseen.set(namespace, unseen);
    for (const [name, { before, until }] of unseen) {
      if (now >= until || secrets.get(name)?.metadata.resourceVersion !== before) unseen.delete(name);
    }
    return unseen;
  }

  /** Whether nothing was left undone. */
  private async write(namespace: string, input: SecretsInput, unseen: Map<string, Unseen>): Promise<boolean> {
    const written = [...unseen].map(([name, { secret }]): [string, Secret] => [name, secret]);
    const known = { ...input, secrets: new Map([...input.secrets, ...written]) };
    // In order: what is signed is of no use without the CA that signed it.
    for (const { secret, reason } of [...planCertificateSecrets(known), ...toAdopt(known)]) {
      // What is to be replaced once more has to be seen first.
      if (unseen.has(secret.metadata.name)) return false;
      const kept = await this.keep(namespace, secret, reason, input.certificates);
      if (kept === undefined) return false;
      const before = secret.metadata.resourceVersion;
      unseen.set(secret.metadata.name, { secret: kept, before, until: input.now + LAG_MAX_MS });
    }
    for (const name of staleSecrets(input.certificates, known.secrets.values())) {
      await this.parts.remove(namespace, name);
      unseen.delete(name);
    }
    return true;
  }

  /** The Secret as it was written; undefined when it was not. */
  private async keep(
    namespace: string,
    secret: Secret,
    reason: string,
    certificates: readonly Certificate[],
  ): Promise<Secret | undefined> {
    const { keep, log, onEvent } = this.parts;
    const { name } = secret.metadata;
    const certificate = certificates.find(({ metadata }) => metadata.name === name)!;
    const ownerReferences = ownersOf(certificate);
    const whole = { ...secret, metadata: { ...secret.metadata, namespace, ownerReferences } };
    try {
      await keep(whole as unknown as KubeObject);
    } catch (err) {
      // The next pass sees what is there now.
      log.warn({ err, namespace, name }, 'certificate not kept');
      return undefined;
    }
    log.info({ namespace, name, reason }, 'certificate made');
    const isNew = secret.metadata.resourceVersion === undefined;
    if (!isNew)
      onEvent({ about: certificate, type: 'Normal', reason: 'Renewed', message: `Secret ${name}: ${reason}` });
    return whole;
  }
}

/** Changes with anything that the plan looks at, but for the time. */
function stateOf({ certificates, secrets, siteId, routers }: SecretsInput): string {
  const seen = [...certificates, ...secrets.values()].map(({ kind, metadata }) => [
    kind,
    metadata.name,
    metadata.resourceVersion,
  ]);
  return JSON.stringify([siteId, [...routers], seen]);
}

/** Secrets of a Site that is gone, before the garbage collector comes for them. */
function toAdopt({ certificates, secrets }: SecretsInput): { secret: Secret; reason: string }[] {
  return certificates.flatMap((certificate) => {
    const secret = secrets.get(certificate.metadata.name);
    if (secret === undefined || !isControlledSecret(secret)) return [];
    const owners = new Set(secret.metadata.ownerReferences?.map(({ uid }) => uid));
    const isOwned = ownersOf(certificate).every(({ uid }) => owners.has(uid));
    return isOwned ? [] : [{ secret: withoutNotes(secret), reason: 'its owner is another' }];
  });
}

/** Of its metadata what this controller writes: the notes of clients are written, and kept, apart. */
function withoutNotes(secret: Secret): Secret {
  const { name, labels, annotations = {}, resourceVersion } = secret.metadata;
  const own = Object.fromEntries(Object.entries(annotations).filter(([key]) => !isClientNote(key)));
  return { ...secret, metadata: { name, labels, annotations: own, resourceVersion } };
}

/** The Secret goes when the Certificate's own owner goes; that of a user's Certificate goes with it. */
function ownersOf(certificate: Certificate): OwnerReference[] {
  const owners = certificate.metadata.ownerReferences ?? [];
  return owners.length > 0 ? owners : [ownerReference(certificate as unknown as KubeObject)];
}
