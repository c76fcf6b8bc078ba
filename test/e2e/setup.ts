/** Says once why nothing of this tier runs. */
export const HOW_TO_HAVE_CONTEXTS =
  'kind/up, then kind/install --contexts kind-a,kind-b, then npm run test:e2e -- --contexts kind-a,kind-b';

export default function setup(): void {
  if (!process.env.SKUPRT_E2E_CONTEXTS) {
    process.stdout.write(`e2e: tests on clusters with pods are skipped; to run them, ${HOW_TO_HAVE_CONTEXTS}\n`);
  }
}
