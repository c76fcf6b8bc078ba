/** `policy generate` and `policy create`: a policy with one rule for each action, out of flags. */
import type { ClientSelector, PolicyRule, PolicySpec, ServiceSelector } from '../../../lib/policy/types.ts';
import { type Context, print } from '../../context.ts';
import type { PolicyFlags, PolicyMakeFlags } from '../../definitions/policies.ts';
import { UsageError } from '../../errors.ts';
import { formatManifest } from '../../output/resources.ts';
import { applyPolicies, requireMeaning } from './apply.ts';
import { toResource } from './world.ts';

export async function generatePolicy(
  context: Context,
  name: string,
  flags: PolicyFlags & { output?: string },
): Promise<void> {
  const policy = policyOf(name, flags);
  requireMeaning(context, [policy]);
  print(context, formatManifest([policy], flags.output));
}

export async function createPolicy(context: Context, name: string, flags: PolicyMakeFlags): Promise<void> {
  await applyPolicies(context, [policyOf(name, flags)], flags);
}

function policyOf(name: string, flags: PolicyFlags) {
  return toResource({ kind: flags.cluster ? 'ClusterAccessPolicy' : 'AccessPolicy', name, spec: specOf(flags) });
}

const GIVE_A_LIMIT = 'Give --connections-per-second, --concurrent-connections or --bytes-per-second';

function specOf(flags: PolicyFlags): PolicySpec {
  const { service, routingKey, serviceNamespace, operation } = flags;
  if (serviceNamespace !== undefined && !flags.cluster) {
    throw new UsageError('--service-namespace goes with --cluster: other policies are about their own namespace', {
      next: 'Give --cluster too, or make the policy in that namespace with -n',
    });
  }
  if (operation?.includes('Link') && (service ?? routingKey) !== undefined) {
    throw new UsageError('Links are of no service: --service and --routing-key do not go with --operation Link', {
      next: 'Make one policy about links, and one about services',
    });
  }
  if (flags.action === 'Deny' && flags.verification !== undefined) {
    throw new UsageError('A Deny holds however a client is known: --verification does not go with it', {
      next: 'Leave it out, or allow those who are known well with --action Allow',
    });
  }
  const services: ServiceSelector = {
    ...(service && { names: service }),
    ...(serviceNamespace && { namespaces: serviceNamespace }),
    ...(routingKey && { routingKeys: routingKey }),
  };
  const from = clientOf(flags);
  const limits = limitsOf(flags);
  const action = flags.action ?? (limits === undefined ? 'Allow' : 'Limit');
  if ((action === 'Limit') !== (limits !== undefined)) {
    throw new UsageError('Limits go with --action Limit, and it needs one', { next: GIVE_A_LIMIT });
  }
  const rule: PolicyRule = {
    action,
    ...(operation && { operations: operation }),
    ...(Object.keys(from).length > 0 && { from: [from] }),
    ...(limits && { limits }),
  };
  return {
    ...(Object.keys(services).length > 0 && { services: [services] }),
    rules: [rule],
    ...(flags.onlyTell && { dryRun: true }),
    ...(flags.enforceExisting && { enforceExisting: true }),
  };
}

function clientOf({
  fromSite,
  fromNamespace,
  fromWorkload,
  fromServiceAccount,
  host,
  direction,
  verification,
}: PolicyFlags): ClientSelector {
  return {
    ...(fromSite && { sites: fromSite }),
    ...(fromNamespace && { namespaces: fromNamespace }),
    ...(fromWorkload && { workloads: fromWorkload }),
    ...(fromServiceAccount && { serviceAccounts: fromServiceAccount }),
    ...(direction && { direction }),
    ...(host && { hosts: host }),
    ...(verification && { verification }),
  };
}

function limitsOf(flags: PolicyFlags): PolicyRule['limits'] {
  const { connectionsPerSecond, concurrentConnections, bytesPerSecond, per, queueLength, queueSeconds } = flags;
  const limits = {
    ...(connectionsPerSecond && { connectionsPerSecond }),
    ...(concurrentConnections && { concurrentConnections }),
    ...(bytesPerSecond && { bytesPerSecond }),
  };
  if (Object.keys(limits).length === 0) {
    if ([per, queueLength, queueSeconds].every((each) => each === undefined)) return undefined;
    throw new UsageError('--per, --queue-length and --queue-seconds are about limits, and there is none', {
      next: GIVE_A_LIMIT,
    });
  }
  if (queueLength === undefined && queueSeconds !== undefined) {
    throw new UsageError('--queue-seconds goes with --queue-length: without it nobody waits', {
      next: 'Give --queue-length too',
    });
  }
  const queue = queueLength === undefined ? {} : { queue: { length: queueLength, seconds: queueSeconds ?? 5 } };
  return { ...limits, ...(per && { per }), ...queue };
}
