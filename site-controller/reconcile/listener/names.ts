/** Names of the router's tcpListeners, those that Skupper gives them. */

/** Of a Listener or a MultiKeyListener. */
export function entityName({ kind, metadata }: { kind: string; metadata: { name: string } }): string {
  return kind === 'Listener' ? `listener/${metadata.name}` : `multiAddress/${metadata.name}`;
}

/** Of one pod that a Listener offers under the pod's own name. */
export function podEntityName(listener: string, pod: string): string {
  return `listener/${listener}@${pod}`;
}
