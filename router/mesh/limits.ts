/** Limits of the mesh. What exceeds one is ignored and counted in `MeshStats`; the site link stays. */

/** Routers in one network, this one included: skupper-router holds sets of routers in 128-bit masks. */
export const ROUTERS_MAX = 128;

/** A control message; an absolute MAU of `ADDRESSES_PER_ROUTER_MAX` ordinary addresses fits well. */
export const CONTROL_MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

/** Mobile addresses learnt of one router. */
export const ADDRESSES_PER_ROUTER_MAX = 65_536;

/** Mobile addresses learnt of all routers that are reached by one neighbour. */
export const ADDRESSES_PER_NEIGHBOUR_MAX = 131_072;

/** Keys of the address table: a class character and an address of at most 1,024. */
export const ADDRESS_KEY_LENGTH_MAX = 1025;

/** Octets of the id of an edge mesh. */
export const MESH_ID_LENGTH = 15;

export const ROUTER_ID_LENGTH_MAX = 255;

/** Cost of one site link; the sum over a path stays an exact integer. */
export const COST_MAX = 2 ** 31 - 1;

/** Flooded messages remembered to recognise further copies. */
export const FLOOD_MEMORY_MAX = 4096;
