/**
 * The objects of an installation: the YAML of config/, put together as its kustomizations say. Of kustomize only what these use is
 * understood: resources and JSON patches that add. `kubectl kustomize` gives the same, which a test holds.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { AssertionError, assert } from '../../../lib/errors.ts';
import type { KubeObject } from '../../../lib/kube/object.ts';
import type { ApiKind } from '../../places/cluster-client.ts';
import { withArguments } from './service-settings.ts';
import { withSettings } from './settings.ts';

/** Serves the sites of all namespaces, or of its own only. */
export type InstallScope = 'cluster' | 'namespace';

export interface ManifestChoice {
  scope: InstallScope;
  /** Where the controller runs. */
  namespace: string;
  /** Undefined: the one in the manifests. */
  image?: string;
  /** Further variables of the controller. */
  settings?: Readonly<Record<string, string>>;
  /**
   * The processes and kinds of services of a cluster set. They are of the whole cluster only, and there unless they are refused; what is
   * said outright is noted at the controller, for later.
   */
  services?: boolean;
  /** Further arguments of the processes of services, by the name of the Deployment. */
  serviceArguments?: Readonly<Record<string, readonly string[]>>;
  /** The kind of external-dns too. */
  dnsEndpoints?: boolean;
}

/** On the Deployment of the controller, "true" or "false": what was said about services. */
export const SERVICES_ANNOTATION = 'skuprt.io/services';

export const CONTROLLER_NAMESPACE = 'skupper';
export const CONTROLLER_NAME = 'skupper-controller';

/** Every kind in config/, in the order in which they are made. */
const KINDS: Readonly<Record<string, ApiKind & { namespaced: boolean }>> = {
  Namespace: { apiVersion: 'v1', plural: 'namespaces', namespaced: false },
  CustomResourceDefinition: {
    apiVersion: 'apiextensions.k8s.io/v1',
    plural: 'customresourcedefinitions',
    namespaced: false,
  },
  ServiceAccount: { apiVersion: 'v1', plural: 'serviceaccounts', namespaced: true },
  ConfigMap: { apiVersion: 'v1', plural: 'configmaps', namespaced: true },
  ClusterRole: { apiVersion: 'rbac.authorization.k8s.io/v1', plural: 'clusterroles', namespaced: false },
  Role: { apiVersion: 'rbac.authorization.k8s.io/v1', plural: 'roles', namespaced: true },
  ClusterRoleBinding: { apiVersion: 'rbac.authorization.k8s.io/v1', plural: 'clusterrolebindings', namespaced: false },
  RoleBinding: { apiVersion: 'rbac.authorization.k8s.io/v1', plural: 'rolebindings', namespaced: true },
  Service: { apiVersion: 'v1', plural: 'services', namespaced: true },
  PodDisruptionBudget: { apiVersion: 'policy/v1', plural: 'poddisruptionbudgets', namespaced: true },
  Deployment: { apiVersion: 'apps/v1', plural: 'deployments', namespaced: true },
};
const ORDER = Object.keys(KINDS);

export function apiKindOf({ kind }: { kind: string }): ApiKind & { namespaced: boolean } {
  const api = KINDS[kind];
  assert(api, `config/ has a ${kind}, which installing does not know`);
  return api;
}

/** What `choice` asks for, in the order in which it is made. */
export function installManifests(choice: ManifestChoice): KubeObject[] {
  const objects = chosenObjects(choice);
  const image = imageOf(objects);
  return objects
    .map((object) => inNamespace(object, choice.namespace))
    .map((object) => (choice.image === undefined ? object : replaceText(object, image, choice.image)))
    .map((object) => (object.kind === 'Deployment' ? setUp(object, choice) : object))
    .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

/** Those of services of a cluster set: their kinds among them. */
export function serviceManifests(namespace: string): KubeObject[] {
  return readKustomization('services')
    .map((object) => inNamespace(object, namespace))
    .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
}

function chosenObjects({ scope, services = true, dnsEndpoints = false }: ManifestChoice): KubeObject[] {
  const ofServices = new Set(readKustomization('services').map(idOf));
  const all = readKustomization('default').filter(
    (object) => (services && scope === 'cluster') || !ofServices.has(idOf(object)),
  );
  // Namespace and kinds are the cluster's: the kustomization for one namespace leaves them to who may make them.
  const isShared = ({ kind }: KubeObject) => !apiKindOf({ kind }).namespaced && !kind.startsWith('ClusterRole');
  const objects = scope === 'cluster' ? all : [...all.filter(isShared), ...readKustomization('namespaced')];
  return dnsEndpoints ? [...objects, ...readKustomization('crd/dns-endpoints')] : objects;
}

function idOf({ kind, metadata }: KubeObject): string {
  return `${kind}/${metadata.name}`;
}

function setUp(deployment: KubeObject, { settings = {}, serviceArguments = {}, services }: ManifestChoice): KubeObject {
  const { name } = deployment.metadata;
  if (name !== CONTROLLER_NAME) return withArguments(deployment, serviceArguments[name] ?? []);
  const copy = withSettings(deployment, settings);
  if (services === undefined) return copy;
  const annotations = { ...copy.metadata.annotations, [SERVICES_ANNOTATION]: String(services) };
  return { ...copy, metadata: { ...copy.metadata, annotations } };
}

/** The image of the controller in these objects, which is that of all processes. */
export function imageOf(objects: readonly KubeObject[]): string {
  const deployment = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === CONTROLLER_NAME);
  const image = deployment === undefined ? undefined : controllerImage(deployment);
  assert(image, 'config/ has no Deployment with an image');
  return image;
}

export function controllerImage(deployment: KubeObject): string | undefined {
  const spec = deployment.spec as { template?: { spec?: { containers?: { image?: string }[] } } } | undefined;
  return spec?.template?.spec?.containers?.[0]?.image;
}

interface Kustomization {
  resources?: string[];
  patches?: { path: string; target: { kind: string; name: string } }[];
}

/** @throws AssertionError when the kustomization uses more than is understood */
export function readKustomization(path: string, root = configFolder()): KubeObject[] {
  const folder = join(root, path);
  const { resources = [], patches = [] } = parse(
    readFileSync(join(folder, 'kustomization.yaml'), 'utf8'),
  ) as Kustomization;
  const objects = resources.flatMap((resource) =>
    resource.endsWith('.yaml') ? readObjects(join(folder, resource)) : readKustomization(join(path, resource), root),
  );
  return patches.reduce((patched, patch) => {
    const additions = parse(readFileSync(join(folder, patch.path), 'utf8')) as Addition[];
    return patched.map((object) =>
      object.kind === patch.target.kind && object.metadata.name === patch.target.name
        ? additions.reduce(withAddition, object)
        : object,
    );
  }, objects);
}

function readObjects(file: string): KubeObject[] {
  return parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS() as KubeObject);
}

interface Addition {
  op: string;
  path: string;
  value: unknown;
}

/** RFC 6902 `add` at the end of a list. */
function withAddition(object: KubeObject, { op, path, value }: Addition): KubeObject {
  if (op !== 'add' || !path.endsWith('/-')) throw new AssertionError(`a patch that is not understood: ${op} ${path}`);
  const copy = structuredClone(object);
  let list: unknown = copy;
  for (const key of path.split('/').slice(1, -1)) list = (list as Record<string, unknown>)[key];
  (list as unknown[]).push(value);
  return copy;
}

function inNamespace(object: KubeObject, namespace: string): KubeObject {
  const { metadata, subjects } = object;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(object.kind === 'Namespace' && { name: namespace }),
      ...(apiKindOf(object).namespaced && { namespace }),
    },
    ...(Array.isArray(subjects) && { subjects: subjects.map((subject: object) => ({ ...subject, namespace })) }),
  };
}

/** Every string that is `from` becomes `to`: the image of the container, and those of routers and adaptors in its variables. */
function replaceText<Value>(value: Value, from: string, to: string): Value {
  if (value === from) return to as Value;
  if (Array.isArray(value)) return value.map((item) => replaceText(item, from, to)) as Value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaceText(item, from, to)])) as Value;
}

/** In a checkout this file is three folders below the root, in the package four. */
function configFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const folders = ['../../../config', '../../../../config'].map((path) => join(here, path));
  const folder = folders.find((candidate) => existsSync(join(candidate, 'default/kustomization.yaml')));
  assert(folder, `the manifests of this package are not there: ${folders.join(', ')}`);
  return folder;
}
