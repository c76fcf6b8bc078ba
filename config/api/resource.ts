/** The envelope of every resource: apiVersion, kind, metadata, spec and status, as Kubernetes has it. */
import Type from 'typebox';
import { choice, closed, objectName, SKUPPER_API_VERSION, stringMap } from './schema.ts';

const OwnerReference = Type.Object({
  apiVersion: Type.String(),
  kind: Type.String(),
  name: Type.String(),
  uid: Type.String(),
  controller: Type.Optional(Type.Boolean()),
  blockOwnerDeletion: Type.Optional(Type.Boolean()),
});

/** What a user writes (name, namespace, labels, annotations) and what an API server adds, so that its output can be read back. */
export const Metadata = closed({
  name: objectName(),
  generateName: Type.Optional(Type.String()),
  namespace: Type.Optional(objectName()),
  labels: Type.Optional(stringMap()),
  annotations: Type.Optional(stringMap()),
  uid: Type.Optional(Type.String()),
  generation: Type.Optional(Type.Integer()),
  resourceVersion: Type.Optional(Type.String()),
  creationTimestamp: Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'] })),
  deletionTimestamp: Type.Optional(Type.String()),
  deletionGracePeriodSeconds: Type.Optional(Type.Integer()),
  finalizers: Type.Optional(Type.Array(Type.String())),
  ownerReferences: Type.Optional(Type.Array(OwnerReference)),
  managedFields: Type.Optional(Type.Array(Type.Object({}))),
  selfLink: Type.Optional(Type.String()),
});
export type Metadata = Type.Static<typeof Metadata>;
export type OwnerReference = Type.Static<typeof OwnerReference>;

/** The schema of one `skupper.io` kind. */
export function customResource<Kind extends string, Spec extends Type.TSchema, Status extends Type.TSchema>(
  kind: Kind,
  spec: Spec,
  status: Status,
) {
  return closed({
    apiVersion: Type.Literal(SKUPPER_API_VERSION),
    kind: Type.Literal(kind),
    metadata: Metadata,
    spec,
    status: Type.Optional(status),
  });
}

/** The schema of a kind of another group, the same in each of its `apiVersions`; the first is the one to write. */
export function sharedResource<
  const Versions extends readonly string[],
  Kind extends string,
  Spec extends Type.TSchema,
  Status extends Type.TSchema,
>(apiVersions: Versions, kind: Kind, spec: Spec, status: Status) {
  return closed({
    apiVersion: choice(apiVersions),
    kind: Type.Literal(kind),
    metadata: Metadata,
    spec,
    status: Type.Optional(status),
  });
}
