/** What only a site on this machine can be asked: its process, and whether its servers and ports answer. */
import type { ResourceOf } from '../../../config/api/index.ts';
import { withPort } from '../../../lib/address.ts';
import { messageOf } from '../../../lib/errors.ts';
import { type Context, commandLine } from '../../context.ts';
import type { LocalPlace } from '../../places/local.ts';
import { type Finding, fail, ok, warn } from './finding.ts';
import { probe } from './probe.ts';

export async function checkLocal(local: LocalPlace): Promise<Finding[]> {
  const idle = await local.idle();
  const faults = await local.faults();
  return [
    idle === undefined ? ok('process', 'runs') : fail('process', idle.reason, idle.next),
    faults.length === 0
      ? ok('files')
      : fail('files', faults.join('; '), 'Correct them; what was read before stays in force'),
  ];
}

/** A connection to each server behind a connector: this machine is where the router dials from. */
export async function probeConnectors(
  context: Context,
  connectors: readonly ResourceOf<'Connector'>[],
): Promise<Finding[]> {
  return await Promise.all(
    connectors.map(async ({ metadata, spec }) => {
      const check = `server of connector ${metadata.name}`;
      const { host = '', port } = spec;
      const reason = await probe(host, port, context.signal).catch(messageOf);
      if (reason === undefined) return ok(check, `${withPort(host, port)} answers`);
      const next = `Start it, or change the connector: ${commandLine(context, `connector update ${metadata.name}`)}`;
      return warn(check, `${withPort(host, port)} does not answer: ${reason}`, next);
    }),
  );
}
