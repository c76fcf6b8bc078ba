/** Reads what a redemption server answered. Nothing in it is taken on trust: one Secret, its Links, the names that were asked for, a key that fits. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Resource } from '../../config/api/index.ts';
import type { Link } from '../../config/api/link.ts';
import { parseResources } from '../../config/api/parse.ts';
import { SKUPPER_API_VERSION } from '../../config/api/schema.ts';
import type { Secret } from '../../config/api/secret.ts';
import { splitBundle } from '../pki/inspect.ts';
import { tlsMaterialOf, tlsSecret } from '../pki/secret.ts';
import { RedemptionAnswerError } from './errors.ts';

export interface Redeemed {
  /** kubernetes.io/tls with ca.crt, tls.crt and tls.key. */
  secret: Secret;
  links: Link[];
}

export interface Expected {
  name: string;
  /** Of the certificate request; absent in the plain form, whose answer brings the key. */
  privateKey?: string;
  linkCost?: number;
}

/** `url` is named in errors. @throws RedemptionAnswerError */
export function readAnswer(text: string, expected: Expected, url: string): Redeemed {
  const { secret, links } = sorted(parse(text, url), expected.name, url);
  return { secret: checkedSecret(secret, expected, url), links: links.map((link) => renewed(link, expected)) };
}

function parse(text: string, url: string): Resource[] {
  try {
    return parseResources(text, 'answer');
  } catch (cause) {
    throw new RedemptionAnswerError(url, 'it does not hold resources', cause);
  }
}

function sorted(resources: Resource[], name: string, url: string): { secret: Secret; links: Link[] } {
  const secrets: Secret[] = [];
  const links: Link[] = [];
  for (const resource of resources) {
    if (resource.kind === 'Secret' && resource.metadata.name === name) secrets.push(resource);
    else if (resource.kind === 'Link' && isLinkOf(resource, name)) links.push(resource);
    else throw new RedemptionAnswerError(url, `${resource.kind} ${resource.metadata.name} was not asked for`);
  }
  if (secrets.length !== 1) throw new RedemptionAnswerError(url, `it has ${secrets.length} Secrets instead of one`);
  if (links.length === 0) throw new RedemptionAnswerError(url, 'it has no Link');
  return { secret: secrets[0]!, links };
}

/** `name`, or `name-1`, `name-2` where the other site has several routers. */
function isLinkOf({ metadata, spec }: Link, name: string): boolean {
  const suffix = metadata.name.startsWith(name) ? metadata.name.slice(name.length) : undefined;
  return suffix !== undefined && /^(-\d+)?$/.test(suffix) && spec.tlsCredentials === name && spec.endpoints.length > 0;
}

function checkedSecret(secret: Secret, expected: Expected, url: string): Secret {
  const { ca, certificate, privateKey = expected.privateKey } = tlsMaterialOf(secret);
  if (!ca || !certificate || !privateKey)
    throw new RedemptionAnswerError(url, 'its Secret lacks ca.crt, tls.crt or tls.key');
  let fault: string | undefined;
  try {
    const leaf = new X509Certificate(certificate);
    const issuers = splitBundle(ca).map((pem) => new X509Certificate(pem));
    if (!leaf.checkPrivateKey(createPrivateKey(expected.privateKey ?? privateKey))) {
      fault = 'its certificate is for another key';
    } else if (!issuers.some((issuer) => leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey))) {
      fault = 'its certificate is not signed by its CA';
    }
  } catch (cause) {
    throw new RedemptionAnswerError(url, 'its Secret does not hold PEM certificates', cause);
  }
  if (fault) throw new RedemptionAnswerError(url, fault);
  return tlsSecret(expected.name, { ca, certificate, privateKey: expected.privateKey ?? privateKey });
}

/** Only name and spec are taken over. */
function renewed({ metadata, spec }: Link, { linkCost }: Expected): Link {
  return {
    apiVersion: SKUPPER_API_VERSION,
    kind: 'Link',
    metadata: { name: metadata.name },
    spec: linkCost && linkCost > 0 ? { ...spec, cost: linkCost } : spec,
  };
}
