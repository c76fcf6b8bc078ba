/**
 * Reads the spec of a policy, from JSON or as it is in memory, with all faults at once. Pure. It is strict: a member that is not known
 * is a fault, for a selector that is left out by mistake would select everybody.
 */
import { messageOf } from '../errors.ts';
import { checkOf, choice, fault, isRecord, type Shape, type ShapeFault, Type } from '../shape.ts';
import { suggestion } from '../suggest.ts';
import { POLICY_BOUNDS as BOUNDS, POLICY_TEXT_OCTETS_MAX } from './limits.ts';
import { ACTIONS, DIRECTIONS, OPERATIONS, type PolicyDocument, type PolicySpec, VERIFICATIONS } from './types.ts';
import { meaningFaults } from './valid.ts';

/** `path` as people write it: `spec.rules[0].from`. */
export interface PolicyFault {
  readonly path: string;
  readonly message: string;
}

type Members = Parameters<typeof Type.Object>[0];

/** Holds nothing but its members. */
function closed<const M extends Members>(members: M) {
  const open = Type.Object(members);
  const look = (value: unknown, path: string, faults: ShapeFault[]) => {
    open.look(value, path, faults);
    if (!isRecord(value)) return;
    for (const key of Object.keys(value)) {
      if (Object.hasOwn(members, key)) continue;
      fault(faults, `${path}/${key}`, `is not a known key${suggestion(key, Object.keys(members))}`);
    }
  };
  return { ...open, look };
}

/** At least one: an empty list would select nothing. */
function some<S extends Shape<unknown>>(item: S, maxItems: number) {
  const list = Type.Array(item, { maxItems });
  const look = (value: unknown, path: string, faults: ShapeFault[]) => {
    if (Array.isArray(value) && value.length === 0) fault(faults, path, 'must have at least one item');
    else list.look(value, path, faults);
  };
  return { ...list, look };
}

const Name = Type.String({ minLength: 1, maxLength: BOUNDS.nameLength });
const Names = Type.Optional(some(Name, BOUNDS.names));
const LabelText = Type.String({ maxLength: BOUNDS.labelLength });
const Count = (maximum: number = BOUNDS.connections) => Type.Optional(Type.Integer({ minimum: 1, maximum }));

const Labels = Type.Optional(
  closed({
    matchLabels: Type.Optional(Type.Record(LabelText)),
    matchExpressions: Type.Optional(
      Type.Array(
        closed({
          key: Type.String({ minLength: 1, maxLength: BOUNDS.labelLength }),
          operator: choice(['In', 'NotIn', 'Exists', 'DoesNotExist']),
          values: Type.Optional(Type.Array(LabelText, { maxItems: BOUNDS.names })),
        }),
        { maxItems: BOUNDS.expressions },
      ),
    ),
  }),
);

const Service = closed({ names: Names, namespaces: Names, routingKeys: Names, selector: Labels });

const Client = closed({
  sites: Names,
  namespaces: Names,
  workloads: Names,
  serviceAccounts: Names,
  selector: Labels,
  direction: Type.Optional(choice(DIRECTIONS)),
  hosts: Names,
  verification: Type.Optional(choice(VERIFICATIONS)),
});

const LimitsShape = closed({
  connectionsPerSecond: Count(),
  connectionsBurst: Count(),
  concurrentConnections: Count(),
  bytesPerSecond: Count(Number.MAX_SAFE_INTEGER),
  per: Type.Optional(choice(['Rule', 'Site', 'Workload'])),
  queue: Type.Optional(
    closed({
      length: Type.Integer({ minimum: 1, maximum: BOUNDS.queueLength }),
      seconds: Type.Integer({ minimum: 1, maximum: BOUNDS.queueSeconds }),
    }),
  ),
});

const Spec = closed({
  services: Type.Optional(some(Service, BOUNDS.services)),
  rules: some(
    closed({
      action: choice(ACTIONS),
      operations: Type.Optional(some(choice(OPERATIONS), OPERATIONS.length)),
      from: Type.Optional(some(Client, BOUNDS.clients)),
      limits: Type.Optional(LimitsShape),
    }),
    BOUNDS.rules,
  ),
  dryRun: Type.Optional(Type.Boolean()),
  enforceExisting: Type.Optional(Type.Boolean()),
});
const check = checkOf(Spec);

export type ParsedSpec =
  | { readonly spec: PolicySpec; readonly faults?: undefined }
  | { readonly faults: PolicyFault[] };

/** The spec of a policy of that kind. */
export function parsePolicySpec(kind: PolicyDocument['kind'], value: unknown): ParsedSpec {
  if (!check.Check(value)) {
    return {
      faults: check.Errors(value).map(({ instancePath, message }) => ({ path: placeOf(instancePath), message })),
    };
  }
  const faults = meaningFaults(kind, value);
  return faults.length > 0 ? { faults } : { spec: value };
}

/** The same from JSON text. */
export function parsePolicyText(kind: PolicyDocument['kind'], text: string): ParsedSpec {
  if (Buffer.byteLength(text) > POLICY_TEXT_OCTETS_MAX) {
    return { faults: [{ path: 'spec', message: `must have at most ${POLICY_TEXT_OCTETS_MAX} octets` }] };
  }
  try {
    return parsePolicySpec(kind, JSON.parse(text));
  } catch (thrown) {
    return { faults: [{ path: 'spec', message: `is not JSON: ${messageOf(thrown)}` }] };
  }
}

/** `ClusterAccessPolicy/NAME` or `AccessPolicy/NAMESPACE/NAME`; undefined for anything else. */
export function parseReference(text: string): Pick<PolicyDocument, 'kind' | 'name' | 'namespace'> | undefined {
  const parts = text.split('/');
  const [kind, first = '', second = ''] = parts;
  if (kind === 'ClusterAccessPolicy' && parts.length === 2 && first !== '') return { kind, name: first };
  // The namespace of a router that is in none is empty.
  if (kind === 'AccessPolicy' && parts.length === 3 && second !== '') return { kind, namespace: first, name: second };
  return undefined;
}

/** `spec.rules[0].form is not a known key`, on lines of their own, or one after the other. */
export function faultText(faults: readonly PolicyFault[], separator = '; '): string {
  return faults.map(({ path, message }) => `${path} ${message}`).join(separator);
}

function placeOf(pointer: string): string {
  return `spec${pointer.replace(/\/(\d+)(?=\/|$)/g, '[$1]').replaceAll('/', '.')}`;
}
