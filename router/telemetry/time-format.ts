/**
 * Times of log lines in the router's `timestampFormat`: the conversions of C's strftime, English names, and `%%06lu` for microseconds as
 * skupper-router takes it. Pure; the local time zone is the process's.
 */
const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const DAY_MS = 86_400_000;

/** @param at ms since 1970 */
export function formatTime(at: number, format: string, utc: boolean): string {
  // Shifted so that the UTC getters read local time.
  const offsetMinutes = utc ? 0 : -new Date(at).getTimezoneOffset();
  const time = new Date(at + offsetMinutes * 60_000);
  const converted = format.replace(
    /%(.)/gs,
    (whole, letter: string) => convert(letter, time, at, offsetMinutes) ?? whole,
  );
  // What is left is printf's, with the microseconds.
  return converted
    .replace(/%(0?)(\d*)l*[ud]/g, (_, zero: string, width: string) =>
      String(Math.floor((((at % 1000) + 1000) % 1000) * 1000)).padStart(Number(width), zero || ' '),
    )
    .replaceAll('%%', '%');
}

const two = (value: number, filler = '0'): string => String(value).padStart(2, filler);

function convert(letter: string, time: Date, at: number, offsetMinutes: number): string | undefined {
  const expand = (format: string): string =>
    format.replace(/%(.)/g, (_, each: string) => convert(each, time, at, offsetMinutes)!);
  const hour = time.getUTCHours();
  switch (letter) {
    case 'Y':
      return String(time.getUTCFullYear());
    case 'C':
      return two(Math.floor(time.getUTCFullYear() / 100));
    case 'y':
      return two(time.getUTCFullYear() % 100);
    case 'm':
      return two(time.getUTCMonth() + 1);
    case 'd':
      return two(time.getUTCDate());
    case 'e':
      return two(time.getUTCDate(), ' ');
    case 'j':
      return String(dayOfYear(time)).padStart(3, '0');
    case 'H':
      return two(hour);
    case 'I':
      return two(hour % 12 || 12);
    case 'M':
      return two(time.getUTCMinutes());
    case 'S':
      return two(time.getUTCSeconds());
    case 's':
      return String(Math.floor(at / 1000));
    case 'p':
      return hour < 12 ? 'AM' : 'PM';
    case 'a':
      return DAYS[time.getUTCDay()]!.slice(0, 3);
    case 'A':
      return DAYS[time.getUTCDay()]!;
    case 'b':
    case 'h':
      return MONTHS[time.getUTCMonth()]!.slice(0, 3);
    case 'B':
      return MONTHS[time.getUTCMonth()]!;
    case 'u':
      return String(time.getUTCDay() || 7);
    case 'w':
      return String(time.getUTCDay());
    case 'z':
      return zone(offsetMinutes);
    case 'Z':
      return offsetMinutes === 0 ? 'UTC' : zone(offsetMinutes);
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case '%':
      return '%';
    default:
      return COMPOSED[letter] === undefined ? undefined : expand(COMPOSED[letter]);
  }
}

const COMPOSED: Readonly<Record<string, string>> = {
  F: '%Y-%m-%d',
  T: '%H:%M:%S',
  R: '%H:%M',
  r: '%I:%M:%S %p',
  D: '%m/%d/%y',
  x: '%m/%d/%y',
  X: '%H:%M:%S',
  c: '%a %b %e %H:%M:%S %Y',
};

function zone(offsetMinutes: number): string {
  const minutes = Math.abs(offsetMinutes);
  return `${offsetMinutes < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
}

function dayOfYear(time: Date): number {
  return Math.floor((time.getTime() - Date.UTC(time.getUTCFullYear(), 0, 1)) / DAY_MS) + 1;
}
