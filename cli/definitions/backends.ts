/**
 * Flags for what is asked of servers and of ports of services: settings of Connectors and Listeners, which routers act on. What they may
 * be is that of config/service-bounds.ts.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { HTTP_HEALTH_CHECK, SERVICE_BOUNDS } from '../../config/service-bounds.ts';
import { parseSeconds, parseWhole } from '../parse.ts';

/** Of a Connector; what is not given is undefined. Times in seconds. */
export interface BackendFlags {
  healthCheck?: string;
  healthCheckInterval?: number;
  healthCheckTimeout?: number;
  healthyThreshold?: number;
  unhealthyThreshold?: number;
  connectTimeout?: number;
  maxConnections?: number;
  maxQueuedConnections?: number;
  proxyProtocol?: string;
  /** Of a Connector, not of an export. */
  share?: number;
}

export function backendOptions(command: Command): Command {
  return command
    .option('--health-check <way>', 'look at the server all the time: tcp, http:/PATH or none', parseHealthCheck)
    .option('--health-check-interval <time>', 'how often (default: 5s)', seconds('healthCheckIntervalSeconds'))
    .option('--health-check-timeout <time>', 'for an answer (default: 2s)', seconds('healthCheckTimeoutSeconds'))
    .option('--unhealthy-threshold <count>', 'failures in a row (default: 3)', whole('unhealthyThreshold'))
    .option('--healthy-threshold <count>', 'successes in a row (default: 2)', whole('healthyThreshold'))
    .option(
      '--connect-timeout <time>',
      'how long connecting to the server may take (default: 10s)',
      seconds('connectTimeoutSeconds'),
    )
    .option('--max-connections <count>', 'connections to each server at a time; 0: no limit', whole('maxConnections'))
    .option(
      '--max-queued-connections <count>',
      'more that wait for a place, as long as --connect-timeout (default: 0)',
      whole('maxQueuedConnections'),
    )
    .addOption(
      new Option('--proxy-protocol <version>', "tell the server the client's address at the beginning").choices([
        'v1',
        'v2',
        'none',
      ]),
    );
}

/** Of connectors that have their routing key with others. */
export function shareOption(command: Command): Command {
  return command.option(
    '--share <number>',
    'share of the connections among the connectors of its routing key at this site (default: 100)',
    whole('share'),
  );
}

export function intakeOptions(command: Command): Command {
  return command
    .option('--max-connections <count>', 'connections at a time; 0: no limit', whole('maxConnections'))
    .addOption(
      new Option(
        '--proxy-protocol <mode>',
        'each connection begins with a PROXY protocol header: only where nobody but a load balancer can connect',
      ).choices(['required', 'none']),
    );
}

function parseHealthCheck(text: string): string {
  if (text !== 'none' && text !== 'tcp' && !HTTP_HEALTH_CHECK.test(text)) {
    throw new InvalidArgumentError('Give tcp, http:/PATH such as http:/healthz, or none.');
  }
  return text;
}

function seconds(name: keyof typeof SERVICE_BOUNDS): (text: string) => number {
  const [least, most] = SERVICE_BOUNDS[name];
  return parseSeconds(least, most);
}

function whole(name: keyof typeof SERVICE_BOUNDS): (text: string) => number {
  const [least, most] = SERVICE_BOUNDS[name];
  return parseWhole(least, most);
}
