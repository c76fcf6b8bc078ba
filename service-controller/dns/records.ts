/** The words of DNS that zones and messages share: types, codes, records. Plain values. RFC 1035, 2782, 6891, 8482. */

export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  HINFO: 13,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const CLASS_IN = 1;

export const RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** In 12 bits, with those of EDNS. */
  BADVERS: 16,
} as const;
export type Rcode = (typeof RCODE)[keyof typeof RCODE];

export interface SoaData {
  mname: string;
  rname: string;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  minimum: number;
}

export interface SrvData {
  priority: number;
  weight: number;
  port: number;
  target: string;
}

/** `name` without the final dot; TTL in seconds. */
export type DnsRecord = { name: string; ttl: number } & (
  | { type: 'A' | 'AAAA' | 'NS' | 'CNAME'; data: string }
  | { type: 'SRV'; data: SrvData }
  | { type: 'SOA'; data: SoaData }
  | { type: 'TXT'; data: string }
  | { type: 'HINFO'; data: { cpu: string; os: string } }
);

/** A number that grows when what an answer was made from changes. */
export interface Revision {
  count: number;
}

/** What a zone says to a question. */
export interface Answer {
  rcode: Rcode;
  answers: readonly DnsRecord[];
  authorities: readonly DnsRecord[];
  /** Left out where they do not fit. */
  additionals: readonly DnsRecord[];
  /** One of these is said instead of `answers`, by weight; all of 0 count alike. */
  choices?: readonly { weight: number; answers: readonly DnsRecord[] }[];
  /** The order of `answers` says nothing: each answer begins with another one. */
  isRotating?: boolean;
  /** The answer holds while this stands still. */
  revision: Revision;
}

/** Names below some origin. Pure; `labels` are those before the origin, lower case, the leftmost first. */
export interface Zone {
  /** Lower case, without the final dot. */
  readonly origin: string;
  answer(labels: readonly string[], type: number): Answer;
}
