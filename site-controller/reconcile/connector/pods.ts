/** Which pods a selector takes, and what to say when it takes none. Pure. */
import { type Finding, failed, pending } from '../../../config/api/conditions.ts';
import type { PodView } from '../cluster.ts';
import { parseSelector } from './selector.ts';

export interface Selection {
  /** Pods to connect to, by name. */
  pods: PodView[];
  /** Set when there are none: an error when no pod matches, pending while those that do are not ready. */
  finding: Finding | undefined;
}

export interface SelectionSpec {
  selector: string;
  includeNotReadyPods?: boolean;
}

/** `none` is the message for a selector that no pod matches: Skupper has two. */
export function selectPods(all: readonly PodView[], spec: SelectionSpec, none: string): Selection {
  const selector = parseSelector(spec.selector);
  if ('fault' in selector) return { pods: [], finding: failed('Configured', selector.fault) };
  const matching = all.filter(({ labels }) => selector.matches(labels)).sort((a, b) => (a.name < b.name ? -1 : 1));
  const pods = matching.filter((pod) => isEligible(pod, spec.includeNotReadyPods === true));
  if (pods.length > 0) return { pods: oneOfEachAddress(pods), finding: undefined };
  if (matching.length === 0) return { pods, finding: failed('Configured', none) };
  return { pods, finding: pending('Configured', `No pod that matches the selector is ready: ${why(matching)}`) };
}

function isEligible({ phase, ips, isDeleting, isReady }: PodView, includeNotReady: boolean): boolean {
  return phase === 'Running' && ips.length > 0 && !isDeleting && (isReady || includeNotReady);
}

/** Pods on the network of their host share an address: there, one port is one process. */
function oneOfEachAddress(pods: readonly PodView[]): PodView[] {
  const first = new Map<string, PodView>();
  for (const pod of pods) if (!first.has(pod.ips[0]!)) first.set(pod.ips[0]!, pod);
  return [...first.values()];
}

function why(pods: readonly PodView[]): string {
  const pod = pods.find(({ isDeleting }) => !isDeleting) ?? pods[0]!;
  const more = pods.length > 1 ? `, ${pods.length - 1} more` : '';
  return `${pod.name} (${pod.isDeleting ? 'being deleted' : pod.message || pod.phase})${more}`;
}
