/**
 * How Node is started for a router: room for new objects of 16 MiB in place of 32. With 10,000 idle flows a pair of
 * routers is half as large by it, since that room is taken twice over and never half full; smaller still gains little
 * more, and costs a router that is busy.
 */
export const ROUTER_NODE_OPTION = '--max-semi-space-size=16';
