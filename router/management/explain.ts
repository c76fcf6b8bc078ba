/**
 * `EXPLAIN`, which is ours: asks a router what its policies say, of somebody who need not be there. A request of type `accessPolicy`, whose body
 * has the operation, what is known of the client, and whom it is about: a tcpListener or tcpConnector by name, a routing key, or a service as
 * policies know it. The answer is the decision as a map.
 *
 * Who is elsewhere asks by `entityType` and `routingKey`: the answer is an `ExplainedEnds`. The client is then known as one who comes would
 * be, whatever the question says of that. Everybody in the network may ask, as all may look at what there is.
 */
import { faultText } from '../../lib/policy/parse.ts';
import {
  DIRECTIONS,
  type Direction,
  OPERATIONS,
  type Operation,
  type PolicyClient,
  VERIFICATIONS,
} from '../../lib/policy/types.ts';
import { checkOf, choice, isRecord, Type } from '../../lib/shape.ts';
import { RefusedError } from './request.ts';
import type { RawAttribute } from './sections.ts';

const END_TYPES = ['tcpListener', 'tcpConnector'] as const;
export type EndType = (typeof END_TYPES)[number];

export interface PolicyQuestion {
  readonly operation: Operation;
  readonly client: Partial<PolicyClient>;
  readonly entity?: string;
  readonly entityType?: EndType;
  readonly routingKey?: string;
  readonly service?: {
    readonly name: string;
    readonly namespace: string;
    readonly routingKey?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  /** With `Link`: of the router's site, who dials, and where. */
  readonly namespace?: string;
  readonly direction?: Direction;
  readonly host?: string;
}

const Text = Type.Optional(Type.String({ maxLength: 512 }));
const Labels = Type.Optional(Type.Record(Type.String({ maxLength: 512 })));
const Question = Type.Object({
  operation: Type.Optional(choice(OPERATIONS)),
  client: Type.Optional(
    Type.Object({
      siteId: Text,
      siteName: Text,
      namespace: Text,
      workload: Text,
      pod: Text,
      serviceAccount: Text,
      labels: Labels,
      listener: Text,
      verification: Type.Optional(choice(VERIFICATIONS)),
    }),
  ),
  entity: Text,
  entityType: Type.Optional(choice(END_TYPES)),
  routingKey: Text,
  service: Type.Optional(
    Type.Object({ name: Type.String(), namespace: Type.String(), routingKey: Text, labels: Labels }),
  ),
  namespace: Text,
  direction: Type.Optional(choice(DIRECTIONS)),
  host: Text,
});
const check = checkOf(Question);

/** @throws RefusedError */
export function questionOf(attributes: readonly RawAttribute[]): PolicyQuestion {
  const body = plainObject(Object.fromEntries(attributes.map(({ name, value }) => [name, value])));
  if (!check.Check(body)) {
    const faults = check.Errors(body).map(({ instancePath, message }) => ({ path: instancePath.slice(1), message }));
    throw new RefusedError(400, faultText(faults));
  }
  const { operation = 'Connect', client = {}, ...about } = body;
  const { entity, entityType, routingKey, service } = about;
  if (entityType !== undefined && routingKey === undefined) {
    throw new RefusedError(400, "'entityType' goes with 'routingKey'");
  }
  if (operation !== 'Link' && entity === undefined && routingKey === undefined && service === undefined) {
    throw new RefusedError(400, "name whom it is about by 'entity', 'routingKey' or 'service'");
  }
  return { operation, client, ...about };
}

/** Null is the same as nothing. */
function plainObject(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(members.map(([name, member]) => [name, plainObject(member)]));
}
