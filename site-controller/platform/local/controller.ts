/**
 * The controller of one local site: each pass looks at everything, makes what the plans ask for, and writes what they say.
 *
 * Level-triggered: a pass knows states, never events, so passes may be skipped, repeated and cut off anywhere. One at a time.
 */
import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { rfc3339 } from '../../../config/api/conditions.ts';
import type { Resource } from '../../../config/api/index.ts';
import type { Site } from '../../../config/api/site.ts';
import { CONTROLLED_LABEL, SETTING } from '../../../config/names.ts';
import type { Clock } from '../../../lib/clock.ts';
import { readIfExists, writeFileAtomic } from '../../../lib/files.ts';
import type { Logger } from '../../../lib/log.ts';
import type { RouterState } from '../../../lib/router-client/state.ts';
import { NO_TRACER, type Tracer } from '../../../lib/trace/tracer.ts';
import type { SiteContent } from '../../exchange/record.ts';
import type { LinkRenewals } from '../../grants/link-renewals.ts';
import { endedGrants } from '../../reconcile/accessgrant/plan.ts';
import { tokensDue } from '../../reconcile/accesstoken/plan.ts';
import { planCertificateSecrets } from '../../reconcile/certificate/issue.ts';
import { nextCertificateWork, secretsInput, wantedCertificates } from '../../reconcile/certificate/plan.ts';
import { importPorts, lostPorts, planImports } from '../../reconcile/import/plan.ts';
import { networkStatus } from '../../reconcile/network-status.ts';
import { type NetworkView, type Observed, ofKind, type PortWant } from '../../reconcile/observed.ts';
import { planOutcomes, statusFrom } from '../../reconcile/outcomes.ts';
import { ownContent } from '../../reconcile/own-content.ts';
import { AMQPS_PORT, HTTP_PORT, renderRouterConfig } from '../../reconcile/router-config.ts';
import { accessPorts, dialHostsOf, generatedAccess } from '../../reconcile/routeraccess/plan.ts';
import { activeSite, settingOf } from '../../reconcile/site/identity.ts';
import { RehearsalBook } from '../../rehearsal-book.ts';
import { keyOf } from '../../store.ts';
import { readConsoleAddress } from './console-address.ts';
import type { Credentials } from './credentials.ts';
import type { GrantFiles } from './grant-store.ts';
import type { SitePaths } from './paths.ts';
import type { Ports } from './ports.ts';
import type { RedemptionServer } from './redemption-server.ts';
import type { LocalStore } from './store.ts';
import type { TokenRedeemer } from './token-redeemer.ts';

const GRANT_PORT_FIRST = 9443;
const GENERATED_KINDS = ['RouterAccess', 'Certificate'] as const;

export interface ControllerParts {
  paths: SitePaths;
  version: string;
  store: LocalStore;
  ports: Ports;
  credentials: Credentials;
  grants: GrantFiles;
  redeemer: TokenRedeemer;
  redemptionServer: RedemptionServer;
  renewals: LinkRenewals;
  routerState: () => RouterState | undefined;
  network: () => NetworkView;
  hosts: () => string[];
  newCode: () => string;
  clock: Clock;
  log: Logger;
  /** The router's configuration was written. */
  onConfig: () => void;
  /** What this site says about itself. */
  onContent: (site: SiteContent) => void;
  /** What a pass does is a span of it. */
  tracer?: Tracer;
}

export class SiteController {
  private readonly parts: ControllerParts;
  private readonly rehearsals: RehearsalBook;
  private isReady = false;
  /** Wall-clock milliseconds. */
  private certificatesDueAt = Infinity;

  constructor(parts: ControllerParts) {
    this.parts = parts;
    this.rehearsals = new RehearsalBook(parts.log);
  }

  /**
   * One pass; answers when the next one is due at the latest, in wall-clock milliseconds.
   * @param isAwaited something has changed since it began: what is still to be said of many resources waits for the next pass
   */
  async pass(signal: AbortSignal, isAwaited: () => boolean = () => false): Promise<number> {
    const { store, credentials } = this.parts;
    await store.admit();
    let observed = await this.observe();
    const site = activeSite(observed);
    await this.generate(observed, site);
    observed = await this.observe();
    await this.givePorts(observed, site);
    await credentials.materialize(ofKind(observed, 'Secret'));
    await this.issueCertificates(await this.observe(), site);
    await this.importServices(await this.observe());
    observed = await this.observe();
    await this.configureRouter(observed);
    await this.serveGrants(observed, site);
    await this.writeStatus(await this.observe(), signal, isAwaited);
    return this.certificatesDueAt;
  }

  private async observe(): Promise<Observed> {
    const { store, credentials, clock, ports, version, paths, routerState, network, hosts, redemptionServer } =
      this.parts;
    const now = clock.wall();
    return {
      now,
      version,
      namespace: paths.namespace,
      resources: await store.admitted(),
      credentials: await credentials.observe(now),
      router: routerState(),
      network: network(),
      ports: ports.all(),
      hosts: hosts(),
      grantUrls: redemptionServer.urls,
      console: await readConsoleAddress(paths),
    };
  }

  /** RouterAccess and Certificates that the Site asks for. */
  private async generate(observed: Observed, site: Site | undefined): Promise<void> {
    const access = generatedAccess(site);
    const resources = new Map(observed.resources);
    if (access !== undefined) resources.set(`RouterAccess/${access.metadata.name}`, access);
    const certificates = site === undefined ? [] : wantedCertificates({ ...observed, resources }, site);
    await this.replaceGenerated(observed, [...(access === undefined ? [] : [access]), ...certificates]);
  }

  private async replaceGenerated(observed: Observed, wanted: readonly Resource[]): Promise<void> {
    for (const resource of wanted) await this.parts.store.apply(resource);
    const names = new Set(wanted.map(({ kind, metadata }) => `${kind}/${metadata.name}`));
    for (const kind of GENERATED_KINDS) {
      for (const { metadata } of ofKind(observed, kind)) {
        const isGenerated = metadata.labels?.[CONTROLLED_LABEL] === 'true';
        if (isGenerated && !names.has(`${kind}/${metadata.name}`)) await this.parts.store.delete(kind, metadata.name);
      }
    }
  }

  private async givePorts(observed: Observed, site: Site | undefined): Promise<void> {
    const { ports, log } = this.parts;
    for (const purpose of lostPorts(observed)) {
      log.info({ purpose }, 'imported service gets another port');
      await ports.release(purpose);
    }
    const bindHost = settingOf(site, SETTING.bindHost) ?? '';
    const grants: PortWant = { purpose: 'grants', from: GRANT_PORT_FIRST, host: bindHost };
    const own = new Set(
      [...ofKind(observed, 'Listener'), ...ofKind(observed, 'MultiKeyListener')].map(({ spec }) => spec.port),
    );
    const wants = [AMQPS_PORT, HTTP_PORT, grants, ...accessPorts(observed), ...importPorts(observed)];
    for (const { purpose, from, host } of wants) {
      try {
        await ports.give(purpose, from, host, own);
      } catch (err) {
        log.error({ err, purpose }, 'no port given');
      }
    }
  }

  private async issueCertificates(observed: Observed, site: Site | undefined): Promise<void> {
    const { credentials, log, tracer = NO_TRACER } = this.parts;
    if (site === undefined) return;
    const input = { ...secretsInput(observed), secrets: await credentials.secrets() };
    for (const { secret, reason } of planCertificateSecrets(input)) {
      const attributes = { 'skuprt.secret': secret.metadata.name, 'skuprt.reason': reason };
      log.info({ name: secret.metadata.name, reason }, 'making certificate');
      await tracer.span('keep certificate', { attributes }, () => credentials.keep(secret));
    }
    this.certificatesDueAt = nextCertificateWork({ ...input, secrets: await credentials.secrets() });
  }

  private async importServices(observed: Observed): Promise<void> {
    const { apply, prune, release } = planImports(observed);
    const { store, ports, clock } = this.parts;
    for (const listener of apply) await store.apply(listener);
    for (const name of prune) await store.delete('Listener', name);
    for (const purpose of release) ports.releaseLater(purpose, clock.now());
    await ports.releaseDue(clock.now());
  }

  private async configureRouter(observed: Observed): Promise<void> {
    const { paths, onConfig, log, tracer = NO_TRACER } = this.parts;
    const config = renderRouterConfig(observed);
    if (config === undefined || config === (await readIfExists(paths.routerConfig))) return;
    await tracer.span('configure router', {}, () => writeFileAtomic(paths.routerConfig, config));
    log.info('router configuration written');
    onConfig();
  }

  private async serveGrants(observed: Observed, site: Site | undefined): Promise<void> {
    const bindHost = settingOf(site, SETTING.bindHost);
    await this.parts.grants.load(ofKind(observed, 'AccessGrant'));
    await this.parts.redemptionServer.ensure(observed, bindHost, dialHostsOf(observed, bindHost));
    for (const name of endedGrants(observed)) await this.parts.store.delete('AccessGrant', name);
  }

  private async writeStatus(observed: Observed, signal: AbortSignal, isAwaited: () => boolean): Promise<void> {
    const { store, paths, newCode, grants, redeemer, onContent } = this.parts;
    const inputs = { newCode, redemptions: (uid: string) => grants.count(uid), attempts: redeemer.attempts };
    const outcomes = planOutcomes(observed, inputs);
    await store.patchStatuses(
      outcomes.map((outcome) => ({ key: keyOf(outcome.resource), status: statusFrom(outcome, observed.now) })),
      isAwaited,
    );
    this.rehearsals.look(observed);
    const site = activeSite(observed);
    if (site !== undefined) {
      const settled = { ...observed, resources: await store.admitted() };
      onContent(ownContent(settled, site));
      await writeChanged(paths.networkStatus, networkStatus(settled, site));
      redeemer.start(tokensDue(settled, redeemer.attempts), site, signal);
      this.parts.renewals.start(settled, signal);
    }
    await writeChanged(paths.faults, await store.faults());
    await this.markReady(site === undefined ? undefined : await store.get('Site', site.metadata.name));
  }

  private async markReady(site: Site | undefined): Promise<void> {
    const { paths, clock, log } = this.parts;
    const isReady = site?.status?.status === 'Ready';
    if (isReady === this.isReady) return;
    if (isReady) await writeFileAtomic(paths.ready, `${rfc3339(clock.wall())}\n`);
    else await rm(paths.ready, { force: true });
    this.isReady = isReady;
    log.info({ ready: isReady }, 'site readiness changed');
  }
}

/** The directories that a site has from its first start on. */
export async function makeDirectories(paths: SitePaths): Promise<void> {
  const directories = [paths.inputResources, paths.inputCerts, paths.runtimeResources, paths.runtimeCerts];
  for (const directory of [...directories, paths.grants, paths.requests, dirname(paths.routerConfig)]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
}

async function writeChanged(path: string, value: object): Promise<void> {
  const text = `${JSON.stringify(value, undefined, 2)}\n`;
  if (text !== (await readIfExists(path))) await writeFileAtomic(path, text);
}
