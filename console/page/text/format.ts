/** Numbers and times as people read them. Pure: the time of day is an argument. */
const SIZE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Three digits that count: `0 B`, `12.3 MB`. */
export function size(octets: number): string {
  let value = Math.max(0, octets);
  let unit = 0;
  while (value >= 999.5 && unit < SIZE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${digits(value, unit === 0)} ${SIZE_UNITS[unit]}`;
}

/** `1.2 MB/s`; what is next to nothing is `0`. */
export function rate(octetsPerSecond: number): string {
  return octetsPerSecond < 0.5 ? '0' : `${size(octetsPerSecond)}/s`;
}

/** Of things per second. */
export function frequency(perSecond: number): string {
  return perSecond < 0.005 ? '0/s' : `${digits(perSecond, false)}/s`;
}

export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, '\u202f');
}

export function milliseconds(value: number | undefined): string {
  if (value === undefined) return '';
  return value >= 999.5 ? `${digits(value / 1000, false)} s` : `${digits(value, false)} ms`;
}

function digits(value: number, isWhole: boolean): string {
  if (isWhole || value >= 99.95 || value === 0) return String(Math.round(value));
  return value >= 9.995 ? value.toFixed(1).replace(/\.0$/, '') : value.toFixed(2).replace(/\.?0+$/, '');
}

const STEPS: readonly (readonly [string, number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
];

/** `3 d 4 h`, `12 min`, `8 s`: the two greatest units, from hours on. */
export function duration(ms: number): string {
  const at = STEPS.findIndex(([, step]) => ms >= step);
  if (at < 0) return ms < 1 ? '0 s' : `${Math.round(ms)} ms`;
  const [unit, step] = STEPS[at]!;
  const whole = Math.floor(ms / step);
  const next = at < 2 ? STEPS[at + 1]! : undefined;
  const rest = next === undefined ? 0 : Math.floor((ms - whole * step) / next[1]);
  return rest > 0 && whole < 10 ? `${whole} ${unit} ${rest} ${next![0]}` : `${whole} ${unit}`;
}

/** How long ago: `just now`, `4 min ago`. */
export function ago(at: number, now: number): string {
  const ms = now - at;
  return ms < 2000 ? 'just now' : `${duration(ms)} ago`;
}

/** `in 29 d`, or `4 h ago`. */
export function until(at: number, now: number): string {
  return at > now ? `in ${duration(at - now)}` : `${duration(now - at)} ago`;
}

const two = (value: number) => String(value).padStart(2, '0');

/** Local time: `14:03:07`. */
export function clockTime(at: number): string {
  const date = new Date(at);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Local time: `2026-11-22 14:03:07`. */
export function dateTime(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clockTime(at)}`;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** Local time, as short as it is clear: `14:03:07` today, `Nov 19 14:03` before. */
export function moment(at: number, now: number): string {
  const [date, today] = [new Date(at), new Date(now)];
  if (date.toDateString() === today.toDateString()) return clockTime(at);
  const year = date.getFullYear() === today.getFullYear() ? '' : ` ${date.getFullYear()}`;
  return `${MONTHS[date.getMonth()]} ${date.getDate()}${year} ${clockTime(at).slice(0, 5)}`;
}

export const plural = (value: number, one: string, many = `${one}s`) => `${count(value)} ${value === 1 ? one : many}`;

/** Names of one kind often differ in their ends only: what is too long loses its middle. Signs of two code units stay whole. */
export function shortened(text: string, length: number): string {
  const signs = [...text];
  if (signs.length <= length) return text;
  const head = Math.ceil((length - 1) / 2);
  return `${signs.slice(0, head).join('')}…${signs.slice(signs.length - (length - 1 - head)).join('')}`;
}
