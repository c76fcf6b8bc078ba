/** The limits of observers; beyond one an observer gives up, and the connection that it looked at goes on. */

/** Of a start line, a chunk's size or a header that matters, line end included. */
export const LINE_BYTES_MAX = 8192;
/** Of a message's head or trailers. */
export const HEAD_BYTES_MAX = 262_144;
/** Requests of one HTTP/1 connection that wait for their responses. */
export const PIPELINED_REQUEST_COUNT_MAX = 256;
/** Of the words that go into records. */
export const WORD_LENGTH_MAX = 128;

/** Of an HTTP/2 header block, its continuations included. */
export const HEADER_BLOCK_BYTES_MAX = 262_144;
/** HTTP/2 streams open at once. */
export const STREAM_COUNT_MAX = 4096;
/** Of the dynamic table of a direction, as HPACK counts it; the table here holds a few numbers an entry. */
export const HEADER_TABLE_BYTES_MAX = 262_144;
/** Octets of a server kept while the client's protocol is not known. */
export const SERVER_BYTES_HELD_MAX = 16_384;
