/** Which exports share their connections among a Service as one of their versions: when its endpoints change, they are looked at again. */
import type { KubeObject } from '../../../lib/kube/object.ts';
import { versionNames } from '../../reconcile/connector/versions.ts';
import { serviceKey } from '../../records.ts';

export class VersionUsers {
  private readonly users = new Map<string, Set<string>>();

  /** Keys of exports. @param key of a Service */
  usersOf(key: string): Iterable<string> {
    return this.users.get(key) ?? [];
  }

  /** A ServiceExport came, changed or went. */
  changed(before: KubeObject | undefined, after: KubeObject | undefined): void {
    for (const [version, user] of versionsOf(before)) {
      const users = this.users.get(version);
      users?.delete(user);
      if (users?.size === 0) this.users.delete(version);
    }
    for (const [version, user] of versionsOf(after)) {
      const users = this.users.get(version);
      if (users === undefined) this.users.set(version, new Set([user]));
      else users.add(user);
    }
  }
}

/** Keys of Services, each with that of the export. */
function versionsOf(made: KubeObject | undefined): [version: string, user: string][] {
  if (made === undefined) return [];
  const { namespace = '', name } = made.metadata;
  const user = serviceKey({ namespace, name });
  return versionNames(made).map((each) => [serviceKey({ namespace, name: each }), user]);
}
