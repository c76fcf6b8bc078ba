/**
 * ServiceImport: a service of the cluster set, in each cluster that has its namespace. Written by the service-controller, read by
 * everybody. KEP-1645, reference 1.3; `clusterSelectorResults` is the draft KEP-5939.
 */
import Type from 'typebox';
import { sharedResource } from './resource.ts';
import { choice, closed } from './schema.ts';
import { CLUSTER_SELECTORS_MAX, MCS_API_VERSIONS } from './service-export.ts';
import { StandardCondition } from './standard-condition.ts';

const FAMILIES_MAX = 2;

const ImportPort = closed({
  name: Type.Optional(Type.String({ description: 'A DNS label; may be left out when there is one port only.' })),
  protocol: Type.Optional(Type.String({ description: 'TCP, UDP or SCTP; TCP when not said.' })),
  appProtocol: Type.Optional(Type.String({ description: 'What is spoken on it, as in a Service.' })),
  port: Type.Integer({ description: 'The port that clients use.' }),
});

export const ServiceImportSpec = closed({
  ports: Type.Array(ImportPort, { description: 'Those of all clusters.' }),
  type: choice(['ClusterSetIP', 'Headless'], 'Whether it has addresses of its own.'),
  ips: Type.Optional(
    Type.Array(Type.String(), {
      maxItems: FAMILIES_MAX,
      description: 'Addresses in this cluster; none when headless.',
    }),
  ),
  ipFamilies: Type.Optional(
    Type.Array(Type.String(), { maxItems: FAMILIES_MAX, description: 'IPv4 and IPv6, in the order of ips.' }),
  ),
  sessionAffinity: Type.Optional(Type.String({ description: 'None or ClientIP, as in a Service.' })),
  sessionAffinityConfig: Type.Optional(
    closed(
      {
        clientIP: Type.Optional(
          closed(
            {
              timeoutSeconds: Type.Optional(
                Type.Integer({ description: 'How long a client stays with the same endpoint without connections.' }),
              ),
            },
            { description: 'Of ClientIP.' },
          ),
        ),
      },
      { description: 'As in a Service.' },
    ),
  ),
  internalTrafficPolicy: Type.Optional(Type.String({ description: 'As in a Service.' })),
  trafficDistribution: Type.Optional(Type.String({ description: 'As in a Service.' })),
});

export const ServiceImportStatus = Type.Object({
  clusters: Type.Optional(
    Type.Array(Type.Object({ cluster: Type.String({ description: 'The id of the cluster in its set.' }) }), {
      description: 'Those that export it.',
    }),
  ),
  conditions: Type.Optional(
    Type.Array(StandardCondition, {
      description: 'Ready: it can be used in this cluster. More have a domain in front.',
    }),
  ),
  endpointSliceObjects: Type.Optional(
    choice(
      ['Present', 'Absent'],
      'Whether this cluster has EndpointSlices of it with the labels of the multi-cluster services API.',
    ),
  ),
  observedGeneration: Type.Optional(Type.Integer({ description: 'The generation that clusterSelectorResults is of.' })),
  clusterSelectorResults: Type.Optional(
    Type.Array(
      Type.Object({
        clusters: Type.Optional(Type.Array(Type.String(), { description: 'Ids, in order.' })),
      }),
      {
        maxItems: CLUSTER_SELECTORS_MAX,
        description: 'The clusters that each clusterSelector of the exports means here.',
      },
    ),
  ),
});

export const ServiceImport = sharedResource(MCS_API_VERSIONS, 'ServiceImport', ServiceImportSpec, ServiceImportStatus);
export type ServiceImportSpec = Type.Static<typeof ServiceImportSpec>;
export type ServiceImportStatus = Type.Static<typeof ServiceImportStatus>;
export type ServiceImport = Type.Static<typeof ServiceImport>;
