/** Grants, tokens and renewals of a controller on Kubernetes, over real HTTPS against resources in memory. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { AccessGrant } from '../../config/api/access-grant.ts';
import type { AccessPolicy } from '../../config/api/access-policy.ts';
import type { AccessToken } from '../../config/api/access-token.ts';
import type { Link } from '../../config/api/link.ts';
import type { Secret } from '../../config/api/secret.ts';
import type { Site } from '../../config/api/site.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { siteIdOf } from '../../lib/site-identity.ts';
import { clientsOf } from '../../site-controller/grants/clients.ts';
import { LinkRenewals } from '../../site-controller/grants/link-renewals.ts';
import { renewLink } from '../../site-controller/grants/renew.ts';
import { createCa } from '../../site-controller/pki/authority.ts';
import { chainFault, inspectCertificate, splitBundle } from '../../site-controller/pki/inspect.ts';
import { tlsMaterialOf, tlsSecret } from '../../site-controller/pki/secret.ts';
import type { GrantService } from '../../site-controller/platform/kubernetes/grant-service.ts';
import type { TokenService } from '../../site-controller/platform/kubernetes/token-service.ts';
import { redemptionsOf } from '../../site-controller/reconcile/accessgrant/plan.ts';
import { planCertificateSecrets } from '../../site-controller/reconcile/certificate/issue.ts';
import { ROTATE_ANNOTATION, SPREAD_MS } from '../../site-controller/reconcile/certificate/rollover.ts';
import { wantedCertificate } from '../../site-controller/reconcile/certificate/want.ts';
import { GrantCluster } from '../support/grant-cluster.ts';
import { MadeSpans } from '../support/spans.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function setUp(grant: object = {}): Promise<{ cluster: GrantCluster; service: GrantService }> {
  const cluster = new GrantCluster();
  cluster.addIssuer('east', grant);
  cluster.addSite('west');
  const service = await serve(cluster);
  return { cluster, service };
}

async function serve(cluster: GrantCluster): Promise<GrantService> {
  const service = await cluster.serve();
  stops.push(() => service.stop());
  return service;
}

async function redeem(cluster: GrantCluster, redeemer: TokenService, namespace = 'west'): Promise<void> {
  const site = cluster.get<Site>(namespace, 'Site', namespace)!;
  redeemer.start(cluster.observe(namespace), site, new AbortController().signal);
  await redeemer.idle();
}

const grantOf = (cluster: GrantCluster) => cluster.get<AccessGrant>('east', 'AccessGrant', 'grant')!;
const linkSecret = (cluster: GrantCluster) => cluster.get<Secret>('west', 'Secret', 'east')!;

describe('a token', () => {
  it('becomes a Secret and a Link of the Site, counts once and leaves no key behind', async () => {
    const { cluster, service } = await setUp();
    cluster.addToken('west', 'east', service);
    const redeemer = cluster.redeemer();
    await redeem(cluster, redeemer);
    expect(redeemer.attempts('west').size).toBe(0);
    expect(cluster.names('west', 'Secret')).toEqual(['east']);
    const link = cluster.get<Link>('west', 'Link', 'east')!;
    expect(link.spec).toMatchObject({ tlsCredentials: 'east', endpoints: [{ host: 'east.example', port: '55671' }] });
    for (const made of [link, linkSecret(cluster)]) {
      expect(made.metadata.ownerReferences).toMatchObject([{ kind: 'Site', uid: 'id-west' }]);
      expect(made.metadata.labels).toEqual({ 'internal.skupper.io/controlled': 'true' });
      expect(made.metadata.annotations).toMatchObject({ 'skuprt.io/redeemed-from': 'east' });
    }
    expect(cluster.get<AccessToken>('west', 'AccessToken', 'east')!.status?.redeemed).toBe(true);
    expect(redemptionsOf(grantOf(cluster))).toMatchObject([{ name: 'east', subject: 'id-west' }]);
    expect(JSON.stringify(grantOf(cluster))).not.toContain('BEGIN');
    expect(cluster.events.map(({ reason, about }) => `${about.kind} ${reason}`)).toEqual([
      'AccessGrant Redeemed',
      'AccessToken LinkCreated',
    ]);
    await redeem(cluster, redeemer);
    expect(service.outcomes).toEqual(new Map([['redeemed', 1]]));
  });

  it('is redeemed by a replica whose cache has not heard of its grant yet, once and with what the grant says', async () => {
    const { cluster, service } = await setUp();
    const uid = '00000000-0000-4000-8000-000000000001';
    const settings = { 'skuprt.io/for-site': 'id-west' };
    const { metadata, spec, ...grant } = grantOf(cluster);
    cluster.put('east', { ...grant, metadata: { ...metadata, uid }, spec: { ...spec, settings } });
    cluster.addSite('mallory');
    for (const namespace of ['mallory', 'west']) cluster.addToken(namespace, 'east', service);
    cluster.isUnseen = ({ kind }) => kind === 'AccessGrant';
    const [refused, redeemer] = [cluster.redeemer(), cluster.redeemer()];
    await redeem(cluster, refused, 'mallory');
    expect(refused.attempts('mallory').get('east')?.message).toContain('the grant is for site id-west');
    await redeem(cluster, redeemer);
    expect(redeemer.attempts('west').size).toBe(0);
    expect(cluster.names('west', 'Link')).toEqual(['east']);
    expect(redemptionsOf(grantOf(cluster))).toMatchObject([{ subject: 'id-west' }]);
    expect(cluster.listingCount).toBe(1);
    expect(cluster.events).toContainEqual(expect.objectContaining({ reason: 'Redeemed', type: 'Normal' }));
  });

  it('is redeemed in one trace of both controllers, which says how it ended and no secret', async () => {
    const cluster = new GrantCluster();
    const [west, east] = [new MadeSpans(1), new MadeSpans(2, 0)];
    cluster.addIssuer('east');
    cluster.addSite('west');
    const service = await cluster.serve(east.tracer);
    stops.push(() => service.stop());
    const token = cluster.addToken('west', 'east', service);
    await west.tracer.span('reconcile', {}, () => redeem(cluster, cluster.redeemer(west.tracer)));
    const [look, tried, request, answer] = [west.one('reconcile'), west.one('redeem token'), west.one('POST')].concat(
      east.one('redemption'),
    );
    expect(new Set([...west.all, ...east.all].map(({ traceId }) => traceId))).toEqual(new Set([look!.traceId]));
    expect([tried!.parentSpanId, request!.parentSpanId]).toEqual([look!.spanId, tried!.spanId]);
    expect(tried).toMatchObject({ error: undefined, attributes: { 'skuprt.token': 'east' } });
    expect(request).toMatchObject({ kind: 'client', attributes: { 'http.response.status_code': 200 } });
    expect(answer).toMatchObject({
      kind: 'server',
      parentSpanId: request!.spanId,
      isParentRemote: true,
      attributes: { 'skuprt.grant': 'grant-east', 'skuprt.peer': 'id-west', 'skuprt.outcome': 'redeemed' },
    });
    cluster.put('west', { ...token, spec: { ...token.spec, code: 'tell-nobody' } });
    await west.tracer.span('reconcile', {}, () => redeem(cluster, cluster.redeemer(west.tracer)));
    expect(west.one('redeem token').error).toMatch(/refused/i);
    expect(east.one('redemption')).toMatchObject({
      traceId: west.one('redeem token').traceId,
      attributes: { 'http.response.status_code': 403, 'skuprt.outcome': 'wrong code' },
      error: expect.any(String),
    });
    expect(JSON.stringify([west.all, east.all])).not.toMatch(/secret|tell-nobody|BEGIN/);
  });

  it('is redeemed once though the controllers of both sides die at any write', async () => {
    for (const fatal of ['apply Secret', 'apply Link', 'mark redeemed', 'remove Secret']) {
      const { cluster, service } = await setUp();
      cluster.addToken('west', 'east', service);
      for (let died = 0; died < 3; died += 1) {
        cluster.beforeWrite = (what) => {
          if (what === fatal) throw new Error('killed');
        };
        await redeem(cluster, cluster.redeemer());
        cluster.beforeWrite = () => undefined;
      }
      const again = await serve(cluster);
      const token = cluster.get<AccessToken>('west', 'AccessToken', 'east')!;
      const url = `${again.urls[0]}/grant-east`;
      const annotations = { ...token.metadata.annotations, 'skuprt.io/urls': JSON.stringify([url]) };
      cluster.put('west', { ...token, metadata: { ...token.metadata, annotations }, spec: { ...token.spec, url } });
      await redeem(cluster, cluster.redeemer());
      expect(redemptionsOf(grantOf(cluster)), fatal).toHaveLength(1);
      expect(cluster.get<AccessToken>('west', 'AccessToken', 'east')!.status?.redeemed, fatal).toBe(true);
      const { certificate, ca } = tlsMaterialOf(linkSecret(cluster));
      expect(chainFault(certificate!, ca!, Date.now())).toBeUndefined();
    }
  });

  it('that two replicas serve at the same moment is given once', async () => {
    const { cluster, service } = await setUp();
    cluster.addSite('north');
    const other = await serve(cluster);
    cluster.addToken('west', 'east', service);
    cluster.addToken('north', 'east', other);
    const redeemer = cluster.redeemer();
    for (const namespace of ['west', 'north']) {
      const site = cluster.get<Site>(namespace, 'Site', namespace)!;
      redeemer.start(cluster.observe(namespace), site, new AbortController().signal);
    }
    await redeemer.idle();
    const won = ['west', 'north'].filter((namespace) => cluster.names(namespace, 'Link').length > 0);
    expect(won).toHaveLength(1);
    expect(redemptionsOf(grantOf(cluster))).toHaveLength(1);
  });

  it('is counted although its grant is written to by others all the time', async () => {
    const { cluster, service } = await setUp();
    cluster.addToken('west', 'east', service);
    let tries = 0;
    cluster.beforeWrite = (what) => {
      if (what === 'annotate AccessGrant' && tries++ < 2) cluster.put('east', grantOf(cluster));
    };
    await redeem(cluster, cluster.redeemer());
    expect(tries).toBe(3);
    expect(redemptionsOf(grantOf(cluster))).toHaveLength(1);
  });

  it.each<[string, (cluster: GrantCluster) => void, RegExp, boolean]>([
    [
      'is used up',
      (cluster) => cluster.put('east', { ...grantOf(cluster), status: { ...grantOf(cluster).status, redemptions: 1 } }),
      /redeemed as often as it allows/,
      true,
    ],
    [
      'is of a grant that was made anew under the same name',
      (cluster) =>
        cluster.put('east', { ...grantOf(cluster), metadata: { ...grantOf(cluster).metadata, uid: 'another' } }),
      /does not know token east/,
      true,
    ],
    [
      'has the name of somebody else’s Secret',
      (cluster) => cluster.put('west', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'east' } }),
      /Secret "east" exists already/,
      true,
    ],
    [
      'has the name of somebody else’s Link',
      (cluster) => cluster.put('west', { ...linkOf('east'), metadata: { name: 'east' } }),
      /Link "east" exists already/,
      true,
    ],
    [
      'is of a site without a CA',
      (cluster) => cluster.namespaces.get('east')!.delete('Secret/skupper-site-ca'),
      /Could not get issuer for requested certificate/,
      false,
    ],
    [
      'is of a site without link access',
      (cluster) => cluster.namespaces.get('east')!.delete('RouterAccess/skupper-router'),
      /No valid endpoints found for site/,
      false,
    ],
  ])('that %s says so', async (_what, change, message, isFinal) => {
    const { cluster, service } = await setUp();
    cluster.addToken('west', 'east', service);
    change(cluster);
    const redeemer = cluster.redeemer();
    await redeem(cluster, redeemer);
    const attempt = redeemer.attempts('west').get('east')!;
    expect(attempt.message).toMatch(message);
    expect(attempt.isFinal).toBe(isFinal);
    expect(cluster.events.at(-1)).toMatchObject({ type: 'Warning', reason: 'RedemptionFailed' });
    expect(cluster.get<AccessToken>('west', 'AccessToken', 'east')!.status?.redeemed).not.toBe(true);
  });

  it('with a wrong code is refused, and that is told on the grant', async () => {
    const { cluster, service } = await setUp();
    const { spec } = cluster.addToken('west', 'east', service);
    cluster.addToken('west', 'east', service, 'east', { spec: { ...spec, code: 'wrong' } });
    await redeem(cluster, cluster.redeemer());
    const refusal = cluster.events.find(({ reason }) => reason === 'RedemptionRefused')!;
    expect(refusal).toMatchObject({ type: 'Warning', about: { kind: 'AccessGrant' } });
    expect(refusal.message).toBe('Wrong code from site id-west at 127.0.0.1');
  });

  it('goes through the HTTP proxy that it names, and so does its Link', async () => {
    const { cluster, service } = await setUp();
    const seen: string[] = [];
    const proxy = await connectProxy(seen);
    const { spec } = cluster.addToken('west', 'east', service);
    const settings = { 'proxy-configuration': 'proxy' };
    cluster.addToken('west', 'east', service, 'east', { spec: { ...spec, settings } });
    const redeemer = cluster.redeemer();
    await redeem(cluster, redeemer);
    expect(redeemer.attempts('west').get('east')).toMatchObject({ isFinal: false });
    const stringData = { host: '127.0.0.1', port: String(proxy), username: 'u', password: 'p' };
    cluster.put('west', { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'proxy' }, stringData });
    await redeem(cluster, cluster.redeemer());
    expect(seen).toEqual([`${new URL(service.urls[0]!).host} Basic ${Buffer.from('u:p').toString('base64')}`]);
    expect(cluster.get<Link>('west', 'Link', 'east')!.spec.settings).toEqual(settings);
  });
});

describe('the site that a token is redeemed for', () => {
  it('is proven by its own CA: another that says to be it gets nothing, and it links again', async () => {
    const { cluster, service } = await setUp({ redemptionsAllowed: 9 });
    const own = siteCa('west');
    cluster.put('west', own);
    cluster.addToken('west', 'east', service);
    const redeemer = cluster.redeemer();
    await redeem(cluster, redeemer);
    expect(siteIdOf(inspectCertificate(tlsMaterialOf(linkSecret(cluster)).certificate!).uris)).toBe('id-west');
    const again = async (ca: Secret) => {
      for (const kind of ['Link', 'Secret', 'AccessToken']) cluster.namespaces.get('west')!.delete(`${kind}/east`);
      cluster.put('west', ca);
      cluster.addToken('west', 'east', service);
      const another = cluster.redeemer();
      await redeem(cluster, another);
      return another.attempts('west').get('east')?.message;
    };
    expect(await again(siteCa('mallory'))).toMatch(/site id id-west was refused: another site has it/);
    expect(await again(own)).toBeUndefined();
  });
});

describe('the certificate of a link', () => {
  async function linked() {
    const set = await setUp();
    set.cluster.addToken('west', 'east', set.service);
    await redeem(set.cluster, set.cluster.redeemer());
    return set;
  }

  it('stays while nothing changed, and its issuer knows what the holder trusts', async () => {
    const { cluster, service } = await linked();
    expect(await renewLink(linkSecret(cluster), { now: Date.now() })).toBeUndefined();
    const ca = cluster.get<Secret>('east', 'Secret', 'skupper-site-ca')!;
    expect(clientsOf(ca.metadata.annotations, Date.now())).toMatchObject([
      { site: 'id-west', name: 'east', renews: true },
    ]);
    expect(service.renewalCount).toBe(0);
  });

  it('follows a roll-over: first the bundle, then, when the new CA signs, a new certificate with a new key', async () => {
    const { cluster, service } = await linked();
    const before = tlsMaterialOf(linkSecret(cluster));
    const certificate = wantedCertificate(
      'skupper-site-ca',
      { ca: '', subject: 'east CA', signing: true },
      { [ROTATE_ANNOTATION]: 'now' },
    );
    const pass = (now: number) => {
      const ca = cluster.get<Secret>('east', 'Secret', 'skupper-site-ca')!;
      const secrets = new Map([['skupper-site-ca', ca]]);
      const [write] = planCertificateSecrets({
        certificates: [certificate],
        secrets,
        siteId: '',
        routers: new Set(),
        now,
      });
      if (write === undefined) return undefined;
      const annotations = { ...ca.metadata.annotations, ...write.secret.metadata.annotations };
      cluster.put('east', { ...write.secret, metadata: { ...write.secret.metadata, annotations } });
      return write.reason;
    };
    const renew = async () => {
      const after = await renewLink(linkSecret(cluster), { now: Date.now() });
      if (after !== undefined) cluster.put('west', after);
      return tlsMaterialOf(linkSecret(cluster));
    };
    const now = Date.now();
    expect([pass(now), pass(now), pass(now + 2 * SPREAD_MS)]).toEqual(['announce', 'note spread', undefined]);
    const told = await renew();
    expect(splitBundle(told.ca!)).toHaveLength(2);
    expect(told.certificate).toBe(before.certificate);
    expect(pass(now + 2 * SPREAD_MS)).toBeUndefined();
    // Only when it said that it has the bundle.
    await renew();
    expect(pass(Date.now() + SPREAD_MS + 1000)).toBe('switch');
    const renewed = await renew();
    expect(renewed.certificate).not.toBe(before.certificate);
    expect(renewed.privateKey).not.toBe(before.privateKey);
    expect(chainFault(renewed.certificate!, splitBundle(renewed.ca!)[0]!, Date.now())).toBeUndefined();
    expect(service.renewalCount).toBe(1);
    expect(cluster.events.at(-1)).toMatchObject({ reason: 'LinkRenewed', about: { kind: 'Site' } });
  });

  it('is refused to whoever does not hold its key, and to strangers', async () => {
    const { cluster } = await linked();
    const secret = linkSecret(cluster);
    const forged = {
      ...secret.data,
      'tls.key': cluster.get<Secret>('east', 'Secret', 'skupper-site-ca')!.data!['tls.key']!,
    };
    await expect(renewLink({ ...secret, data: forged }, { now: Date.now() })).rejects.toThrow(/not signed by the key/);
    const other = new GrantCluster();
    other.addIssuer('east');
    const stranger = other.get<Secret>('east', 'Secret', 'skupper-site-ca')!;
    const material = { ...secret.data, 'tls.crt': stranger.data!['tls.crt']!, 'tls.key': stranger.data!['tls.key']! };
    await expect(renewLink({ ...secret, data: material }, { now: Date.now() })).rejects.toThrow(/not one of a link/);
  });

  it('is not renewed for a site that policies of the issuer keep from linking, until they let it', async () => {
    const { cluster } = await linked();
    const policy = {
      apiVersion: 'skuprt.io/v1alpha1',
      kind: 'AccessPolicy',
      metadata: { name: 'links', namespace: 'east', generation: 1 },
      spec: { rules: [{ action: 'Deny', operations: ['Link'], from: [{ sites: ['id-west'] }] }] },
    } as AccessPolicy;
    cluster.put('east', policy);
    const refused = renewLink(linkSecret(cluster), { now: Date.now() });
    await expect(refused).rejects.toThrow(/Refused by policy: .*AccessPolicy\/east\/links/);
    cluster.put('east', { ...policy, spec: { ...policy.spec, rules: [{ action: 'Allow', operations: ['Link'] }] } });
    await renewLink(linkSecret(cluster), { now: Date.now() });
  });

  it('is asked for by the schedule, at once where a Link asks', async () => {
    const { cluster } = await linked();
    const kept: string[] = [];
    const renewals = new LinkRenewals({
      keep: async (_namespace, secret) => void kept.push(secret.metadata.name),
      clock: systemClock,
      random: { next: () => 0.5 },
      log: createLogger({ name: 'test', level: 'silent' }),
    });
    const signal = new AbortController().signal;
    const first = renewals.start(cluster.observe('west'), signal);
    expect(first - Date.now()).toBeGreaterThan(100_000);
    const link = cluster.get<Link>('west', 'Link', 'east')!;
    cluster.put('west', { ...link, metadata: { ...link.metadata, annotations: { 'skuprt.io/renew': '1' } } });
    renewals.start(cluster.observe('west'), signal);
    await renewals.idle();
    const next = renewals.start(cluster.observe('west'), signal);
    expect(next - Date.now()).toBeGreaterThan(20_000);
  });
});

/** Of a site that redeems. */
function siteCa(commonName: string): Secret {
  return tlsSecret('skupper-site-ca', createCa({ commonName, validMs: 3_600_000, now: Date.now() }));
}

function linkOf(name: string): Link {
  return { apiVersion: 'skupper.io/v2alpha1', kind: 'Link', metadata: { name }, spec: { endpoints: [] } };
}

/** The port of a proxy that connects to whatever it is asked for, and notes it with the credentials. */
async function connectProxy(seen: string[]): Promise<number> {
  const server: Server = createServer();
  const sockets: Socket[] = [];
  server.on('connect', (request, client: Socket) => {
    seen.push(`${request.url} ${request.headers['proxy-authorization']}`);
    const [host, port] = request.url!.split(':');
    const upstream = connect(Number(port), host!, () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
    for (const socket of [client, upstream]) sockets.push(socket.on('error', () => undefined));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
