/**
 * ClusterAccessPolicy and AccessPolicy: who may connect to, expose and import services, and which sites may link. One spec for both;
 * `lib/policy` says what it means, and what else it may not say (`parsePolicySpec`).
 */
import Type from 'typebox';
import { POLICY_BOUNDS as BOUNDS } from '../../lib/policy/limits.ts';
import { ACTIONS, DIRECTIONS, OPERATIONS, VERIFICATIONS } from '../../lib/policy/types.ts';
import { sharedResource } from './resource.ts';
import { choice, closed, flag, statusOf } from './schema.ts';

export const POLICY_GROUP = 'skuprt.io';
export const POLICY_API_VERSION = `${POLICY_GROUP}/v1alpha1` as const;

function names(description: string) {
  const name = Type.String({
    minLength: 1,
    maxLength: BOUNDS.nameLength,
    title: `a text of 1 to ${BOUNDS.nameLength} characters; * stands for any`,
  });
  return Type.Optional(Type.Array(name, { minItems: 1, maxItems: BOUNDS.names, description }));
}

function count(description: string, maximum: number = BOUNDS.connections) {
  return Type.Integer({ minimum: 1, maximum, title: `a whole number from 1 to ${maximum}`, description });
}

const labelText = () => Type.String({ maxLength: BOUNDS.labelLength });

function labelSelector(description: string) {
  const expression = closed({
    key: Type.String({
      minLength: 1,
      maxLength: BOUNDS.labelLength,
      title: 'the key of a label',
      description: 'The key of a label.',
    }),
    operator: choice(['In', 'NotIn', 'Exists', 'DoesNotExist'], 'How its value relates to values.'),
    values: Type.Optional(Type.Array(labelText(), { maxItems: BOUNDS.names, description: 'Of In and NotIn.' })),
  });
  return Type.Optional(
    closed(
      {
        matchLabels: Type.Optional(
          Type.Unsafe<Record<string, string>>({
            type: 'object',
            additionalProperties: { type: 'string', maxLength: BOUNDS.labelLength, title: 'a string, in quotes' },
            description: 'Labels and the values that they must have.',
          }),
        ),
        matchExpressions: Type.Optional(
          Type.Array(expression, { maxItems: BOUNDS.expressions, description: 'All must hold.' }),
        ),
      },
      { description },
    ),
  );
}

const SERVICE = {
  names: names('Names of Listeners, Connectors and exported Services.'),
  routingKeys: names('Routing keys of the network.'),
  selector: labelSelector('Labels of the Listener, Connector or exported Service.'),
};
const ClusterServiceSelector = closed({
  ...SERVICE,
  namespaces: names('Namespaces of services, or of sites that link.'),
});

const ClientSelector = closed({
  sites: names('Names or ids of sites.'),
  namespaces: names('Namespaces of clients, as their own site has them.'),
  workloads: names('Owners of pods: names of Deployments, StatefulSets, ...'),
  serviceAccounts: names('Service accounts of pods.'),
  selector: labelSelector('Labels of pods.'),
  direction: Type.Optional(choice(DIRECTIONS, 'Of Link: Outgoing links are those that this site dials.')),
  hosts: names('Of Link: hosts that this site dials.'),
  verification: Type.Optional(
    choice(
      VERIFICATIONS,
      'The least that is asked of what is known of the client: local (of this site), link (of a neighbour), path (routers in between ' +
        'vouch for it) or none (as it says itself). path unless given, where the rest names something of the client. A Deny rule matches ' +
        'however it is known.',
    ),
  ),
});

const Queue = closed(
  {
    length: count('How many connections wait.', BOUNDS.queueLength),
    seconds: count('For how long.', BOUNDS.queueSeconds),
  },
  { description: 'Connections beyond the limit wait here, clients take turns; without it they are refused at once.' },
);

const Limits = closed(
  {
    connectionsPerSecond: Type.Optional(count('New connections.')),
    connectionsBurst: Type.Optional(count("How many may come at once after a pause; a second's worth unless given.")),
    concurrentConnections: Type.Optional(count('Open connections.')),
    bytesPerSecond: Type.Optional(count('Both directions together.', Number.MAX_SAFE_INTEGER)),
    per: Type.Optional(
      choice(
        ['Rule', 'Site', 'Workload'],
        'What shares the measure: all that the rule matches, each site, each workload.',
      ),
    ),
    queue: Type.Optional(Queue),
  },
  { description: 'With Limit, of each router by itself.' },
);

const Rule = closed({
  action: choice(ACTIONS, 'Limit allows what it matches, within its limits. A Deny that matches wins.'),
  operations: Type.Optional(
    Type.Array(choice(OPERATIONS), {
      minItems: 1,
      maxItems: OPERATIONS.length,
      description: 'Connect to a service, Expose or Import it here, Link sites; Connect unless given.',
    }),
  ),
  from: Type.Optional(
    Type.Array(ClientSelector, {
      minItems: 1,
      maxItems: BOUNDS.clients,
      description: 'Whom it is about, any of them; all clients unless given. Of one entry, all that is said must hold.',
    }),
  ),
  limits: Type.Optional(Limits),
});

function specOf<Selector extends Type.TSchema>(selector: Selector) {
  return closed({
    services: Type.Optional(
      Type.Array(selector, {
        minItems: 1,
        maxItems: BOUNDS.services,
        description:
          'What it is about, any of them; all services unless given. Of one entry, all that is said must hold.',
      }),
    ),
    rules: Type.Array(Rule, {
      minItems: 1,
      maxItems: BOUNDS.rules,
      description: 'What is allowed. Of an operation that no rule names, the policy says nothing.',
    }),
    dryRun: flag('Only says, and counts, what it would refuse.'),
    enforceExisting: flag('Open connections and links that it no longer allows are reset.'),
  });
}

export const PolicyStatus = statusOf({
  observedGeneration: Type.Optional(Type.Integer({ description: 'The generation that the rest is about.' })),
  selected: Type.Optional(
    Type.Object(
      {
        listeners: Type.Optional(Type.Integer({ description: 'Of this cluster or site.' })),
        connectors: Type.Optional(Type.Integer({ description: 'Of this cluster or site.' })),
        sites: Type.Optional(Type.Integer({ description: 'Whose links it governs.' })),
      },
      { description: 'How much it governs.' },
    ),
  ),
});

export const ClusterAccessPolicySpec = specOf(ClusterServiceSelector);
export const AccessPolicySpec = specOf(closed(SERVICE));
export const ClusterAccessPolicy = sharedResource(
  [POLICY_API_VERSION],
  'ClusterAccessPolicy',
  ClusterAccessPolicySpec,
  PolicyStatus,
);
export const AccessPolicy = sharedResource([POLICY_API_VERSION], 'AccessPolicy', AccessPolicySpec, PolicyStatus);
export type PolicyStatus = Type.Static<typeof PolicyStatus>;
export type ClusterAccessPolicy = Type.Static<typeof ClusterAccessPolicy>;
export type AccessPolicy = Type.Static<typeof AccessPolicy>;
