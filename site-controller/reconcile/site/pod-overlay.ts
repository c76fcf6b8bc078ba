/**
 * What a user adds to the router's pods: a fragment of a PodTemplateSpec in key `template.yaml` of the ConfigMap that the Site setting
 * `skuprt.io/pod-template` names. Only what cannot weaken the pod is taken, unless the controller was told to leave out security
 * contexts; a fragment with a fault is not used at all. Pure.
 */
import Type from 'typebox';
import { parseDocument } from 'yaml';
import { faultsOf } from '../../../config/api/faults.ts';
import { closed, stringMap } from '../../../config/api/schema.ts';
import type { Site } from '../../../config/api/site.ts';
import { SETTING } from '../../../config/names.ts';
import { objectOf } from '../cluster.ts';
import type { Observed } from '../observed.ts';
import type { PodTemplate } from './deployment.ts';
import { settingOf } from './identity.ts';

const KEY = 'template.yaml';
const TEXT_LENGTH_MAX = 64 * 1024;

const AnyObject = Type.Record(Type.String(), Type.Unknown());
const NotRoot = Type.Optional(Type.Integer({ minimum: 1, title: 'the number of a user or group other than root' }));

/** Who the pod runs as, but never root, and nothing else. */
const SafeContext = closed({
  runAsUser: NotRoot,
  runAsGroup: NotRoot,
  fsGroup: NotRoot,
  fsGroupChangePolicy: Type.Optional(Type.String()),
  supplementalGroups: Type.Optional(Type.Array(Type.Integer({ minimum: 1 }))),
});

function overlaySchema(isSecurityFree: boolean) {
  const container = {
    name: Type.String({ minLength: 1 }),
    resources: Type.Optional(AnyObject),
    ...(isSecurityFree && { securityContext: Type.Optional(AnyObject) }),
  };
  return closed({
    metadata: Type.Optional(closed({ labels: Type.Optional(stringMap()), annotations: Type.Optional(stringMap()) })),
    spec: Type.Optional(
      closed({
        affinity: Type.Optional(AnyObject),
        containers: Type.Optional(Type.Array(closed(container))),
        dnsConfig: Type.Optional(AnyObject),
        dnsPolicy: Type.Optional(Type.String()),
        hostAliases: Type.Optional(Type.Array(AnyObject)),
        imagePullSecrets: Type.Optional(Type.Array(AnyObject)),
        initContainers: Type.Optional(Type.Array(closed(container))),
        nodeSelector: Type.Optional(stringMap()),
        priorityClassName: Type.Optional(Type.String()),
        runtimeClassName: Type.Optional(Type.String()),
        schedulerName: Type.Optional(Type.String()),
        securityContext: Type.Optional(isSecurityFree ? AnyObject : SafeContext),
        terminationGracePeriodSeconds: Type.Optional(Type.Integer({ minimum: 6, maximum: 3600 })),
        tolerations: Type.Optional(Type.Array(AnyObject)),
        topologySpreadConstraints: Type.Optional(Type.Array(AnyObject)),
      }),
    ),
  });
}

const SAFE = overlaySchema(false);
const FREE = overlaySchema(true);

interface ContainerOverlay {
  name: string;
  [member: string]: unknown;
}

export interface PodOverlay {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec?: { containers?: ContainerOverlay[]; initContainers?: ContainerOverlay[] } & Record<string, unknown>;
}

const CONTAINERS = { containers: ['router', 'kube-adaptor'], initContainers: ['config-init'] } as const;
/** Labels by which Services and Deployments find the pods. */
const OWN_LABELS = new Set(['application', 'app.kubernetes.io/name', 'app.kubernetes.io/part-of']);

/** Older forms of members of security contexts. */
const SECURITY_KEY = /(apparmor|seccomp|security)[^/]*kubernetes\.io\//;

/** An empty one when there is none, or when it has faults. */
export function podOverlay(observed: Observed, site: Site): { value: PodOverlay; faults: string[] } {
  const name = settingOf(site, SETTING.podTemplate);
  if (name === undefined) return { value: {}, faults: [] };
  const place = `pod template ConfigMap ${name}`;
  const map = observed.cluster && objectOf(observed.cluster, 'ConfigMap', name);
  if (map === undefined) return { value: {}, faults: [`${place} not found`] };
  const text = (map.data as Record<string, string> | undefined)?.[KEY];
  if (text === undefined) return { value: {}, faults: [`${place} has no key ${KEY}`] };
  const parsed = parse(text);
  if (typeof parsed === 'string') return { value: {}, faults: [`${place}: ${KEY}: ${parsed}`] };
  const isSecurityFree = observed.cluster?.settings.disableSecurityContext === true;
  const faults = faultsOf(isSecurityFree ? FREE : SAFE, parsed).map(({ path, message }) => `${path} ${message}`.trim());
  if (faults.length === 0) faults.push(...ownershipFaults(parsed, isSecurityFree));
  if (faults.length > 0) return { value: {}, faults: faults.map((fault) => `${place}: ${fault}`) };
  return { value: parsed, faults: [] };
}

/** A text says what is wrong. */
function parse(text: string): PodOverlay | string {
  if (text.length > TEXT_LENGTH_MAX) return `longer than ${TEXT_LENGTH_MAX} characters`;
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) return error.message.split('\n', 1)[0]!;
  try {
    return (document.toJS({ maxAliasCount: 16 }) ?? {}) as PodOverlay;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

function ownershipFaults({ metadata, spec }: PodOverlay, isSecurityFree: boolean): string[] {
  const annotations = isSecurityFree
    ? []
    : Object.keys(metadata?.annotations ?? {}).filter((key) => SECURITY_KEY.test(key));
  const labels = Object.keys(metadata?.labels ?? {}).filter(
    (key) => OWN_LABELS.has(key) || key.includes('skupper.io/'),
  );
  const containers = (['containers', 'initContainers'] as const).flatMap((list) =>
    (spec?.[list] ?? [])
      .filter(({ name }) => !CONTAINERS[list].some((known) => known === name))
      .map(({ name }) => `spec.${list}: the pod has no "${name}", only ${CONTAINERS[list].join(' and ')}`),
  );
  return [
    ...labels.map((key) => `metadata.labels.${key} is the controller's own`),
    ...annotations.map((key) => `metadata.annotations.${key} would weaken the pod`),
    ...containers,
  ];
}

/** Maps are merged, containers by their names, and other lists replaced; what the controller sets in maps of names stays. */
export function overlaid(template: PodTemplate, { metadata, spec = {} }: PodOverlay): PodTemplate {
  const { containers = [], initContainers = [], ...members } = spec;
  return {
    metadata: {
      labels: { ...metadata?.labels, ...template.metadata.labels },
      annotations: { ...metadata?.annotations, ...template.metadata.annotations },
    },
    spec: {
      ...(merge(template.spec, members) as PodTemplate['spec']),
      containers: overlaidContainers(template.spec.containers, containers),
      initContainers: overlaidContainers(template.spec.initContainers, initContainers),
    },
  };
}

function overlaidContainers(
  containers: PodTemplate['spec']['containers'],
  overlays: readonly ContainerOverlay[],
): PodTemplate['spec']['containers'] {
  return containers.map((container) => {
    const overlay = overlays.find(({ name }) => name === container.name);
    return overlay === undefined ? container : (merge(container, overlay) as typeof container);
  });
}

function merge(base: unknown, overlay: unknown): unknown {
  if (!isMap(base) || !isMap(overlay)) return overlay;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(overlay)) merged[key] = merge(base[key], value);
  return merged;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
