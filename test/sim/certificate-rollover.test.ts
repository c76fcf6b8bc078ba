/**
 * Two sites over four months of virtual time: one issues, rolls its CA over by the clock and on demand, the other holds a link. Passes are cut
 * off, answers are lost, routers read changed Secrets late, the other site sleeps for days. Both ends must trust each other at all times.
 */
import { describe, expect, it } from 'vitest';
import type { Certificate } from '../../config/api/certificate.ts';
import type { Secret } from '../../config/api/secret.ts';
import { createLogger } from '../../lib/log.ts';
import { randomInt, SeededRandom } from '../../lib/random.ts';
import { clientsOf, noteClient, trustsOf } from '../../site-controller/grants/clients.ts';
import { issueLinks } from '../../site-controller/grants/issue.ts';
import type { PostOptions } from '../../site-controller/grants/post.ts';
import { RENEWAL, renewalTimeOf, renewLink } from '../../site-controller/grants/renew.ts';
import { Renewals } from '../../site-controller/grants/renewals.ts';
import { chainFault, fingerprintsOf, inspectCertificate } from '../../site-controller/pki/inspect.ts';
import { createRequest } from '../../site-controller/pki/request.ts';
import { tlsMaterialOf, tlsSecret } from '../../site-controller/pki/secret.ts';
import { planCertificateSecrets, trustFrom } from '../../site-controller/reconcile/certificate/issue.ts';
import { nextCertificateWork } from '../../site-controller/reconcile/certificate/plan.ts';
import { ROTATE_ANNOTATION } from '../../site-controller/reconcile/certificate/rollover.ts';
import { VALIDITY_SETTING } from '../../site-controller/reconcile/certificate/validity.ts';
import { wantedCertificate } from '../../site-controller/reconcile/certificate/want.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;
const START = Date.parse('2030-01-01T00:00:00Z');
const ISSUER_ID = 'issuer-id';
const LOAD_LAG_MAX = 45 * SECOND;
const log = createLogger({ name: 'sim', level: 'silent' });

interface Loaded {
  ca: string;
  certificate: string;
}

/** The issuing site: its Secrets as the API server has them, and what its router has read of them. */
class IssuingSite {
  now = START;
  rotate: string | undefined;
  readonly secrets = new Map<string, Secret>();
  loaded: Loaded | undefined;
  private readonly random: SeededRandom;

  constructor(random: SeededRandom) {
    this.random = random;
  }

  get certificates(): Certificate[] {
    const annotations = this.rotate === undefined ? undefined : { [ROTATE_ANNOTATION]: this.rotate };
    const validity = (text: string) => ({ settings: { [VALIDITY_SETTING]: text } });
    return [
      wantedCertificate('ca', { ca: '', subject: 'site CA', signing: true, ...validity('960h') }, annotations),
      wantedCertificate('server', { ca: 'ca', subject: 'router', hosts: ['a'], server: true, ...validity('240h') }),
    ];
  }

  /** A pass that may be cut off after any of its writes. */
  pass(isCrashing: boolean): void {
    const writes = planCertificateSecrets(this.input());
    const keptCount = isCrashing ? randomInt(this.random, writes.length + 1) : writes.length;
    for (const { secret } of writes.slice(0, keptCount)) {
      const { name } = secret.metadata;
      const before = this.secrets.get(name)?.metadata.annotations ?? {};
      const clients = Object.fromEntries(Object.entries(before).filter(([key]) => key.startsWith('clients.')));
      const annotations = { ...secret.metadata.annotations, ...clients };
      this.secrets.set(name, { ...secret, metadata: { ...secret.metadata, annotations } });
    }
  }

  nextWork(): number {
    return nextCertificateWork(this.input());
  }

  note(changes: Readonly<Record<string, string | null>>): void {
    const ca = this.secrets.get('ca')!;
    const notes = Object.entries({ ...ca.metadata.annotations, ...changes }).filter(([, text]) => text !== null);
    const annotations = Object.fromEntries(notes) as Record<string, string>;
    this.secrets.set('ca', { ...ca, metadata: { ...ca.metadata, annotations } });
  }

  private input() {
    const { certificates, secrets, now } = this;
    return { certificates, secrets, siteId: ISSUER_ID, routers: new Set(['server']), now };
  }
}

/** What a link's Secret is after redemption. */
function redeemed(site: IssuingSite): Secret {
  const ca = site.secrets.get('ca')!;
  const { certificate = '', privateKey = '' } = tlsMaterialOf(ca);
  const trust = trustFrom(ca, site.now);
  const endpoints = [{ name: 'inter-router' as const, host: 'a', port: '1' }];
  const request = createRequest({ subject: 'holder-id' });
  const [secret] = issueLinks(
    { ca: { certificate, privateKey }, trust, endpoints, validMs: 20 * DAY, now: site.now },
    { name: 'link', subject: 'holder-id', csr: request.csr },
  );
  const material = tlsMaterialOf(secret as Secret);
  const client = {
    site: 'holder-id',
    name: 'link',
    issuer: fingerprintsOf(certificate)[0]!,
    until: inspectCertificate(material.certificate!).notAfter,
    trusts: trustsOf(trust),
    since: site.now,
    renews: true,
  };
  site.note(noteClient(ca.metadata.annotations, client, site.now)!);
  const annotations = {
    [RENEWAL.urls]: JSON.stringify([`https://a/renew/${ISSUER_ID}`]),
    [RENEWAL.ca]: 'unused',
  };
  const whole = tlsSecret('link', { ...material, privateKey: request.privateKey });
  return { ...whole, metadata: { ...whole.metadata, annotations } };
}

interface Run {
  caCount: number;
  leafCount: number;
  linkCount: number;
  clientCount: number;
}

async function simulate(seed: number, days: number): Promise<Run> {
  const random = new SeededRandom(seed);
  const chance = (part: number) => random.next() < part;
  const site = new IssuingSite(random);
  site.pass(false);
  site.pass(false);
  let link = redeemed(site);
  const read = (secret: Secret): Loaded => {
    const { ca = '', certificate = '' } = tlsMaterialOf(secret);
    return { ca, certificate };
  };
  const loadedServer = { at: Infinity, value: read(site.secrets.get('server')!) };
  const loadedLink = { at: Infinity, value: read(link) };
  const server = new Renewals({
    issuersOf: async (siteId) => {
      const secret = site.secrets.get('ca')!;
      return siteId === ISSUER_ID ? [{ secret, trust: trustFrom(secret, site.now) }] : undefined;
    },
    note: async (_siteId, _issuer, changes) => site.note(changes),
    urls: () => [`https://a/renew/${ISSUER_ID}`],
    serverCa: () => 'unused',
    clock: { now: () => site.now, wall: () => site.now },
    log,
    validMs: 20 * DAY,
  });
  const send = async (url: string, { body }: PostOptions) => {
    if (chance(0.1)) return { kind: 'timeout' as const, text: 'request lost' };
    const siteId = url.slice(url.lastIndexOf('/') + 1);
    const answer = await server.renew({ ...JSON.parse(body), siteId, remote: 'r' });
    return chance(0.1) ? { kind: 'timeout' as const, text: 'answer lost' } : answer;
  };

  const seen = { ca: new Set<string>(), leaf: new Set<string>(), link: new Set<string>() };
  const check = () => {
    const [i, r] = [loadedServer.value, loadedLink.value];
    const where = `seed ${seed}, day ${((site.now - START) / DAY).toFixed(4)}`;
    expect(chainFault(i.certificate, r.ca, site.now), `holder trusts issuer: ${where}`).toBeUndefined();
    expect(chainFault(r.certificate, i.ca, site.now), `issuer trusts holder: ${where}`).toBeUndefined();
    seen.ca.add(fingerprintsOf(tlsMaterialOf(site.secrets.get('ca')!).certificate ?? '')[0]!);
    seen.leaf.add(i.certificate);
    seen.link.add(r.certificate);
  };
  const loadSoon = (loaded: { at: number; value: Loaded }, secret: Secret) => {
    const now = read(secret);
    const isSame = now.ca === loaded.value.ca && now.certificate === loaded.value.certificate;
    if (!isSame && loaded.at === Infinity) loaded.at = site.now + random.next() * LOAD_LAG_MAX;
  };

  let passAt = START;
  let pollAt = START + random.next() * HOUR;
  let rotateAt = START + 5 * DAY + random.next() * 60 * DAY;
  const end = START + days * DAY;
  while (site.now < end) {
    site.now = Math.min(passAt, pollAt, rotateAt, loadedServer.at, loadedLink.at);
    if (site.now === loadedServer.at) {
      loadedServer.value = read(site.secrets.get('server')!);
      loadedServer.at = Infinity;
    } else if (site.now === loadedLink.at) {
      loadedLink.value = read(link);
      loadedLink.at = Infinity;
    } else if (site.now === rotateAt) {
      site.rotate = `at ${site.now}`;
      rotateAt = site.now + (10 + random.next() * 80) * DAY;
    } else if (site.now === passAt) {
      site.pass(chance(0.3));
      loadSoon(loadedServer, site.secrets.get('server')!);
      // The controller is away now and then.
      const away = chance(0.02) ? 2 * DAY : 6 * HOUR;
      passAt = Math.max(site.now + SECOND, Math.min(site.nextWork(), site.now + random.next() * away));
    } else {
      try {
        const after = await renewLink(link, { now: site.now, send });
        // A crash between the answer and the write: the answer is lost.
        if (after !== undefined && !chance(0.2)) {
          link = after;
          loadSoon(loadedLink, link);
        }
        pollAt = site.now + (after === undefined ? 12 * HOUR * (0.9 + random.next() / 5) : 30 * SECOND);
        if (chance(0.03)) pollAt = site.now + random.next() * 3 * DAY;
        pollAt = Math.min(pollAt, Math.max(site.now + SECOND, renewalTimeOf(link)));
      } catch {
        pollAt = site.now + (1 + random.next()) * HOUR;
      }
    }
    check();
  }
  const clientCount = clientsOf(site.secrets.get('ca')!.metadata.annotations, site.now).length;
  return { caCount: seen.ca.size, leafCount: seen.leaf.size, linkCount: seen.link.size, clientCount };
}

describe('a CA rolls over', () => {
  it.each([1, 2, 3])('and both ends of a link trust each other at every moment (seed %i)', async (seed) => {
    const { caCount, leafCount, linkCount, clientCount } = await simulate(seed, 120);
    expect(caCount).toBeGreaterThan(2);
    expect(leafCount).toBeGreaterThan(6);
    expect(linkCount).toBeGreaterThan(2);
    expect(clientCount).toBe(1);
  });
});
