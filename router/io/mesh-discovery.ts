/**
 * `QDROUTERD_AUTO_MESH_DISCOVERY=INFER`: the pod `NAME-N` of a stateful set dials the pods `NAME-0` to `NAME-(N-1)`, by the names that a
 * headless service gives them, at the port and with the sslProfile of its own inter-router listener.
 */
import { existsSync, readFileSync } from 'node:fs';
import { type ConfigForm, readSections } from '../management/sections.ts';

type Env = Readonly<Record<string, string | undefined>>;

const NAMESPACE_FILE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';
const DEFAULT_PORT = '55672';
/** Of a stateful set. */
const PODS_MAX = 1000;

/** `text` with the connectors behind it; as it was where the host's name has no number. */
export function meshConnectors(text: string, form: ConfigForm, env: Env): string {
  const connectors = hosts(env).map((host) => {
    const shared = sharedAttributes(text, form, env);
    return { role: 'inter-router', host, ...shared, name: `auto-mesh-connector/${host}:${shared.port}` };
  });
  if (connectors.length === 0) return text;
  if (form === 'text') return [text, ...connectors.map(textSection)].join('\n');
  return `${text.trimEnd().replace(/\]$/, '')},${connectors.map((each) => JSON.stringify(['connector', each])).join(',')}]`;
}

function hosts(env: Env): string[] {
  const [, prefix, number] = /^(.*)-([0-9]+)$/.exec(env.HOSTNAME ?? '') ?? [];
  if (prefix === undefined) return [];
  const service = env.QDROUTERD_AUTO_MESH_SERVICE_NAME ?? `${env.APPLICATION_NAME ?? 'amq-interconnect'}-headless`;
  const namespace = env.POD_NAMESPACE || namespaceOfPod();
  const count = Math.min(Number(number), PODS_MAX);
  return Array.from({ length: count }, (_, at) => `${prefix}-${at}.${service}.${namespace}.svc.cluster.local`);
}

function namespaceOfPod(): string {
  return existsSync(NAMESPACE_FILE) ? readFileSync(NAMESPACE_FILE, 'utf8').trim() : 'default';
}

function sharedAttributes(text: string, form: ConfigForm, env: Env): Record<string, string> & { port: string } {
  const listener = readSections(text, form)
    .sections.map(({ type, attributes }) => ({
      type,
      ...Object.fromEntries(attributes.map(({ name, value }) => [name, value])),
    }))
    .find((section: Record<string, unknown>) => section.type === 'listener' && section.role === 'inter-router') as
    | Record<string, unknown>
    | undefined;
  if (listener === undefined) return { port: DEFAULT_PORT };
  const { QDROUTERD_AUTO_MESH_SASL_MECHANISMS: saslMechanisms } = env;
  const { QDROUTERD_AUTO_MESH_SASL_USERNAME: saslUsername, QDROUTERD_AUTO_MESH_SASL_PASSWORD: saslPassword } = env;
  return {
    port: String(listener.port ?? DEFAULT_PORT),
    ...(saslUsername && saslPassword
      ? { ...(saslMechanisms ? { saslMechanisms } : {}), saslUsername, saslPassword }
      : {}),
    ...(listener.sslProfile === undefined ? {} : { sslProfile: String(listener.sslProfile), verifyHostname: 'no' }),
  };
}

function textSection(attributes: Readonly<Record<string, string>>): string {
  const lines = Object.entries(attributes).map(([name, value]) => `    ${name}: ${JSON.stringify(value).slice(1, -1)}`);
  return `connector {\n${lines.join('\n')}\n}\n`;
}
