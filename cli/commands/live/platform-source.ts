/** What the site's resources say and routers do not: tokens, certificates. For commands that only look. */
import type { PlatformSource } from '../../../console/collector/platform-source.ts';
import { systemClock } from '../../../lib/clock.ts';
import { ResourcePlace } from '../../console/resource-place.ts';
import type { Context } from '../../context.ts';
import { UsageError } from '../../errors.ts';
import { openPlace } from '../../places/choose.ts';

export function platformSource(context: Context): PlatformSource {
  const opened = openPlace(context).then(
    (place) =>
      new ResourcePlace({
        place,
        namespace: context.namespace,
        clock: systemClock,
        issue: () =>
          Promise.reject(new UsageError('This command makes no tokens', { next: 'Make one: skuprt token create' })),
      }),
  );
  // Whoever asks first is told.
  opened.catch(() => undefined);
  return {
    events: async () => (await opened).events(),
    certificates: async () => (await opened).certificates(),
  };
}
