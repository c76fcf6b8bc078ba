/** What runs a site on Kubernetes: pods, rights, sizes, the order of changes, and which controller acts. */
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../lib/kube/object.ts';
import { controlsNamespace } from '../../site-controller/reconcile/site/control.ts';
import { planWorkload } from '../../site-controller/reconcile/site/workload.ts';
import { type ClusterParts, cluster, foreign, live, pod } from '../support/cluster.ts';
import { observed, site } from '../support/observed.ts';

interface Container {
  name: string;
  args: string[];
  image: string;
  env: { name: string; value?: string }[];
  securityContext?: object;
  resources?: object;
  volumeMounts: { name: string; mountPath: string; readOnly?: boolean }[];
}

interface Probe {
  httpGet: object;
  periodSeconds: number;
  failureThreshold: number;
}

interface PodSpec {
  [member: string]: unknown;
  containers: Container[];
  initContainers: Container[];
  volumes: { name: string; emptyDir?: object }[];
}

interface Template {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  spec: PodSpec;
}

function plan(spec: object = {}, parts: ClusterParts = {}) {
  const { objects, faults } = planWorkload(observed([site(spec)], { cluster: cluster(parts) }));
  const object = (kind: string, name: string) =>
    objects.find((candidate) => candidate.kind === kind && candidate.metadata.name === name)!;
  return { objects, faults, object, names: objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`) };
}

function templateOf(deployment: KubeObject): Template {
  return (deployment.spec as { template: Template }).template;
}

function podOf(spec: object = {}, parts: ClusterParts = {}): Template {
  return templateOf(plan(spec, parts).object('Deployment', 'skupper-router'));
}

const RIGHTS = ['ServiceAccount/skupper-router', 'Role/skupper-router', 'RoleBinding/skupper-router'];
const SHARED = ['Service/skupper-router-local', 'ConfigMap/skupper-router-status', 'ConfigMap/skupper-network-status'];

describe('objects', () => {
  it.each<[string, object, ClusterParts, string[]]>([
    ['one router and its rights', {}, {}, [...SHARED, ...RIGHTS, 'Deployment/skupper-router']],
    [
      'two with a budget for HA',
      { ha: true },
      {},
      [
        ...SHARED,
        ...RIGHTS,
        'PodDisruptionBudget/skupper-router',
        'Deployment/skupper-router',
        'Deployment/skupper-router-2',
      ],
    ],
    ['no rights with an account of the user', { serviceAccount: 'mine' }, {}, [...SHARED, 'Deployment/skupper-router']],
    ['nothing that runs where routers are external', { ha: true }, { settings: { routers: 'external' } }, SHARED],
  ])('are %s', (_, spec, parts, names) => {
    expect(plan(spec, parts).names).toEqual(names);
    expect(plan(spec, parts).faults).toEqual([]);
  });

  it('are none without a site, and none on platform local', () => {
    expect(planWorkload(observed([], { cluster: cluster() })).objects).toEqual([]);
    expect(planWorkload(observed([site()])).objects).toEqual([]);
  });

  it('are the same each time', () => {
    expect(plan({ ha: true }).objects).toEqual(plan({ ha: true }).objects);
  });
});

describe('a pod', () => {
  it('carries the labels that others find it by', () => {
    expect(podOf().metadata.labels).toMatchObject({
      application: 'skupper-router',
      'skupper.io/component': 'router',
      'skupper.io/group': 'skupper-router',
      'skupper.io/type': 'site',
    });
    expect(podOf().metadata.annotations).toMatchObject({
      'prometheus.io/scrape': 'true',
      'prometheus.io/port': '9090',
    });
  });

  it('of one group is not picked by the Deployment of the other', () => {
    const { object } = plan({ ha: true });
    const groups = ['skupper-router', 'skupper-router-2'].map((name) => {
      const deployment = object('Deployment', name);
      const { matchLabels } = (deployment.spec as { selector: { matchLabels: Record<string, string> } }).selector;
      expect(templateOf(deployment).metadata.labels).toMatchObject(matchLabels);
      return matchLabels['skupper.io/group'];
    });
    expect(groups).toEqual(['skupper-router', 'skupper-router-2']);
  });

  it('keeps the selector of a Deployment that was there before, which cannot be changed', () => {
    const before = (matchLabels: object) =>
      live('Deployment', 'skupper-router', { spec: { selector: { matchLabels } } });
    const selector = (matchLabels: object) =>
      (plan({}, { objects: [before(matchLabels)] }).object('Deployment', 'skupper-router').spec as { selector: object })
        .selector;
    expect(selector({ 'skupper.io/component': 'router' })).toEqual({
      matchLabels: { 'skupper.io/component': 'router' },
    });
    expect(selector({ app: 'other' })).toMatchObject({ matchLabels: { 'skupper.io/group': 'skupper-router' } });
  });

  it('runs router and adaptor from the image, after the adaptor wrote the first configuration', () => {
    const { containers, initContainers } = podOf().spec;
    expect([...initContainers, ...containers].map(({ name, args }) => [name, ...args])).toEqual([
      ['config-init', 'kube-adaptor', '--init'],
      [
        ...['router', 'router', '--config', '/etc/skupper-router/config/skrouterd.json'],
        ...['--drain', '25s', '--drain-grace', '5s'],
      ],
      ['kube-adaptor', 'kube-adaptor'],
    ]);
    const variables = containers[1]!.env.filter(({ value }) => value !== undefined);
    expect(variables).toContainEqual({ name: 'SKUPPER_ROUTER_CONFIG', value: 'skupper-router' });
  });

  it('leaves its service before it ends, and ends within the time it is given', () => {
    const { containers, terminationGracePeriodSeconds } = podOf().spec;
    const { readinessProbe, livenessProbe } = containers[0] as unknown as Record<string, object>;
    expect([readinessProbe, livenessProbe]).toMatchObject([
      { httpGet: { path: '/readyz', port: 9090 }, failureThreshold: 1 },
      { httpGet: { path: '/healthz', port: 9090 } },
    ]);
    expect(terminationGracePeriodSeconds).toBeGreaterThan(25);
  });

  it('has minutes to start on a node that is busy, before anybody ends it for being silent', () => {
    const { startupProbe, livenessProbe } = podOf().spec.containers[0] as unknown as Record<string, Probe>;
    expect(startupProbe!.httpGet).toEqual(livenessProbe!.httpGet);
    expect(startupProbe!.periodSeconds * startupProbe!.failureThreshold).toBeGreaterThanOrEqual(300);
    expect(livenessProbe).not.toHaveProperty('initialDelaySeconds');
  });

  it('shows the token of its account to the adaptor and not to the router', () => {
    const { containers, initContainers, automountServiceAccountToken } = podOf().spec;
    expect(automountServiceAccountToken).toBe(false);
    const seesToken = ({ volumeMounts }: Container) =>
      volumeMounts.some(({ mountPath }) => /serviceaccount/.test(mountPath));
    expect([...initContainers, ...containers].filter(seesToken).map(({ name }) => name)).toEqual([
      'config-init',
      'kube-adaptor',
    ]);
  });

  it('is hardened, and keeps keys in memory', () => {
    const { containers, initContainers, securityContext, volumes } = podOf().spec;
    expect(securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    for (const container of [...containers, ...initContainers]) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        readOnlyRootFilesystem: true,
        runAsNonRoot: true,
      });
    }
    expect(volumes.find(({ name }) => name === 'skupper-router-certs')).toMatchObject({
      emptyDir: { medium: 'Memory' },
    });
    const [router, adaptor] = containers;
    expect(router!.volumeMounts.every(({ readOnly }) => readOnly)).toBe(true);
    const written = adaptor!.volumeMounts.filter(({ readOnly }) => !readOnly).map(({ mountPath }) => mountPath);
    expect(written).toEqual(router!.volumeMounts.map(({ mountPath }) => mountPath));
  });

  it('has no security context when the controller was told so', () => {
    const { securityContext, containers } = podOf({}, { settings: { disableSecurityContext: true } }).spec;
    expect([securityContext, containers[0]!.securityContext]).toEqual([undefined, undefined]);
  });

  it('is made anew for what a running router cannot change, and for nothing else', () => {
    const digest = (spec: object) => podOf(spec).metadata.annotations['skupper.io/config-digest'];
    expect(digest({ edge: true })).not.toBe(digest({}));
    expect(digest({ settings: { 'router-data-connection-count': '2' } })).not.toBe(digest({}));
    expect(podOf({ linkAccess: 'default', settings: { 'router-logging': 'debug' } })).toEqual(podOf({}));
  });

  it('keeps away from its twin, unless told otherwise', () => {
    expect(podOf({}).spec).not.toHaveProperty('affinity');
    const preferred = 'podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight';
    expect(podOf({ ha: true }).spec.affinity).toHaveProperty(preferred, 100);
    expect(podOf({ ha: true }).spec).toHaveProperty('topologySpreadConstraints');
    expect(podOf({ ha: true, settings: { 'disable-anti-affinity': 'true' } }).spec).not.toHaveProperty('affinity');
  });
});

describe('rights', () => {
  const rulesOf = (spec: object) =>
    plan(spec).object('Role', 'skupper-router').rules as {
      resources: string[];
      verbs: string[];
      resourceNames?: string[];
    }[];

  it('write only what adaptors report, by name', () => {
    for (const { resources, verbs, resourceNames } of rulesOf({})) {
      if (verbs.every((verb) => ['get', 'list', 'watch'].includes(verb))) continue;
      expect(resources).toEqual(['configmaps']);
      expect(resourceNames!.every((name) => /^skupper-(router|network)-status(-\d+)?$/.test(name))).toBe(true);
    }
  });

  it('reach the lease only with HA', () => {
    expect(rulesOf({}).some(({ resources }) => resources.includes('leases'))).toBe(false);
    expect(rulesOf({ ha: true }).some(({ resources }) => resources.includes('leases'))).toBe(true);
  });
});

describe('sizes', () => {
  const sizing = (name: string, data: object, annotations: Record<string, string> = {}): KubeObject => ({
    ...foreign('ConfigMap', `size-${name}`, { data }),
    metadata: { name: `size-${name}`, labels: { 'skupper.io/site-sizing': name }, annotations },
  });
  const large = sizing('large', {
    'router-cpu-request': '2',
    'router-memory-limit': '1Gi',
    'adaptor-cpu-limit': '250m',
  });
  const small = sizing('small', { 'router-cpu-request': '100m' }, { 'skupper.io/default-site-sizing': '' });
  const resourcesOf = (spec: object, sizings: KubeObject[]) =>
    podOf(spec, { sizings }).spec.containers.map(({ resources }) => resources);

  it.each<[string, object, KubeObject[], (object | undefined)[]]>([
    [
      'those of the named one',
      { settings: { size: 'large' } },
      [small, large],
      [{ requests: { cpu: '2' }, limits: { memory: '1Gi' } }, { limits: { cpu: '250m' } }],
    ],
    ['those of the default', {}, [large, small], [{ requests: { cpu: '100m' } }, undefined]],
    [
      'those of the default for an unknown name',
      { settings: { size: 'x' } },
      [small],
      [{ requests: { cpu: '100m' } }, undefined],
    ],
    ['none without a default', {}, [large], [undefined, undefined]],
  ])('are %s', (_, spec, sizings, wanted) => {
    expect(resourcesOf(spec, sizings)).toEqual(wanted);
  });

  it('name what they cannot be', () => {
    expect(plan({ settings: { size: 'x' } }, { sizings: [small, large] }).faults).toEqual([
      'Unknown size "x"; known: large, small',
    ]);
    const bad = sizing('bad', { 'router-cpu-request': 'much', 'router-disk-limit': '1' });
    expect(plan({ settings: { size: 'bad' } }, { sizings: [bad] }).faults).toEqual([
      'sizing ConfigMap size-bad: router-cpu-request must be a quantity like 250m or 64Mi, not "much"',
      'sizing ConfigMap size-bad: router-disk-limit is not a known key',
    ]);
  });
});

describe('two routers', () => {
  const NEW = { routerImage: 'registry.example/skuprt:2', adaptorImage: 'registry.example/skuprt:2' };
  const DONE = { observedGeneration: 3, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };

  /** The Deployments as the API server has them after `settings` were applied, each with its status. */
  const running = (settings: ClusterParts['settings'], statuses: object[]): KubeObject[] =>
    ['skupper-router', 'skupper-router-2'].map((name, index) => {
      const { spec, metadata } = plan({ ha: true }, { settings }).object('Deployment', name);
      const { template, ...rest } = spec as { template: Template };
      const defaulted = { ...template, spec: { ...template.spec, restartPolicy: 'Always' } };
      const { annotations } = metadata;
      return live(
        'Deployment',
        name,
        { spec: { ...rest, template: defaulted }, status: statuses[index] },
        { annotations, generation: 3 },
      );
    });
  const images = (objects: KubeObject[], pods: ClusterParts['pods'] = []) => {
    const { object } = plan({ ha: true }, { settings: NEW, objects, pods });
    return ['skupper-router', 'skupper-router-2'].map(
      (name) => templateOf(object('Deployment', name)).spec.containers[0]!.image.split(':')[1],
    );
  };
  const [oldFirst, oldSecond] = running({}, [DONE, DONE]);
  const newFirst = (status: object) => running(NEW, [status, DONE])[0]!;

  it('are made together', () => {
    expect(images([])).toEqual(['2', '2']);
  });

  it('are changed one after the other', () => {
    expect(images([oldFirst!, oldSecond!])).toEqual(['2', '1']);
  });

  it.each<[string, object, string[]]>([
    ['the controller manager has not seen the change', { ...DONE, observedGeneration: 2 }, ['2', '1']],
    ['the new pod is not there', { ...DONE, updatedReplicas: 0 }, ['2', '1']],
    ['the new pod is not ready', { ...DONE, replicas: 2, availableReplicas: 1 }, ['2', '1']],
    ['nothing is known', {}, ['2', '1']],
    ['the new pod is ready and the old one told to go', DONE, ['2', '2']],
  ])('the second waits or follows when %s', (_, status, wanted) => {
    expect(images([newFirst(status), oldSecond!])).toEqual(wanted);
  });

  it('the second waits while the old pod of the first still serves', () => {
    const drained = (isReady: boolean) =>
      images([newFirst(DONE), oldSecond!], [pod('old', { isDeleting: true, isReady })]);
    expect(drained(true)).toEqual(['2', '1']);
    expect(drained(false)).toEqual(['2', '2']);
  });

  it('the one that waits is left exactly as it is', () => {
    const { object } = plan({ ha: true }, { settings: NEW, objects: [oldFirst!, oldSecond!] });
    const kept = object('Deployment', 'skupper-router-2');
    expect(templateOf(kept)).toEqual(templateOf(oldSecond!));
    expect(kept.metadata.annotations).toEqual(oldSecond!.metadata.annotations);
  });

  it('a fault of the first holds no second back that is as it should be, nor its repair', () => {
    const broken = newFirst({ ...DONE, availableReplicas: 0 });
    const [, touched] = running(NEW, [DONE, DONE]);
    templateOf(touched!).spec.containers[0]!.image = 'evil:1';
    expect(images([broken, touched!])).toEqual(['2', '2']);
  });
});

describe('a namespace', () => {
  const config = (controller: string) => foreign('ConfigMap', 'skupper', { data: { controller } });

  it.each<[string, ClusterParts, boolean]>([
    ['without a word, by the controller of the cluster', {}, true],
    ['not without a word, when that is asked for', { settings: { requireExplicitControl: true } }, false],
    ['not without a word, by a controller of one namespace', { settings: { watchNamespace: 'ns-west' } }, false],
    ['that names it', { objects: [config('skupper/skupper-controller')] }, true],
    [
      'that names it, when that is asked for',
      { settings: { requireExplicitControl: true }, objects: [config('skupper/skupper-controller')] },
      true,
    ],
    [
      'that names it by its plain name',
      { settings: { name: 'ns-west/mine', watchNamespace: 'ns-west' }, objects: [config('mine')] },
      true,
    ],
    ['not one that names another', { objects: [config('other/controller')] }, false],
    ['not one that names one of its own', { objects: [config('skupper-controller')] }, false],
    ['whose ConfigMap says nothing', { objects: [foreign('ConfigMap', 'skupper', { data: {} })] }, true],
  ])('is controlled %s', (_, parts, isControlled) => {
    expect(controlsNamespace(observed([], { cluster: cluster(parts) }))).toBe(isControlled);
  });
});
