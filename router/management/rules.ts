/**
 * Rules across attributes and entities, on entities that passed the schema one by one.
 *
 * The same for a file and for CREATE and UPDATE over management.
 */
import { parsePolicyText, parseReference } from '../../lib/policy/parse.ts';
import {
  type ConnectorEntity,
  type Entity,
  type EntityOf,
  type EntityType,
  type ListenerAddressEntity,
  type ListenerEntity,
  SUPPORTED_ROLES,
  type TcpListenerEntity,
} from './schema.ts';
import { DEFAULT_ROUTER_ID } from './schema-config.ts';

/** Beside an entity, as far as its rules look. */
export interface Surroundings {
  /** Of the router; absent when that entity itself has faults. */
  readonly mode?: string;
  find(type: EntityType, name: string): Entity | undefined;
  /** It exists, but has faults of its own. */
  unsound(type: EntityType, name: string): boolean;
}

export interface Finding {
  readonly attribute: string;
  readonly message: string;
}

export interface Findings {
  readonly faults: readonly Finding[];
  /** Accepted, without effect. */
  readonly warnings: readonly Finding[];
}

/** Attributes that name another entity, and its type. */
const REFERENCES: Readonly<Record<string, EntityType>> = {
  sslProfile: 'sslProfile',
  proxyProfile: 'proxyProfile',
  listener: 'tcpListener',
};

const SASL_MECHANISMS = ['ANONYMOUS', 'EXTERNAL', 'PLAIN'];
const RESERVED_PROPERTIES = new Set([
  'product',
  'version',
  'failover-server-list',
  'network-host',
  'port',
  'scheme',
  'hostname',
]);
const RESERVED_PREFIXES = ['qd.', 'x-opt-qd.'];

export function checkEntity(entity: Entity, around: Surroundings): Findings {
  const faults: Finding[] = [];
  const warnings: Finding[] = [];
  const fault = (attribute: string, message: string) => faults.push({ attribute, message });
  const warn = (attribute: string, message: string) => warnings.push({ attribute, message });
  checkReferences(entity, around, fault);
  switch (entity.type) {
    case 'router':
      checkRouter(entity.mode, entity.id, fault);
      break;
    case 'listener':
      checkConnection(entity, around, fault, warn);
      checkListener(entity, fault, warn);
      break;
    case 'connector':
      checkConnection(entity, around, fault, warn);
      break;
    case 'tcpListener':
      checkTcpListener(entity, fault);
      break;
    case 'listenerAddress':
      checkListenerAddress(entity, around.find('tcpListener', entity.listener), fault, warn);
      break;
    case 'sslProfile':
      // Nothing secured by it could stay open.
      if ((entity.oldestValidOrdinal ?? 0) > (entity.ordinal ?? 0)) {
        fault('oldestValidOrdinal', `${entity.oldestValidOrdinal} is above the ordinal, ${entity.ordinal ?? 0}`);
      }
      break;
    case 'address':
      if ((entity.prefix === undefined) === (entity.pattern === undefined)) {
        fault('prefix', "give exactly one of 'prefix' and 'pattern'");
      }
      break;
    case 'log':
      if (entity.outputFile === 'syslog') warn('outputFile', 'has no effect: lines go to stderr instead of syslog');
      break;
    case 'accessPolicy':
      checkAccessPolicy(entity, fault);
      break;
    case 'policy':
      // Accepting it would promise a protection that is not there.
      if (entity.enableVhostPolicy) fault('enableVhostPolicy', 'vhost policies are not enforced by this router');
      break;
  }
  return { faults, warnings };
}

type Report = (attribute: string, message: string) => void;

function checkReferences(entity: Entity, around: Surroundings, fault: Report): void {
  for (const [attribute, type] of Object.entries(REFERENCES)) {
    const name = (entity as unknown as Record<string, unknown>)[attribute];
    if (typeof name !== 'string' || around.find(type, name) || around.unsound(type, name)) continue;
    fault(attribute, `there is no ${type} named '${name}'`);
  }
}

function checkRouter(mode: string, id: string, fault: Report): void {
  // An id that several routers share by default would split the network.
  if (mode !== 'standalone' && id === DEFAULT_ROUTER_ID) fault('id', `required in mode ${mode}`);
}

function checkConnection(
  entity: ListenerEntity | ConnectorEntity,
  { mode }: Surroundings,
  fault: Report,
  warn: Report,
): void {
  const { type, role } = entity;
  if (role === 'inter-router' && mode !== undefined && mode !== 'interior') {
    fault('role', `inter-router needs router mode interior, not ${mode}`);
  }
  const edgeNeeds = type === 'listener' ? 'interior' : 'edge';
  if (role === 'edge' && mode !== undefined && mode !== edgeNeeds) {
    fault('role', `a ${type} of role edge needs router mode ${edgeNeeds}, not ${mode}`);
  }
  if (role === 'inter-edge' && mode !== undefined && mode !== 'edge') {
    fault('role', `inter-edge needs router mode edge, not ${mode}`);
  }
  if (!SUPPORTED_ROLES[type].includes(role)) {
    warn('role', `has no effect: a ${type} of role ${role} is not ${type === 'listener' ? 'opened' : 'dialled'}`);
  }
  // A session of one frame could not go on before it has been answered.
  if (entity.maxSessionFrames === 1) fault('maxSessionFrames', 'at least 2; 0 for the default');
  checkMechanisms(entity, warn);
  checkOpenProperties(entity, fault);
}

function checkMechanisms({ saslMechanisms }: ListenerEntity | ConnectorEntity, warn: Report): void {
  const unsupported = (saslMechanisms?.split(/[\s,]+/) ?? []).filter((name) => name && !SASL_MECHANISMS.includes(name));
  if (unsupported.length > 0) {
    warn('saslMechanisms', `${unsupported.join(', ')} has no effect: only ${SASL_MECHANISMS.join(', ')} are supported`);
  }
}

function checkOpenProperties({ role, openProperties }: ListenerEntity | ConnectorEntity, fault: Report): void {
  if (openProperties === undefined) return;
  if (role === 'inter-router' || role === 'edge') fault('openProperties', `not allowed for role ${role}`);
  for (const key of Object.keys(openProperties)) {
    if (RESERVED_PROPERTIES.has(key) || RESERVED_PREFIXES.some((prefix) => key.startsWith(prefix))) {
      fault(`openProperties.${key}`, 'the name is reserved');
    }
  }
}

function checkListener(entity: ListenerEntity, fault: Report, warn: Report): void {
  if (entity.http && entity.role !== 'normal') fault('http', `needs role normal, not ${entity.role}`);
  for (const attribute of ['requireSsl', 'requireEncryption'] as const) {
    if (entity[attribute] && entity.sslProfile === undefined) fault(attribute, 'needs an sslProfile');
  }
  const hasPasswords = entity.saslMechanisms?.includes('PLAIN') ?? false;
  if (entity.authenticatePeer && entity.sslProfile === undefined && !entity.http && !hasPasswords) {
    warn('authenticatePeer', 'without an sslProfile or SASL PLAIN no peer can authenticate: all are refused');
  }
}

function checkTcpListener(
  { address, multiAddressStrategy, sslProfile, authenticatePeer }: TcpListenerEntity,
  fault: Report,
): void {
  if ((address === undefined) === (multiAddressStrategy === 'none')) {
    fault('address', "give exactly one of 'address' and 'multiAddressStrategy'");
  }
  if (authenticatePeer && sslProfile === undefined) fault('authenticatePeer', 'needs an sslProfile');
}

function checkAccessPolicy({ name, spec }: EntityOf<'accessPolicy'>, fault: Report): void {
  const reference = parseReference(name);
  if (reference === undefined) {
    fault('name', `'${name}' is neither ClusterAccessPolicy/NAME nor AccessPolicy/NAMESPACE/NAME`);
    return;
  }
  for (const { path, message } of parsePolicyText(reference.kind, spec).faults ?? []) fault(path, message);
}

function checkListenerAddress(
  { weight }: ListenerAddressEntity,
  listener: Entity | undefined,
  fault: Report,
  warn: Report,
): void {
  if (listener?.type !== 'tcpListener') return;
  const { name, multiAddressStrategy } = listener;
  if (multiAddressStrategy === 'none') fault('listener', `tcpListener '${name}' has no multiAddressStrategy`);
  if (multiAddressStrategy === 'weighted' && weight !== undefined) {
    warn('weight', "has no effect with multiAddressStrategy weighted: 'value' is the share");
  }
}
