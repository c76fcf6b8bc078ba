/** What one cluster may say, and how much of it is kept: any site of the network can send to the exchange. Lengths are of UTF-8 text. */
export const LIMITS = {
  /** Of one AMQP message. */
  messageBytesMax: 128 * 1024,
  /** Of the packed text in one message. */
  partLengthMax: 48 * 1024,
  partCountMax: 128,
  /** Changes up to here go as they are: gzip and base64 gain nothing. */
  plainLengthMax: 768,
  /** Of what is unpacked. */
  changesBytesMax: 16 * 1024 * 1024,
  entryBytesMax: 128 * 1024,

  serviceCountMax: 4096,
  ingressCountMax: 1024,
  portCountMax: 100,
  podCountMax: 1000,
  readyMax: 1_000_000,
  mapSizeMax: 64,
  labelLengthMax: 63,
  textLengthMax: 1024,
  annotationLengthMax: 16 * 1024,
  selectorCountMax: 16,
  selectorValueCountMax: 64,
  externalCountMax: 64,
  hostCountMax: 256,
  /** Entries of an update of which the trace is told. */
  traceCountMax: 16,
  traceLengthMax: 128,
  idLengthMax: 256,
  /** Leaves room to go above: Number.MAX_SAFE_INTEGER is never reached. */
  countMax: 2 ** 52,

  clusterCountMax: 512,
  clustersPerSiteMax: 4,
  /** Removed entries of which a delta can still tell; who is further behind gets a snapshot. */
  removedCountMax: 4096,
  /** Of updates in parts, for one cluster at once. */
  assemblyCountMax: 2,
  requesterCountMax: 1024,
  asideCountMax: 512,
  asidePerRouterMax: 64,
  asideBytesMax: 8 * 1024 * 1024,
  refusedCountMax: 256,

  siteMessageBytesMax: 1024 * 1024,
  siteCountMax: 1024,
  /** Within a second: each is heard by everyone. */
  siteRequestCountMax: 128,
  routersPerSiteMax: 64,
} as const;
