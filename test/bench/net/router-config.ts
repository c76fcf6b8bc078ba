/** The two routers' configuration, read unchanged by skuprt and by skrouterd: everything not about this pair is default. */
import type { Setup } from './systems.ts';

export interface RouterConfig {
  readonly id: string;
  readonly entities: readonly (readonly [string, Record<string, string | number | boolean>])[];
}

const HOST = '127.0.0.1';
const ADDRESS = 'bench';

/** The accepting router, before the workload, comes first; the dialling one has the entry port. */
export function routerConfigs(setup: Omit<Setup, 'directory'>): readonly [RouterConfig, RouterConfig] {
  const { certificates, linkPort, dialPort, entryPort, backendPort } = setup;
  const router = (id: string) => ['router', { id, mode: 'interior' }] as const;
  const profile = [
    'sslProfile',
    {
      name: 'link-tls',
      caCertFile: certificates.caFile,
      certFile: certificates.certFile,
      privateKeyFile: certificates.keyFile,
    },
  ] as const;
  const link = { name: 'link', role: 'inter-router', host: HOST, sslProfile: 'link-tls', saslMechanisms: 'EXTERNAL' };
  return [
    {
      id: 'accepting',
      entities: [
        router('accepting'),
        profile,
        ['listener', { ...link, port: linkPort, authenticatePeer: true, requireSsl: true }],
        ['tcpConnector', { name: 'backend', address: ADDRESS, host: HOST, port: backendPort }],
      ],
    },
    {
      id: 'dialling',
      entities: [
        router('dialling'),
        profile,
        ['connector', { ...link, port: dialPort, verifyHostname: true }],
        ['tcpListener', { name: 'entry', address: ADDRESS, host: HOST, port: entryPort }],
      ],
    },
  ];
}
