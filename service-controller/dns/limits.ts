/** What the DNS server takes and keeps at most. Sizes are octets of whole messages, without the length of TCP. */
export const LIMITS = {
  /** Longer queries are no queries. */
  querySizeBytesMax: 4096,
  /** RFC 9715: what UDP carries nearly everywhere without fragments. */
  udpSizeBytesMax: 1232,
  /** RFC 1035: of clients that say nothing. */
  udpSizeBytesDefault: 512,
  tcpSizeBytesMax: 65_535,
  /** Of one headless name; A and AAAA show the same ones. */
  endpointsMax: 1000,
  /** Additional addresses of an SRV answer. */
  additionalCountMax: 16,
  /** Encoded answers kept; random names must not push out memory. */
  cachedAnswersMax: 20_000,
  /** Answers above that are made anew each time. */
  cachedSizeBytesMax: 8192,
  tcpConnectionsMax: 512,
  /** Between two queries of a connection, and for one to be read by a slow client. */
  tcpIdleMs: 15_000,
  /** Answered and not yet taken by the client: reading stops above. */
  tcpUnsentBytesMax: 256 * 1024,
} as const;

/** Seconds, of all that the cluster set says. */
export const TTL_SECONDS = 5;
/** How long a name that is not there may be held for missing: `minimum` of the SOA. */
export const NEGATIVE_TTL_SECONDS = 5;
