/** What to do when the demo did not come to its end. */

export const AGAIN = { next: 'Nothing of it stays; run it again when you like' };
export const REPORT = {
  next: 'Nothing of it stays; run it again, and report it, with what -v tells, if it fails again',
};
