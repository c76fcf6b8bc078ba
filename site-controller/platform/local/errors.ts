/** What can go wrong with the files and processes of a local site. */
import { SkuprtError } from '../../../lib/errors.ts';

export class SiteRunningError extends SkuprtError {
  readonly code = 'SKUPRT_SITE_RUNNING';
  readonly fault = 'caller';
  readonly pid: number;

  constructor(namespace: string, pid: number) {
    super(`the site of namespace ${namespace} is run by process ${pid} already`, {
      next: 'Stop that process, or use another namespace',
    });
    this.pid = pid;
  }
}

export class NoFreePortError extends SkuprtError {
  readonly code = 'SKUPRT_PORT_NONE_FREE';
  readonly fault = 'environment';
}

export class NoRouterPortError extends SkuprtError {
  readonly code = 'SKUPRT_ROUTER_PORT_NONE';
  readonly fault = 'environment';
}
