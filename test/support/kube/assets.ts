/** Where kube-apiserver and etcd are, by the convention of envtest. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const HOW_TO_HAVE_THEM =
  'set KUBEBUILDER_ASSETS to a folder with kube-apiserver and etcd, as `setup-envtest use -p path` prints it';

/** Undefined when they are not there. */
export function kubeAssets(): string | undefined {
  const folder = process.env.KUBEBUILDER_ASSETS;
  if (folder === undefined || folder === '') return undefined;
  return ['kube-apiserver', 'etcd'].every((name) => existsSync(join(folder, name))) ? folder : undefined;
}
