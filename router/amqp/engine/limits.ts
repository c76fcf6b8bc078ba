/**
 * Bounds and thresholds of the engine. What a peer may make us allocate follows from these: sessions x links x (credit + window).
 */

/** The least max-frame-size a peer may name (2.4.1), and the one that rules before it has named any. */
export const frameSizeBytesMin = 512;
export const frameSizeBytesDefault = 16 * 1024;

/** Sessions of one connection: skupper-router uses a dozen. */
export const channelMaxDefault = 1023;

/** Links of one session: each streamed connection holds one in each direction. */
export const handleMaxDefault = 65535;

/** Transfer frames that a session takes before it must hear from us; skupper-router's own value. */
export const incomingWindowFramesDefault = 8192;

export const deliveryTagSizeBytesMax = 32;

/** Between the first look at a silent peer and the verdict: what waited in the sockets is read meanwhile, however long this process stood still. */
export const secondLookMs = 20;

/** A delivery with more queued than this raises 'sent' when it has fallen below the low mark. */
export const queuedBytesHighDefault = 128 * 1024;
export const queuedBytesLowDefault = 32 * 1024;

/** Payload pieces below this are copied behind their frame's header: cheaper than one more entry in a vectored write. */
export const copiedBytesMax = 1024;

/** Block of memory from which frame headers, small payloads and control frames are cut. */
export const blockSizeBytes = 32 * 1024;

/** What one bulk link may send before the next one's turn. */
export const quantumBytes = 64 * 1024;

/** A link that sent less than this lately goes before bulk; 'lately' halves each `recentHalfLifeMs`. */
export const lightBytesMax = 16 * 1024;
export const recentHalfLifeMs = 8;

/** No link counts as busier than this, so that a long bulk flow is forgotten in a tenth of a second. */
export const recentBytesMax = 4 * 1024 * 1024;
