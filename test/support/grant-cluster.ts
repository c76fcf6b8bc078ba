/** Namespaces of a cluster as grants and tokens see them: resources in memory behind the APIs that the services ask for. */
import type { AccessGrant } from '../../config/api/access-grant.ts';
import type { AccessToken } from '../../config/api/access-token.ts';
import type { Resource } from '../../config/api/index.ts';
import type { Secret } from '../../config/api/secret.ts';
import { CREDENTIAL } from '../../config/names.ts';
import { systemClock } from '../../lib/clock.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { createLogger } from '../../lib/log.ts';
import { SeededRandom } from '../../lib/random.ts';
import type { Tracer } from '../../lib/trace/tracer.ts';
import { composeToken } from '../../site-controller/grants/token.ts';
import { createCa, issueCertificate } from '../../site-controller/pki/authority.ts';
import { tlsSecret } from '../../site-controller/pki/secret.ts';
import { credentialsOfSecrets } from '../../site-controller/platform/kubernetes/credentials.ts';
import type { GrantPlace } from '../../site-controller/platform/kubernetes/grant-search.ts';
import { GrantService } from '../../site-controller/platform/kubernetes/grant-service.ts';
import type { GrantApi } from '../../site-controller/platform/kubernetes/grant-store.ts';
import type { EventWant } from '../../site-controller/platform/kubernetes/status-events.ts';
import { type TokenApi, TokenService } from '../../site-controller/platform/kubernetes/token-service.ts';
import { type Observed, ofKind } from '../../site-controller/reconcile/observed.ts';
import type { ControllerSettings } from '../../site-controller/reconcile/settings.ts';
import { keyOf } from '../../site-controller/store.ts';
import { observed, resource } from './observed.ts';

const HOUR = 3_600_000;
const log = createLogger({ name: 'test', level: 'silent' });
export const OWN_NAMESPACE = 'system';

export class GrantCluster implements GrantApi, TokenApi {
  readonly namespaces = new Map<string, Map<string, Resource>>();
  readonly events: EventWant[] = [];
  /** Called before each write; may throw, or change something. */
  beforeWrite: (what: string) => void = () => undefined;
  /** What a cache would not know yet. */
  isUnseen: (resource: Resource) => boolean = () => false;
  /** How often all grants were asked for. */
  listingCount = 0;
  private version = 0;

  put(namespace: string, value: Resource): Resource {
    this.version += 1;
    const kept = { ...value, metadata: { ...value.metadata, namespace, resourceVersion: String(this.version) } };
    this.resources(namespace).set(keyOf(kept as Resource), kept as Resource);
    return kept as Resource;
  }

  get<R extends Resource>(namespace: string, kind: R['kind'], name: string): R | undefined {
    return this.resources(namespace).get(`${kind}/${name}`) as R | undefined;
  }

  names(namespace: string, kind: string): string[] {
    return [...this.resources(namespace).values()]
      .filter((entry) => entry.kind === kind)
      .map(({ metadata }) => metadata.name);
  }

  async readGrant(namespace: string, name: string): Promise<AccessGrant | undefined> {
    return this.get<AccessGrant>(namespace, 'AccessGrant', name);
  }

  async listGrants(): Promise<GrantPlace[]> {
    this.listingCount += 1;
    return [...this.namespaces].flatMap(([namespace, resources]) =>
      [...resources.values()].flatMap(({ kind, metadata: { uid = '', name } }) =>
        kind === 'AccessGrant' ? [{ uid, namespace, name }] : [],
      ),
    );
  }

  async annotate(
    kind: 'AccessGrant' | 'Secret',
    namespace: string,
    name: string,
    annotations: Readonly<Record<string, string | null>>,
    resourceVersion?: string,
  ): Promise<'done' | 'conflict'> {
    this.beforeWrite(`annotate ${kind}`);
    const found = this.get<AccessGrant | Secret>(namespace, kind, name)!;
    if (resourceVersion !== undefined && resourceVersion !== found.metadata.resourceVersion) return 'conflict';
    const merged = Object.entries({ ...found.metadata.annotations, ...annotations }).filter(
      ([, text]) => text !== null,
    );
    const metadata = { ...found.metadata, annotations: Object.fromEntries(merged) as Record<string, string> };
    this.put(namespace, { ...found, metadata } as Resource);
    return 'done';
  }

  async read(kind: 'Secret' | 'Link' | 'AccessToken', namespace: string, name: string): Promise<Resource | undefined> {
    return this.get(namespace, kind, name);
  }

  async apply(object: KubeObject): Promise<void> {
    this.beforeWrite(`apply ${object.kind}`);
    this.put(object.metadata.namespace!, object as unknown as Resource);
  }

  async remove(kind: 'Secret', namespace: string, name: string): Promise<void> {
    this.beforeWrite(`remove ${kind}`);
    this.resources(namespace).delete(`${kind}/${name}`);
  }

  async markRedeemed(namespace: string, name: string): Promise<void> {
    this.beforeWrite('mark redeemed');
    const token = this.get<AccessToken>(namespace, 'AccessToken', name)!;
    this.put(namespace, { ...token, status: { ...token.status, redeemed: true } });
  }

  observe(namespace: string): Observed {
    const all = [...this.resources(namespace).values()].filter((entry) => !this.isUnseen(entry));
    const now = Date.now();
    const secrets = all.filter((entry) => entry.kind === 'Secret');
    return observed(all, { namespace, now, credentials: credentialsOfSecrets(secrets, now), hosts: ['east.example'] });
  }

  find(uid: string): { namespace: string; grant: AccessGrant } | undefined {
    for (const namespace of this.namespaces.keys()) {
      const grant = ofKind(this.observe(namespace), 'AccessGrant').find(({ metadata }) => metadata.uid === uid);
      if (grant !== undefined) return { namespace, grant };
    }
    return undefined;
  }

  namespaceOf(siteId: string): string | undefined {
    return [...this.namespaces.keys()].find((namespace) =>
      ofKind(this.observe(namespace), 'Site').some(({ metadata }) => metadata.uid === siteId),
    );
  }

  /** A running server; `caMs` is how long its site's CA lives. */
  async serve(tracer?: Tracer): Promise<GrantService> {
    if (this.get(OWN_NAMESPACE, 'Secret', CREDENTIAL.grantServer) === undefined)
      this.put(OWN_NAMESPACE, serverSecret());
    const settings = {
      enableGrants: true,
      grantServer: { autoconfigure: false, baseUrl: '', port: 0, tlsCredentials: CREDENTIAL.grantServer },
    } as unknown as ControllerSettings;
    const service = new GrantService({
      settings,
      api: this,
      find: (uid) => this.find(uid),
      namespaceOf: (siteId) => this.namespaceOf(siteId),
      observe: (namespace) => this.observe(namespace),
      clock: systemClock,
      log,
      onEvent: (event) => this.events.push(event),
      onRedeemed: () => undefined,
      onServed: () => undefined,
      tracer,
    });
    await service.ensure(this.observe(OWN_NAMESPACE));
    settings.grantServer.baseUrl = `127.0.0.1:${service.port}`;
    await service.ensure(this.observe(OWN_NAMESPACE));
    return service;
  }

  redeemer(tracer?: Tracer): TokenService {
    const random = new SeededRandom(1);
    const onEvent = (event: EventWant) => this.events.push(event);
    return new TokenService({ api: this, clock: systemClock, random, log, tracer, onEvent, onDone: () => undefined });
  }

  /** A site that can be linked to, with a grant. */
  addIssuer(namespace: string, grant: object = {}): void {
    this.put(namespace, resource('Site', namespace, { linkAccess: 'default' }, { uid: `id-${namespace}` }));
    const roles = [{ name: 'inter-router', port: 55671 }];
    this.put(namespace, resource('RouterAccess', 'skupper-router', { roles, tlsCredentials: 'skupper-site-server' }));
    const ca = createCa({ commonName: `${namespace} CA`, validMs: 1000 * HOUR, now: Date.now() });
    const labels = { 'internal.skupper.io/controlled': 'true' };
    const secret = tlsSecret(CREDENTIAL.siteCa, { ...ca, ca: ca.certificate });
    this.put(namespace, { ...secret, metadata: { ...secret.metadata, labels } });
    const expirationTime = new Date(Date.now() + HOUR).toISOString();
    const bare = resource('AccessGrant', 'grant', grant, { uid: `grant-${namespace}` });
    this.put(namespace, { ...bare, status: { code: 'secret', expirationTime } } as Resource);
  }

  addToken(namespace: string, issuer: string, service: GrantService, name = 'east', changes: object = {}): AccessToken {
    const grant = this.get<AccessGrant>(issuer, 'AccessGrant', 'grant')!;
    const url = `${service.urls[0]}/${grant.metadata.uid}`;
    const composed = composeToken({
      grant: { ...grant, status: { ...grant.status, url, ca: service.ca! } },
      siteId: `id-${issuer}`,
    });
    const metadata = { ...composed.metadata, name, uid: `token-${namespace}-${name}`, generation: 1 };
    return this.put(namespace, { ...composed, metadata, ...changes }) as AccessToken;
  }

  addSite(namespace: string): void {
    this.put(namespace, resource('Site', namespace, {}, { uid: `id-${namespace}` }));
  }

  private resources(namespace: string): Map<string, Resource> {
    const known = this.namespaces.get(namespace) ?? new Map<string, Resource>();
    this.namespaces.set(namespace, known);
    return known;
  }
}

function serverSecret(): Secret {
  const now = Date.now();
  const ca = createCa({ commonName: 'grants', validMs: HOUR, now });
  const hosts = ['127.0.0.1'];
  const leaf = issueCertificate({ ca, subject: 'grants', hosts, usages: ['server'], validMs: HOUR, now });
  return tlsSecret(CREDENTIAL.grantServer, { ...leaf, ca: ca.certificate });
}
