/**
 * What routers do not tell and a platform knows: certificates, tokens, and what happened to resources. Each platform has its own
 * (files of a local site, objects of a cluster); the collector asks it now and then.
 */
import type { PlatformCertificate, PlatformEvent } from '../model/sources.ts';

export interface PlatformSource {
  events(): Promise<readonly PlatformEvent[]>;
  certificates(): Promise<readonly PlatformCertificate[]>;
}
