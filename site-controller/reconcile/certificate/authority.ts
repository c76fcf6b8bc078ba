/** A CA's Secret through its life: made, joined by its successor, replaced by it. The steps are decided in rollover.ts. */
import type { Certificate } from '../../../config/api/certificate.ts';
import { parseDurationMs } from '../../../config/api/duration.ts';
import type { Secret } from '../../../config/api/secret.ts';
import { secretText } from '../../../config/api/secret-text.ts';
import { clientsOf } from '../../grants/clients.ts';
import { createCa, type KeyPair } from '../../pki/authority.ts';
import { joinBundles } from '../../pki/bundle.ts';
import { factsOf, fingerprintsOf, inspectCertificate, isIssuedBy, splitBundle } from '../../pki/inspect.ts';
import { isControlledSecret, tlsMaterialOf, tlsSecret } from '../../pki/secret.ts';
import type { SecretsInput } from './issue.ts';
import {
  type CaStep,
  type CaView,
  caStep,
  PHASES,
  ROLLOVER_WAIT_SETTING,
  ROTATE_ANNOTATION,
  ROTATE_DEADLINE_ANNOTATION,
  type Rollover,
} from './rollover.ts';
import { validityMs } from './validity.ts';

/** Annotations of the Secret of a CA. */
const ROLLOVER_ANNOTATION = 'skuprt.io/rollover';
const ROTATED_ANNOTATION = 'skuprt.io/rotated';
/** Beside its own: the certificate and key of its successor. */
const NEXT = { certificate: 'next.crt', privateKey: 'next.key' } as const;

const REPAIR = 'its bundle lacks it';

/** All that such a Secret holds. */
interface Authority {
  pair: KeyPair;
  next: KeyPair | undefined;
  bundle: string;
  rollover: Rollover | undefined;
  rotated: string | undefined;
}

/** A new CA. */
export function createCaSecret(certificate: Certificate, now: number): Secret {
  const pair = newCa(certificate, now);
  const rotated = certificate.metadata.annotations?.[ROTATE_ANNOTATION];
  return secretOf(certificate, { pair, next: undefined, bundle: pair.certificate, rollover: undefined, rotated });
}

/** The next step of a CA that is there, undefined when none is due. */
export function advanceCa(
  certificate: Certificate,
  secret: Secret,
  input: SecretsInput,
): { secret: Secret; step: CaStep | typeof REPAIR } | undefined {
  const view = caView(certificate, secret, input);
  const step = caStep(view);
  if (step === undefined) return repaired(certificate, secret, input.now);
  return { secret: secretOf(certificate, stepped(step, certificate, authorityOf(secret), view)), step };
}

/** Its bundle holds at least its own certificates, whatever somebody did to it. */
function repaired(
  certificate: Certificate,
  secret: Secret,
  now: number,
): { secret: Secret; step: typeof REPAIR } | undefined {
  const authority = authorityOf(secret);
  const { pair, next, bundle } = authority;
  const own = [pair.certificate, ...(next === undefined ? [] : [next.certificate])];
  const held = new Set(fingerprintsOf(tlsMaterialOf(secret).ca ?? ''));
  if (own.every((pem) => held.has(inspectCertificate(pem).fingerprint))) return undefined;
  return { secret: secretOf(certificate, { ...authority, bundle: joinBundles([...own, bundle], now) }), step: REPAIR };
}

export function caView(certificate: Certificate, secret: Secret, input: SecretsInput): CaView {
  const { pair, next, bundle, rollover, rotated } = authorityOf(secret);
  const { annotations = {}, name } = certificate.metadata;
  const current = inspectCertificate(pair.certificate);
  const successor = next && inspectCertificate(next.certificate);
  const own = new Set([current.fingerprint, successor?.fingerprint]);
  const leaves = leavesOf(name, input);
  const fingerprints = fingerprintsOf(bundle).sort().join();
  return {
    now: input.now,
    current,
    next: successor,
    previous: splitBundle(bundle)
      .flatMap((pem) => factsOf(pem) ?? [])
      .filter(({ fingerprint }) => !own.has(fingerprint)),
    rollover,
    rotate: annotations[ROTATE_ANNOTATION],
    rotated,
    clients: clientsOf(secret.metadata.annotations, input.now),
    isSpread: leaves.every(
      ({ ca }) =>
        fingerprintsOf(ca ?? '')
          .sort()
          .join() === fingerprints,
    ),
    isResigned: leaves.every(({ certificate: leaf }) => leaf !== undefined && isIssuedBy(leaf, pair.certificate)),
    deadlineMs: parseDurationMs(annotations[ROTATE_DEADLINE_ANNOTATION] ?? ''),
    waitMs: parseDurationMs(certificate.spec.settings?.[ROLLOVER_WAIT_SETTING] ?? ''),
  };
}

/** The Secrets of this site that are of the CA `name` and kept by a controller. */
function leavesOf(name: string, { certificates, secrets }: SecretsInput) {
  return certificates.flatMap(({ metadata, spec }) => {
    const secret = spec.ca === name && !spec.signing ? secrets.get(metadata.name) : undefined;
    return secret !== undefined && isControlledSecret(secret) ? [tlsMaterialOf(secret)] : [];
  });
}

function stepped(step: CaStep, certificate: Certificate, before: Authority, view: CaView): Authority {
  const { now } = view;
  const rollover = before.rollover ?? { phase: 'announced', since: now, begun: now, onDemand: false };
  switch (step) {
    case 'announce': {
      const next = newCa(certificate, now);
      const onDemand = view.rotate !== undefined && view.rotate !== before.rotated;
      return {
        ...before,
        next,
        bundle: joinBundles([before.pair.certificate, next.certificate, before.bundle], now),
        rollover: { phase: 'announced', since: now, begun: now, onDemand },
        rotated: view.rotate,
      };
    }
    case 'switch': {
      const pair = before.next!;
      const bundle = joinBundles([pair.certificate, before.pair.certificate, before.bundle], now);
      return { ...before, pair, next: undefined, bundle, rollover: { ...rollover, phase: 'switched', since: now } };
    }
    case 'note spread':
      return { ...before, rollover: { ...rollover, phase: 'spread', since: now } };
    case 'note resigned':
      return { ...before, rollover: { ...rollover, phase: 'resigned', since: now } };
    case 'drop ended':
      return { ...before, bundle: joinBundles([before.pair.certificate, before.bundle], now) };
    case 'retire':
      return { ...before, bundle: before.pair.certificate, rollover: undefined };
  }
}

function secretOf(certificate: Certificate, { pair, next, bundle, rollover, rotated }: Authority): Secret {
  const secret = tlsSecret(certificate.metadata.name, { ...pair, ca: bundle });
  const data = { ...secret.data };
  if (next !== undefined) {
    data[NEXT.certificate] = Buffer.from(next.certificate).toString('base64');
    data[NEXT.privateKey] = Buffer.from(next.privateKey).toString('base64');
  }
  const annotations: Record<string, string> = {};
  if (rollover !== undefined) annotations[ROLLOVER_ANNOTATION] = JSON.stringify(rollover);
  if (rotated !== undefined) annotations[ROTATED_ANNOTATION] = rotated;
  return { ...secret, metadata: { ...secret.metadata, annotations }, data };
}

/** The Secret holds the certificate and key of a CA. */
function authorityOf(secret: Secret): Authority {
  const values = secretText(secret);
  const { ca, certificate = '', privateKey = '' } = tlsMaterialOf(secret);
  const next = factsOf(values[NEXT.certificate]) && values[NEXT.privateKey];
  return {
    pair: { certificate, privateKey },
    next: next ? { certificate: values[NEXT.certificate]!, privateKey: values[NEXT.privateKey]! } : undefined,
    bundle: ca ?? certificate,
    rollover: rolloverOf(secret.metadata.annotations?.[ROLLOVER_ANNOTATION]),
    rotated: secret.metadata.annotations?.[ROTATED_ANNOTATION],
  };
}

/** One that somebody spoilt counts as none: its steps then begin again. */
function rolloverOf(text: string | undefined): Rollover | undefined {
  try {
    const value = JSON.parse(text ?? '') as Rollover;
    const isWhole = PHASES.includes(value.phase) && value.since > 0 && value.begun > 0;
    return isWhole ? value : undefined;
  } catch {
    return undefined;
  }
}

function newCa({ spec }: Certificate, now: number): KeyPair {
  return createCa({ commonName: spec.subject, validMs: validityMs(spec), now });
}
