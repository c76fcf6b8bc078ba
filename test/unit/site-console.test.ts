/** The console that a Site asks for on Kubernetes: what is made, and that nothing secret is given away with it. */
import { describe, expect, it } from 'vitest';
import type { Site } from '../../config/api/site.ts';
import { CONTROLLER_RULES } from '../../config/rbac/rules.ts';
import type { KubeObject } from '../../lib/kube/object.ts';
import { siteIdOf } from '../../lib/site-identity.ts';
import { inspectCertificate } from '../../site-controller/pki/inspect.ts';
import { tlsMaterialOf } from '../../site-controller/pki/secret.ts';
import { planCertificateSecrets } from '../../site-controller/reconcile/certificate/issue.ts';
import { secretsInput, wantedCertificates } from '../../site-controller/reconcile/certificate/plan.ts';
import { planWorkload } from '../../site-controller/reconcile/site/workload.ts';
import { cluster } from '../support/cluster.ts';
import { namespacePlanOf } from '../support/namespace-plan.ts';
import { observed, resource, site } from '../support/observed.ts';

const NAME = 'skuprt-console';

function plan(value?: string, routers: 'deployment' | 'external' = 'deployment') {
  const given = site(value === undefined ? {} : { settings: { 'skuprt.io/console': value } });
  const { objects, faults } = planWorkload(observed([given], { cluster: cluster({ settings: { routers } }) }));
  return { made: objects.filter(({ metadata }) => metadata.name === NAME), faults };
}

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

function containerOf(made: readonly KubeObject[]) {
  const deployment = made.find(({ kind }) => kind === 'Deployment')!;
  const { template } = deployment.spec as { template: { spec: { containers: Record<string, unknown>[] } } };
  return { pod: template.spec, container: template.spec.containers[0]! };
}

describe('the console of a site', () => {
  it.each([
    [undefined, []],
    ['false', []],
    ['true', ['ServiceAccount', 'Role', 'RoleBinding', 'Service', 'Deployment']],
    ['read-write', ['ServiceAccount', 'Role', 'RoleBinding', 'Service', 'Deployment']],
    ['yes', []],
  ])('of the setting %s is %j', (value, kinds) => {
    expect(plan(value).made.map(({ kind }) => kind)).toEqual(kinds);
  });

  it('is not made where others run the routers', () => {
    expect(plan('true', 'external').made).toEqual([]);
  });

  it('only shows, unless it is to write', () => {
    expect(containerOf(plan('true').made).container.args).toContain('--read-only=true');
    expect(containerOf(plan('read-write').made).container.args).toContain('--read-only=false');
  });

  it('listens on all addresses of its pod, so that kubectl can forward its port', () => {
    const { args } = containerOf(plan('true').made).container as unknown as { args: string[] };
    expect(args[args.indexOf('--host') + 1]).toBe('::');
  });

  it('is given time to start on a node without a free processor', () => {
    const { container } = containerOf(plan('true').made);
    expect(container.startupProbe).toMatchObject({
      httpGet: { path: '/healthz' },
      periodSeconds: 1,
      failureThreshold: 300,
    });
  });

  it('may read neither Secrets nor what holds codes, and changes nothing', () => {
    const rules = (plan('read-write').made.find(({ kind }) => kind === 'Role') as unknown as { rules: Rule[] }).rules;
    const resources = rules.flatMap(({ resources: names }) => names);
    expect(resources).toContain('sites');
    for (const secret of ['secrets', 'accessgrants', 'accesstokens', 'configmaps', '*'])
      expect(resources).not.toContain(secret);
    expect(new Set(rules.flatMap(({ verbs }) => verbs))).toEqual(new Set(['get', 'list', 'watch']));
  });

  it('has no right that the controller, who gives it, has not', () => {
    const rules = (plan('true').made.find(({ kind }) => kind === 'Role') as unknown as { rules: Rule[] }).rules;
    const wanted = rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((name) => verbs.map((verb) => `${group} ${name} ${verb}`))),
    );
    const held = new Set(
      CONTROLLER_RULES.flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) => resources.flatMap((name) => verbs.map((verb) => `${group} ${name} ${verb}`))),
      ),
    );
    expect(wanted.filter((right) => !held.has(right))).toEqual([]);
  });

  it('runs hardened, and holds only its own certificate and that of clients of the router', () => {
    const { pod, container } = containerOf(plan('true').made);
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      serviceAccountName: NAME,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(container).toMatchObject({
      securityContext: {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        readOnlyRootFilesystem: true,
      },
    });
    const secrets = (pod as unknown as { volumes: { secret?: { secretName: string } }[] }).volumes;
    expect(secrets.flatMap(({ secret }) => secret?.secretName ?? [])).toEqual([NAME, 'skupper-local-client']);
  });

  it('has a certificate of the site while it is wanted', () => {
    const certificatesOf = (value: string) => {
      const given = observed([site({ settings: { 'skuprt.io/console': value } })], { cluster: cluster({}) });
      const objects = namespacePlanOf(given).apply.filter(({ kind }) => kind === 'Certificate');
      return objects.filter(({ metadata }) => metadata.name === NAME);
    };
    expect(certificatesOf('true')).toMatchObject([
      { spec: { ca: 'skupper-local-ca', server: true, hosts: expect.arrayContaining([NAME, 'localhost']) } },
    ]);
    expect(certificatesOf('false')).toEqual([]);
  });

  it.each([
    ['local', {}],
    ['kubernetes', { cluster: cluster({}) }],
  ])('of all certificates of a site, on %s, those of RouterAccesses alone name it', (_platform, parts) => {
    const access = resource('RouterAccess', 'skupper-router', {
      roles: [{ name: 'inter-router' }],
      tlsCredentials: 'skupper-site-server',
      generateTlsCredentials: true,
    });
    const given = site({ settings: { 'skuprt.io/console': 'true' } });
    const certificates = wantedCertificates(observed([given, access], parts), given as Site);
    const input = secretsInput(observed([given, access, ...certificates], parts));
    const made = new Map(input.secrets);
    // The CAs first, then what they sign.
    for (const _pass of [1, 2]) {
      for (const { secret } of planCertificateSecrets({ ...input, secrets: made }))
        made.set(secret.metadata.name, secret);
    }
    const naming = [...made.values()].filter(
      (secret) => siteIdOf(inspectCertificate(tlsMaterialOf(secret).certificate!).uris) !== undefined,
    );
    expect(made.size).toBe(certificates.length);
    expect(naming.map(({ metadata }) => metadata.name)).toEqual(['skupper-site-server']);
  });
});
