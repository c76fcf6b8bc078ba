/** Texts of which there is one right order or form, wherever they come from: compared by code units, names of DNS. Pure. */

/** By code units: the same in each locale. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Controls a terminal, or turns the order of what is read around. */
const CONTROLS = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/** One line. Names and messages come from other sites: what shows them is not to be steered by them. */
export function cleanText(text: string): string {
  return text.replace(CONTROLS, ' ');
}

/** The same of several lines. */
export function cleanLines(text: string): string {
  return text.replace(CONTROLS, (control) => (control === '\n' || control === '\t' ? control : ' '));
}

const LABEL = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?';
/** One label of a DNS name as Kubernetes takes it (RFC 1123), in lower case. */
const DNS_LABEL = new RegExp(`^${LABEL}$`);
const DNS_NAME = new RegExp(`^${LABEL}(\\.${LABEL})*$`);
const DNS_NAME_LENGTH_MAX = 253;

/** At most 63 lower-case letters, digits and hyphens, as Kubernetes takes them (RFC 1123). */
export function isDnsLabel(text: string): boolean {
  return DNS_LABEL.test(text);
}

/** One or more such labels, 253 characters together, without a dot at the end. */
export function isDnsName(text: string): boolean {
  return text.length <= DNS_NAME_LENGTH_MAX && DNS_NAME.test(text);
}

/** A DNS name, or `*.` before one: as in hosts of rules and certificates. */
export function isHostPattern(text: string): boolean {
  return text.length <= DNS_NAME_LENGTH_MAX && isDnsName(text.replace(/^\*\./, ''));
}
