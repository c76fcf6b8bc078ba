/** What users lay over what the controller makes: labels on its objects, and a fragment of the pod template. */
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../lib/kube/object.ts';
import { applyTemplates, templateFaults } from '../../site-controller/reconcile/site/labels.ts';
import { planWorkload } from '../../site-controller/reconcile/site/workload.ts';
import { type ClusterParts, cluster, foreign, live } from '../support/cluster.ts';
import { observed, site } from '../support/observed.ts';

interface Container {
  name: string;
  resources?: object;
}

interface Template {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  spec: { [member: string]: unknown; containers: Container[] };
}

const faultsOf = (spec: object, parts: ClusterParts = {}) =>
  planWorkload(observed([site(spec)], { cluster: cluster(parts) })).faults;

function podOf(spec: object = {}, parts: ClusterParts = {}): Template {
  const { objects } = planWorkload(observed([site(spec)], { cluster: cluster(parts) }));
  const deployment = objects.find(({ kind }) => kind === 'Deployment')!;
  return (deployment.spec as { template: Template }).template;
}

describe('label templates', () => {
  const template = (
    name: string,
    metadata: { labels?: object; annotations?: object },
    data: object = {},
    namespace = 'ns-west',
  ) =>
    ({
      ...foreign('ConfigMap', name, { data }),
      metadata: {
        name,
        namespace,
        annotations: metadata.annotations,
        labels: { 'skupper.io/label-template': '', ...metadata.labels },
      },
    }) as KubeObject;
  const service = live('Service', 'backend', {}, { labels: { app: 'web', 'internal.skupper.io/controlled': 'true' } });
  const labelled = (templates: KubeObject[], object = service) => {
    const state = observed([site()], { cluster: cluster({ labelTemplates: templates }) });
    const { labels, annotations } = applyTemplates(state, [object])[0]!.metadata;
    const { app: _app, 'internal.skupper.io/controlled': _mark, ...added } = labels ?? {};
    return { ...added, ...annotations };
  };
  const team = {
    labels: { team: 'a' },
    annotations: { note: 'n', 'kubectl.kubernetes.io/last-applied-configuration': 'x' },
  };

  it.each<[string, object, boolean]>([
    ['everything without data', {}, true],
    ['by kind', { kind: 'Service' }, true],
    ['not by another kind', { kind: 'Deployment' }, false],
    ['by a kind in other letters', { kind: 'service' }, true],
    ['by name', { name: 'backend' }, true],
    ['not by another name', { name: 'other' }, false],
    ['by selector', { labelSelector: 'app in (web, db), !legacy' }, true],
    ['not by another selector', { labelSelector: 'app=db' }, false],
    ['only when all agree', { name: 'backend', kind: 'Deployment' }, false],
    ['nothing with a selector that cannot be read', { labelSelector: 'app in web' }, false],
  ])('match %s', (_, data, isCopied) => {
    expect(labelled([template('t', team, data)])).toEqual(isCopied ? { team: 'a', note: 'n' } : {});
  });

  it('leave out what they exclude, and what is not theirs to say', () => {
    const own = {
      labels: { team: 'a', app: 'hijacked', 'internal.skupper.io/controlled': 'false' },
      annotations: { note: 'n' },
    };
    const state = observed([site()], {
      cluster: cluster({ labelTemplates: [template('t', own, { exclude: 'note, x' })] }),
    });
    expect(applyTemplates(state, [service])[0]!.metadata).toEqual({
      ...service.metadata,
      labels: { team: 'a', app: 'web', 'internal.skupper.io/controlled': 'true' },
    });
  });

  it("of the controller's namespace win", () => {
    const here = template('z', { labels: { team: 'here', only: 'here' } });
    const there = template('a', { labels: { team: 'there' } }, {}, 'skupper');
    expect(labelled([there, here])).toEqual({ team: 'there', only: 'here' });
    expect(labelled([here, there])).toEqual({ team: 'there', only: 'here' });
  });

  it('that cannot be read are named', () => {
    const state = observed([site()], {
      cluster: cluster({ labelTemplates: [template('bad', {}, { labelSelector: 'app in web' })] }),
    });
    expect(templateFaults(state)).toEqual([
      expect.stringMatching(/^label template ns-west\/bad: selector "app in web"/),
    ]);
  });
});

describe('the pod template overlay', () => {
  const SPEC = { settings: { 'skuprt.io/pod-template': 'overlay' } };
  const overlay = (text: string, parts: ClusterParts = {}): ClusterParts => ({
    ...parts,
    objects: [foreign('ConfigMap', 'overlay', { data: { 'template.yaml': text } })],
  });

  it('adds what says where and how the pods run', () => {
    const text = `
metadata: {labels: {team: net}, annotations: {note: x}}
spec:
  tolerations: [{key: edge, operator: Exists}]
  nodeSelector: {disk: ssd}
  priorityClassName: high
  affinity: {nodeAffinity: {a: 1}}
  imagePullSecrets: [{name: pull}]
  securityContext: {runAsUser: 4711, fsGroup: 4711}
  containers:
  - name: router
    resources: {limits: {memory: 1Gi}}
`;
    const { metadata, spec } = podOf({ ...SPEC, ha: true }, overlay(text));
    expect(faultsOf(SPEC, overlay(text))).toEqual([]);
    expect(metadata.labels).toMatchObject({ team: 'net', 'skupper.io/component': 'router' });
    expect(spec).toMatchObject({
      tolerations: [{ key: 'edge', operator: 'Exists' }],
      nodeSelector: { disk: 'ssd' },
      priorityClassName: 'high',
      affinity: { nodeAffinity: { a: 1 }, podAntiAffinity: {} },
      imagePullSecrets: [{ name: 'pull' }],
      securityContext: {
        runAsUser: 4711,
        fsGroup: 4711,
        runAsNonRoot: true,
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
    expect(spec.containers[0]).toEqual({ ...podOf().spec.containers[0]!, resources: { limits: { memory: '1Gi' } } });
    expect(spec.containers[1]!.resources).toBeUndefined();
  });

  it('is laid over the size', () => {
    const size = {
      ...foreign('ConfigMap', 's', { data: { 'router-cpu-request': '1', 'router-memory-limit': '2Gi' } }),
      metadata: {
        name: 's',
        labels: { 'skupper.io/site-sizing': 's' },
        annotations: { 'skupper.io/default-site-sizing': '' },
      },
    };
    const text = 'spec: {containers: [{name: router, resources: {limits: {memory: 1Gi}}}]}';
    const { resources } = podOf(SPEC, overlay(text, { sizings: [size] })).spec.containers[0]!;
    expect(resources).toEqual({ requests: { cpu: '1' }, limits: { memory: '1Gi' } });
  });

  it.each([
    ['spec: {hostNetwork: true}', 'spec.hostNetwork is not a known key'],
    ['spec: {serviceAccountName: admin}', 'spec.serviceAccountName is not a known key'],
    ['spec: {volumes: []}', 'spec.volumes is not a known key'],
    ['spec: {securityContext: {runAsNonRoot: false}}', 'spec.securityContext.runAsNonRoot is not a known key'],
    ['spec: {securityContext: {runAsUser: 0}}', 'spec.securityContext.runAsUser must be the number of a user or group'],
    [
      'spec: {containers: [{name: router, securityContext: {}}]}',
      'spec.containers[0].securityContext is not a known key',
    ],
    ['spec: {containers: [{name: router, image: evil}]}', 'spec.containers[0].image is not a known key'],
    ['spec: {containers: [{name: side}]}', 'spec.containers: the pod has no "side", only router and kube-adaptor'],
    ['spec: {tolerations: all}', 'spec.tolerations must be a list'],
    ['metadata: {labels: {skupper.io/group: x}}', "metadata.labels.skupper.io/group is the controller's own"],
    [
      'metadata: {annotations: {container.apparmor.security.beta.kubernetes.io/router: unconfined}}',
      'metadata.annotations.container.apparmor.security.beta.kubernetes.io/router would weaken the pod',
    ],
    ['[1, 2]', 'must be'],
    ['spec: {', 'template.yaml: '],
  ])('%s is refused as a whole, by name', (text, fault) => {
    const faults = faultsOf(SPEC, overlay(text));
    expect(faults.join()).toContain('pod template ConfigMap overlay: ');
    expect(faults.join()).toContain(fault);
    expect(podOf(SPEC, overlay(text))).toEqual(podOf());
  });

  it('may change security contexts where the controller leaves them out', () => {
    const free = { settings: { disableSecurityContext: true } };
    const text = 'spec: {securityContext: {runAsUser: 0}}';
    expect(podOf(SPEC, overlay(text, free)).spec.securityContext).toEqual({ runAsUser: 0 });
  });

  it('that is not there is named', () => {
    expect(faultsOf(SPEC)).toEqual(['pod template ConfigMap overlay not found']);
    const empty = { objects: [foreign('ConfigMap', 'overlay', { data: {} })] };
    expect(faultsOf(SPEC, empty)).toEqual(['pod template ConfigMap overlay has no key template.yaml']);
  });
});
