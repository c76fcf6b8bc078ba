/** The site-controller of a cluster as a process: wires client, election, events, metrics and the controller, and runs until told to stop. */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../../lib/clock.ts';
import { connectCluster } from '../../../lib/kube/config.ts';
import { EventRecorder } from '../../../lib/kube/events.ts';
import { LeaderElection } from '../../../lib/kube/leader.ts';
import { createLogger, type LogLevel } from '../../../lib/log.ts';
import { systemRandom } from '../../../lib/random.ts';
import { readVersion } from '../../../lib/version.ts';
import type { ControllerSettings } from '../../reconcile/settings.ts';
import { Controller } from './controller.ts';

const COMPONENT = 'skuprt-site-controller';
const LEASE_NAME = 'skupper-controller';

export interface ControllerOptions {
  settings: ControllerSettings;
  kubeconfig?: string;
  context?: string;
  /** Several replicas: one of them leads. */
  leaderElect: boolean;
  logLevel: LogLevel;
}

/** Until `signal` aborts. @throws KubeconfigError, ContextUnknownError */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const { settings, kubeconfig, context, leaderElect, logLevel } = options;
  const log = createLogger({ name: 'site-controller', level: logLevel });
  const base = { clock: systemClock, random: systemRandom, log };
  const { client, server } = await connectCluster({ kubeconfig, context, env: process.env, userAgent: COMPONENT });
  const instance = settings.pod || randomUUID();
  const events = new EventRecorder({ client, ...base, component: COMPONENT, instance });
  const { namespace } = settings;
  const election = new LeaderElection({ client, ...base }, { namespace, name: LEASE_NAME, identity: instance });
  const controller = new Controller({
    client,
    ...base,
    settings,
    version: readVersion(),
    onEvent: (event) => events.record(event),
    elect: async (lead, until) => (leaderElect ? election.run(until, lead) : lead(until)),
  });
  log.info({ server, controller: settings.name, version: readVersion() }, 'site-controller started');
  try {
    await controller.run(signal);
  } finally {
    await events.stop();
    client.close();
    log.info('site-controller stopped');
  }
}
