/** `-f` of commands that print things as they come. */
import { UsageError } from '../../errors.ts';

export interface FollowFlags {
  follow?: boolean;
  output?: 'json' | 'yaml';
}

/** What follows is a line each, which YAML is not. @throws UsageError */
export function requireLines({ follow, output }: FollowFlags): void {
  if (follow === true && output === 'yaml')
    throw new UsageError('-f prints JSON, a text a line, and no YAML', { next: 'Give -o json' });
}
