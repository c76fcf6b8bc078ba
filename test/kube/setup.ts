/** Says once why nothing of this tier runs. */
import { HOW_TO_HAVE_THEM, kubeAssets } from '../support/kube/assets.ts';

export default function setup(): void {
  if (kubeAssets() === undefined) {
    process.stdout.write(`kube: tests on a real API server are skipped; to run them, ${HOW_TO_HAVE_THEM}\n`);
  }
}
