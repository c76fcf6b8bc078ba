/** How much these tests send: all of it where there is an original, or when FULL_VOLUME is set; else what shows the same in a minute. */
import { originalRouter } from '../support/original-router.ts';

export const isFullVolume = originalRouter !== undefined || process.env.FULL_VOLUME !== undefined;
