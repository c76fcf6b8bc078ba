/**
 * DNSEndpoint: records for external-dns to put into a zone outside of the cluster. The kind is that of external-dns; this schema is our
 * own, of what it understands, for clusters that do not have it.
 */
import Type from 'typebox';
import { sharedResource } from './resource.ts';
import { closed, stringMap, text } from './schema.ts';

export const EXTERNAL_DNS_GROUP = 'externaldns.k8s.io';
export const EXTERNAL_DNS_API_VERSIONS = [`${EXTERNAL_DNS_GROUP}/v1alpha1`] as const;

const RECORDS_MAX = 1000;
const TARGETS_MAX = 1000;
const PROVIDER_SETTINGS_MAX = 100;

const ProviderSetting = closed({
  name: text('As the provider calls it.'),
  value: Type.Optional(Type.String({ description: 'Its value.' })),
});

const Record = closed({
  dnsName: text('The name.'),
  recordType: text('A, AAAA, CNAME, TXT, SRV, or another type that the provider has.'),
  targets: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: TARGETS_MAX,
      description: 'Addresses, or whatever records of the type hold.',
    }),
  ),
  recordTTL: Type.Optional(Type.Integer({ minimum: 0, description: 'Seconds; 0 leaves it to the provider.' })),
  setIdentifier: Type.Optional(
    Type.String({ description: 'Tells records of one name and type apart, where the provider weighs them.' }),
  ),
  labels: Type.Optional(stringMap('Of external-dns itself.')),
  providerSpecific: Type.Optional(
    Type.Array(ProviderSetting, {
      maxItems: PROVIDER_SETTINGS_MAX,
      description: 'Settings of one provider, such as weights.',
    }),
  ),
});

export const DnsEndpointSpec = closed({
  endpoints: Type.Optional(Type.Array(Record, { maxItems: RECORDS_MAX, description: 'The records.' })),
});

export const DnsEndpointStatus = Type.Object({
  observedGeneration: Type.Optional(Type.Integer({ description: 'The generation that external-dns has seen.' })),
});

export const DnsEndpoint = sharedResource(EXTERNAL_DNS_API_VERSIONS, 'DNSEndpoint', DnsEndpointSpec, DnsEndpointStatus);
export type DnsEndpoint = Type.Static<typeof DnsEndpoint>;
