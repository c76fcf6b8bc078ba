/** Bounds on the sections of a message that are parsed, checked on the claimed size before waiting for the octets. */

/** Any section before the body: a trace of 128 routers with long names is about 32 KiB. */
export const headSectionSizeBytesMax = 128 * 1024;

/** A body that is decoded at once: management, mesh and telemetry messages. Streamed bodies are never decoded. */
export const bodySectionSizeBytesMax = 16 * 1024 * 1024;

/** Octets of a section of which not even the size is known: its descriptor, and descriptors of the value itself. */
export const SECTION_START_BYTES_MAX = 1024;
