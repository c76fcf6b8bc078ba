/** The parts of a router that log under a name of their own, each with its own level (`log` entities). The original's names. */
export const LOG_MODULES = [
  'ROUTER',
  'ROUTER_CORE',
  'ROUTER_HELLO',
  'ROUTER_LS',
  'ROUTER_MA',
  'MESSAGE',
  'SERVER',
  'AGENT',
  'CONTAINER',
  'ERROR',
  'POLICY',
  'HTTP',
  'CONN_MGR',
  'PYTHON',
  'PROTOCOL',
  'TCP_ADAPTOR',
  'HTTP_ADAPTOR',
  'FLOW_LOG',
  'ADDRESS_WATCH',
  'HTTP1_OBSERVER',
  'HTTP2_OBSERVER',
  'HTTP2_DECODER',
  'DEFAULT',
] as const;

export type LogModule = (typeof LOG_MODULES)[number];
