/** Whose an object is: what a controller made carries its label and goes with the Site; everything else is left alone. Pure. */
import type { Site } from '../../config/api/site.ts';
import { CONTROLLED_LABEL } from '../../config/names.ts';
import { type KubeObject, type ObjectMeta, ownerReference } from '../../lib/kube/object.ts';

/** Made for this site by a controller, ours or Skupper's. */
export function isOwn({ metadata }: { metadata: Partial<ObjectMeta> }, site: Site): boolean {
  return (metadata.ownerReferences ?? []).some(({ uid }) => uid === site.metadata.uid);
}

export function isMarked({ metadata }: { metadata: Partial<ObjectMeta> }): boolean {
  return metadata.labels?.[CONTROLLED_LABEL] === 'true';
}

/** Of the controller itself: marked, and gone with its namespace. */
export function marked(object: KubeObject, namespace: string): KubeObject {
  const { metadata } = object;
  return {
    ...object,
    metadata: {
      ...metadata,
      namespace: metadata.namespace ?? namespace,
      labels: { ...metadata.labels, [CONTROLLED_LABEL]: 'true' },
    },
  };
}

/** `object` as it is to be applied: in the namespace of the site, marked and owned. One of another namespace cannot be owned. */
export function owned(object: KubeObject, site: Site, namespace: string): KubeObject {
  const made = marked(object, namespace);
  if (made.metadata.namespace !== namespace) return made;
  const ownerReferences = [ownerReference(site as unknown as KubeObject)];
  return { ...made, metadata: { ...made.metadata, ownerReferences } };
}
