/** Everything that a browser can make the console keep or do is bounded here. */
export const LIMITS = {
  /** Connections of all clients. */
  connectionCountMax: 256,
  /** Streams of events, of all and of one session: a browser has six connections to a server, streams among them. */
  streamCountMax: 100,
  streamsPerSessionMax: 16,
  /** Whoever has taken nothing of a stream for so long is cut off. */
  streamStalledMs: 30_000,
  /** What one stream may wait for at once: things that changed since it last took something. */
  streamPendingMax: 50_000,
  heartbeatMs: 10_000,
  /** What a browser waits before it opens a lost stream again. */
  retryMs: 1000,
  bodyBytesMax: 16 * 1024,
  headerBytesMax: 16 * 1024,
  pathCharsMax: 512,
  /** From the first octet of a request to its last. */
  requestTimeoutMs: 10_000,
  keepAliveMs: 5000,
  sessionCountMax: 1000,
  sessionLifeMs: 12 * 3_600_000,
  /** How long what an API server said of a token is believed. */
  sessionRecheckMs: 60_000,
  tokenCharsMax: 8 * 1024,
  /** Wrong tokens of one address in that time; and of all addresses from which nobody has come in, and of all the others. */
  wrongTries: { countMax: 20, windowMs: 60_000 },
  wrongTriesInTotal: { countMax: 100, windowMs: 60_000 },
  /** Addresses of which is known that somebody has come in from there. */
  knownAddressCountMax: 1000,
  flowCountDefault: 200,
  flowCountMax: 2000,
  refusedFlowCount: 50,
  tokenRedemptionsMax: 1000,
} as const;
