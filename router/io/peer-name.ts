/** The name that a peer's verified certificate gives it: its subject, most general attribute first, as skupper-router forms it. */
import type { TLSSocket } from 'node:tls';

/** @returns undefined when no certificate was verified */
export function peerName(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return undefined;
  const subject = socket.getPeerCertificate()?.subject;
  if (!subject) return undefined;
  const parts = Object.entries(subject).flatMap(([key, value]) => [value].flat().map((each) => `${key}=${each}`));
  return parts.join(',');
}
