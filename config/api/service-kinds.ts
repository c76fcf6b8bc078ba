/**
 * The kinds of services of a cluster set, in a table of their own beside KINDS: they are other projects' kinds, a cluster may have them
 * from there, and neither sites nor the site-controller know of them.
 */
import type Type from 'typebox';
import { ABOUT_API_VERSIONS, ClusterProperty } from './cluster-property.ts';
import { DnsEndpoint, EXTERNAL_DNS_API_VERSIONS } from './dns-endpoint.ts';
import { KINDS } from './index.ts';
import { MCS_API_VERSIONS, ServiceExport } from './service-export.ts';
import { ServiceImport } from './service-import.ts';

/** `apiVersion`: the one to write. `apiVersions`: all that are served, the stored one first. */
export const SERVICE_KINDS = {
  ServiceExport: {
    apiVersion: MCS_API_VERSIONS[0],
    apiVersions: MCS_API_VERSIONS,
    plural: 'serviceexports',
    isNamespaced: true,
    schema: ServiceExport,
  },
  ServiceImport: {
    apiVersion: MCS_API_VERSIONS[0],
    apiVersions: MCS_API_VERSIONS,
    plural: 'serviceimports',
    isNamespaced: true,
    schema: ServiceImport,
  },
  ClusterProperty: {
    apiVersion: ABOUT_API_VERSIONS[0],
    apiVersions: ABOUT_API_VERSIONS,
    plural: 'clusterproperties',
    isNamespaced: false,
    schema: ClusterProperty,
  },
  DNSEndpoint: {
    apiVersion: EXTERNAL_DNS_API_VERSIONS[0],
    apiVersions: EXTERNAL_DNS_API_VERSIONS,
    plural: 'dnsendpoints',
    isNamespaced: true,
    schema: DnsEndpoint,
  },
} as const;

export type ServiceKind = keyof typeof SERVICE_KINDS;
export type ServiceResourceOf<K extends ServiceKind> = Type.Static<(typeof SERVICE_KINDS)[K]['schema']>;

/** What the files of a local site may hold: its own kinds, and what it exports. For `parseKinds`. */
export const LOCAL_KINDS = { ...KINDS, ServiceExport: SERVICE_KINDS.ServiceExport } as const;
