/**
 * What the console shows and makes beside the network itself, out of the resources of a namespace, on whatever platform. A list of
 * resources that was just read is not read again: pages ask often, and files and API servers are not there for them alone.
 */
import type { Kind, Resource, ResourceOf } from '../../config/api/index.ts';
import type { PlatformSource } from '../../console/collector/platform-source.ts';
import type { CertificateView, PolicyView, TokenMade, TokenOrder, TokenView } from '../../console/model/api.ts';
import type { PlatformCertificate, PlatformEvent } from '../../console/model/sources.ts';
import type { ConsolePlace, ServiceExplanation } from '../../console/server/uses.ts';
import { withPort } from '../../lib/address.ts';
import type { Clock } from '../../lib/clock.ts';
import { httpStatusOf } from '../../lib/errors.ts';
import { inspectCertificate } from '../../site-controller/pki/inspect.ts';
import { documentOf, faultsOfPolicy, type PolicyResource } from '../../site-controller/reconcile/policy/documents.ts';
import { FailedError } from '../errors.ts';
import type { Place } from '../places/place.ts';
import { explainService } from './explain-service.ts';
import { policyView } from './policies.ts';
import { RedemptionWatch, resourceEvents } from './resource-events.ts';
import { timeOf, tokenViews } from './tokens.ts';

const LIST_FRESH_MS = 2000;
/** Kinds whose faults are told. */
const TOLD_KINDS = ['Site', 'Link', 'Listener', 'Connector', 'MultiKeyListener'] as const;

/** @throws what is no refusal */
function unlessForbidden(error: unknown): undefined {
  if (httpStatusOf(error) === 403) return undefined;
  throw error;
}

/** A kind that is not there, or not for this user, is an empty list. @throws what may pass */
function unlessBroken(error: unknown): PolicyResource[] {
  if (error instanceof FailedError) return [];
  return unlessForbidden(error) ?? [];
}

export interface ResourcePlaceParts {
  place: Pick<Place, 'resources' | 'credential'>;
  namespace: string;
  clock: Clock;
  /** False: tokens hold codes, which a console that is for many users is not given. */
  mayReadTokens?: boolean;
  /** Makes a token for the site. */
  issue: (order: TokenOrder) => Promise<TokenMade>;
}

export class ResourcePlace implements ConsolePlace, PlatformSource {
  readonly #parts: ResourcePlaceParts;
  readonly #lists = new Map<Kind, { at: number; list: Promise<readonly Resource[]> }>();
  readonly #redemptions = new RedemptionWatch();

  constructor(parts: ResourcePlaceParts) {
    this.#parts = parts;
  }

  async tokens(): Promise<TokenView[]> {
    const [grants, tokens] = await Promise.all([this.#list('AccessGrant'), this.#list('AccessToken')]);
    return tokenViews(grants, tokens, this.#parts.clock.wall());
  }

  async policies(): Promise<PolicyView[]> {
    return (await this.#policies()).map((policy) => policyView(policy, this.#parts.namespace));
  }

  async linkEndpoints(name: string): Promise<readonly string[] | undefined> {
    const [links, [site]] = await Promise.all([this.#list('Link'), this.#list('Site')]);
    const role = site?.spec.edge ? 'edge' : 'inter-router';
    const link = links.find(({ metadata }) => metadata.name === name);
    const used = link?.spec.endpoints.filter((endpoint) => endpoint.name === role);
    return used?.map(({ host, port }) => withPort(host, port));
  }

  /** What the link shows to the other side. Undefined too when this user may not read it. */
  async linkCertificate(name: string): Promise<CertificateView | undefined> {
    const link = (await this.#list('Link')).find(({ metadata }) => metadata.name === name);
    const credential = link?.spec.tlsCredentials;
    if (credential === undefined || credential === '') return undefined;
    const secret = await this.#parts.place.credential(credential).catch(unlessForbidden);
    const pem = secret?.data?.['tls.crt'];
    if (pem === undefined) return undefined;
    const { subject, issuer, notBefore, notAfter } = inspectCertificate(Buffer.from(pem, 'base64').toString());
    return { name: credential, subject, issuer, notBefore, notAfter };
  }

  async explain(address: string): Promise<ServiceExplanation> {
    const [listeners, connectors, multiKeyListeners, policies] = await Promise.all([
      this.#list('Listener'),
      this.#list('Connector'),
      this.#list('MultiKeyListener'),
      this.#policies(),
    ]);
    const { namespace } = this.#parts;
    // One that has no meaning is not in force.
    const inForce = policies.filter((policy) => faultsOfPolicy(policy).length === 0);
    const documents = inForce.map((policy) => documentOf(policy, namespace));
    return explainService({ address, namespace, listeners, connectors, multiKeyListeners, documents });
  }

  async issueToken(order: TokenOrder): Promise<TokenMade> {
    try {
      return await this.#parts.issue(order);
    } finally {
      // Whoever made it looks for it at once.
      this.#lists.delete('AccessGrant');
    }
  }

  async events(): Promise<readonly PlatformEvent[]> {
    const [site] = await this.#list('Site');
    const siteId = site?.metadata.uid ?? '';
    const lists = await Promise.all(TOLD_KINDS.map((kind) => this.#list(kind)));
    const [grants, tokens] =
      (this.#parts.mayReadTokens ?? true)
        ? await Promise.all([this.#list('AccessGrant'), this.#list('AccessToken')])
        : [[], []];
    const redemptions = this.#redemptions.look(grants, siteId, this.#parts.clock.wall());
    return [...resourceEvents([...lists.flat(), ...grants, ...tokens], siteId), ...redemptions];
  }

  async certificates(): Promise<readonly PlatformCertificate[]> {
    const [certificates, links] = await Promise.all([this.#list('Certificate'), this.#list('Link')]);
    const own = certificates.flatMap(({ metadata, status }): PlatformCertificate[] => {
      const expiresAt = timeOf(status?.expiration);
      return expiresAt === undefined ? [] : [{ name: metadata.name, expiresAt }];
    });
    const ofLinks = await Promise.all(
      links.map(async ({ metadata }): Promise<PlatformCertificate[]> => {
        const certificate = await this.linkCertificate(metadata.name);
        return certificate === undefined
          ? []
          : [{ name: certificate.name, link: metadata.name, expiresAt: certificate.notAfter }];
      }),
    );
    return [...own, ...ofLinks.flat()];
  }

  /** As far as this user may see them, and where these kinds are installed. */
  async #policies(): Promise<PolicyResource[]> {
    const kinds = ['ClusterAccessPolicy', 'AccessPolicy'] as const;
    const lists = await Promise.all(kinds.map((kind) => this.#list(kind).catch(unlessBroken)));
    return lists.flat();
  }

  #list<K extends Kind>(kind: K): Promise<readonly ResourceOf<K>[]> {
    const now = this.#parts.clock.now();
    const known = this.#lists.get(kind);
    if (known !== undefined && now - known.at < LIST_FRESH_MS) return known.list as Promise<readonly ResourceOf<K>[]>;
    const list = this.#parts.place.resources.list(kind);
    this.#lists.set(kind, { at: now, list });
    // A failure is told to who asked, and is not kept.
    list.catch(() => this.#lists.delete(kind));
    return list;
  }
}
