/** How long a routing key may be: it travels in what sites tell each other, where the name of a pod may be added to it. Pure. */
import { LIMITS } from '../../exchange/record.ts';

export const ROUTING_KEY_LENGTH_MAX = 256;

export function routingKeyFault(routingKey: string): string | undefined {
  const { length } = routingKey;
  if (length <= ROUTING_KEY_LENGTH_MAX) return undefined;
  return `routing key "${routingKey.slice(0, 32)}..." has ${length} characters, at most ${ROUTING_KEY_LENGTH_MAX} are possible`;
}

/** Whether other sites would take it in. */
export function canBeTold({ routingKey, host }: { routingKey: string; host: string }): boolean {
  return routingKey.length <= LIMITS.textLengthMax && host.length <= LIMITS.textLengthMax;
}
