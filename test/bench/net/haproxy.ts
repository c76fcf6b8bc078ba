/** Two haproxy ends: TCP in, one mutually authenticated TLS connection per flow between them, TCP out. */
import type { Setup } from './systems.ts';

export interface HaproxyConfig {
  readonly name: string;
  readonly text: string;
}

/** The accepting end comes first. */
export function haproxyConfigs(setup: Setup): readonly [HaproxyConfig, HaproxyConfig] {
  const { caFile, bundleFile } = setup.certificates;
  const tls = `ssl crt ${bundleFile} ca-file ${caFile} verify required`;
  return [
    { name: 'haproxy-accept', text: end(setup.linkPort, tls, setup.backendPort, '') },
    { name: 'haproxy-dial', text: end(setup.entryPort, '', setup.dialPort, tls) },
  ];
}

function end(listenPort: number, bindOptions: string, targetPort: number, serverOptions: string): string {
  return `defaults
  mode tcp
  timeout connect 5s
  timeout client 10m
  timeout server 10m
frontend in
  bind 127.0.0.1:${listenPort} ${bindOptions}
  default_backend out
backend out
  server next 127.0.0.1:${targetPort} ${serverOptions}
`;
}
