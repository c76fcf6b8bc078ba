/** Limits of the core and the bridge. Each is checked before memory is taken. */

/** AMQP addresses longer than this are refused: they would travel in every MAU. */
export const ADDRESS_LENGTH_MAX = 1024;

/** Bids of one edge router that equal this router's own: the next are not heard. */
export const EQUAL_BIDS_MAX = 8;

/** Control messages that one connection may send on end; then as many in a second. A network of 128 routers in flux needs a tenth. */
export const CONTROL_BURST = 2000;
export const CONTROL_PER_SECOND = 500;
/** A control message counts once more for each so many octets. */
export const CONTROL_MESSAGE_SHARE_BYTES = 8 * 1024;
/** Of an edge router about itself. */
export const EDGE_MESSAGE_BYTES_MAX = 4096;

/** Links of one connection in use at a time, in both directions. */
export const LINKS_PER_CONNECTION_MAX = 131_072;

/** Routers of origin that a client's link counts its deliveries by; those of more are not counted so. */
export const INGRESSES_COUNTED_MAX = 1024;

/** The same fault of the same connection is told in the log once in so long. */
export const FAULT_LOG_INTERVAL_MS = 10_000;

/** Octets collected of a message whose destination is not yet known, and of messages for the router itself. */
export const MESSAGE_HEAD_BYTES_MAX = 64 * 1024;
export const LOCAL_MESSAGE_BYTES_MAX = 1024 * 1024;

/** A message is forwarded whole on a priority link up to this size; a larger one streams on a link of its own. */
export const WHOLE_MESSAGE_BYTES_MAX = 64 * 1024;

/** Of large messages that another router of ours sends, under way in one session: as much as of a client's. */
export const MESSAGE_WINDOW_BYTES = 8 * 1024 * 1024;

/** Of a message that is to be sent again when it is released, so much is kept; a larger one is not sent again. */
export const RESEND_BYTES_MAX = 1024 * 1024;

/** Octets that wait in one outlet before its inlet is held, and when it goes on. */
export const OUTLET_BYTES_HIGH = 1024 * 1024;
export const OUTLET_BYTES_LOW = 256 * 1024;
/** The same for streams that have a window of their own from end to end: only a sender that ignores it gets there. */
export const WINDOWED_OUTLET_BYTES_HIGH = 4 * 1024 * 1024;

/** Credit that a link to this router gets (skupper-router's `linkCapacity`). */
export const LINK_CAPACITY = 250;

/** Pooled streaming links kept for reuse on one connection (skupper-router keeps 128). */
export const STREAMING_LINKS_IDLE_MAX = 128;

/**
 * Sessions of one connection for streams, and for large messages. Streams to an original come with eight in each of Skupper's windows, so
 * that thousands may stop and others go on; beyond that they share.
 */
export const STREAM_SESSIONS_MAX = 1024;
export const LARGE_MESSAGE_SESSIONS_MAX = 16;
/**
 * What a stream may hold of the window of the session that it is in, when its receiver stops: its own window, what was read beyond it,
 * and its share of the room that one must have to go on.
 */
export const STREAM_SHARE_BYTES = 1_310_720;
/** Links begun in a session whose window is not known yet: what Skupper's windows bear. */
export const STREAM_LINKS_AT_FIRST = 8;

/** Pre-settled messages waiting for one link to another router; what exceeds it is dropped and counted. */
export const PRE_SETTLED_WAITING_MAX = 1000;
/** The same for one slow subscriber. */
export const SUBSCRIBER_WAITING_MAX = 1000;

/** End-to-end window of a flow and direction towards any router (wire reference 6.6). */
export const FLOW_WINDOW_BYTES = 1_042_432;

/**
 * Octets of a flow that wait for their link before no more is read from its socket. Above the engine's high-water mark, so
 * that its end is heard of; no more than a turn takes, since what waits longer is no longer in the processor's caches.
 */
export const FLOW_QUEUE_BYTES_HIGH = 192 * 1024;

/** Written octets after which the consumer of a flow reports; skupper-router reports every 521,216. */
export const FLOW_REPORT_BYTES = 256 * 1024;

/** The same window between two of ours (`bridge/send-window.ts`): at most, and at least as long as memory is not short. */
export const FLOW_WINDOW_BYTES_MAX = 64 * 1024 * 1024;
export const FLOW_WINDOW_BYTES_LOW = 256 * 1024;
/** Reports between two of ours: after so many written octets; after so few when nothing waits for the socket, and when memory is short too. */
export const FLOW_REPORT_BYTES_OURS = 128 * 1024;
export const FLOW_REPORT_BYTES_QUIET = 64 * 1024;
export const FLOW_REPORT_BYTES_SHORT = 16 * 1024;

/** What a router may hold for flows where nothing else is said (`bridge/flow-budget.ts`), at least, and what each flow may always have of it. */
export const FLOW_MEMORY_BYTES_DEFAULT = 512 * 1024 * 1024;
export const FLOW_MEMORY_BYTES_MIN = 8 * 1024 * 1024;
export const FLOW_SHARE_BYTES_MIN = 16 * 1024;
/** Flows at a time that little memory alone does not forbid (`io/flow-count.ts`). */
export const FLOW_COUNT_MIN = 1024;

/** An address that refused, or a connector whose backend did, is passed over for this long while another can take the flow. */
export const CONNECTOR_PENALTY_MS = 2000;
/** It doubles up to this with each time that the connector, tried again, has failed. */
export const CONNECTOR_PENALTY_MAX_MS = 16_000;

/** A backend that does not answer is given up after this, when the flow has no other way; the default of a tcpConnector. */
export const BACKEND_CONNECT_TIMEOUT_MS = 10_000;
/** An unfit connector leaves the address table within this, at a time of its own: two that are each other's reason must not both go. */
export const WITHDRAWAL_DELAY_MS = 1000;

/** A backend that has not answered after this loses the flow, if the flow has another way (`patience.ts`). */
export const DIAL_PATIENCE_MS = 1000;
/** What is left of it at least for each later try of the flow: a healthy backend of the same network answers in a tenth. */
export const DIAL_PATIENCE_MIN_MS = 100;
/** A flow that nobody has taken is offered again to those whose backends had little time, unless it has waited this long. */
export const SECOND_ROUND_WITHIN_MS = 5000;

/** Messages to all that entered the network at one router may come another way when none has come the former way for so long. */
export const ARRIVAL_SWITCH_MS = 500;
/** Routers for which that is watched: a network has 128, and an edge router hears of other edge routers too. */
export const ARRIVAL_ORIGINS_MAX = 1024;

/** A message under way for longer is counted as stuck, which is looked for as often as this. */
export const STUCK_AFTER_MS = 10_000;
export const STUCK_SWEEP_MS = 5_000;
